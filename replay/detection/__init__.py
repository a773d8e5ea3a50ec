"""Detectors: rules that the log itself shows to be broken, each in a file of its own."""
