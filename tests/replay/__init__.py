"""Promises of history: any moment, as known and as in effect."""
