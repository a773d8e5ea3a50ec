"""The whole estate at any moment: every subject's state, how many there were, and what differs between two."""
