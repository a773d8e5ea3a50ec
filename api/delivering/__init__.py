"""Telling receivers of events: webhooks, from their addresses to the worker that delivers."""
