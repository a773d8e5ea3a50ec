"""Promises, kept: mirrors the rooms, plus architecture, contract, properties, golden, e2e."""
