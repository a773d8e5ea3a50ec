"""The archive: written, verified, restored."""
