"""Promises of the domain: what each command decides and each event folds to."""
