"""Promises of the whole: processes, crashes, and the data of a real service desk."""
