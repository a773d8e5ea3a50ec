"""Promises of the ledger: appended, ordered, sealed, proven."""
