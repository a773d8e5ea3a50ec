"""Promises of the read models: rebuilt equals live."""
