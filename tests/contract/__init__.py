"""One behaviour, promised of every database."""
