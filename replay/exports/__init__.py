"""Exports: the log in the formats that other tools read, each in a file of its own. Reference: `docs/exports.md`."""
