"""Promises of the house: which room may know what, each rule shown able to fail."""
