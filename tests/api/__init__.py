"""Promises of the ways in and out: HTTP and command line."""
