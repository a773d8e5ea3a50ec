"""The ways in and out: REST, CLI, importers, settings, and the composition root."""
