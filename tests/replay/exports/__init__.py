"""Exports, and what other tools read in them."""
