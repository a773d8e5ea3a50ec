"""Answers about the past that carry their own proof: made here, and checked from the file alone."""
