"""The HTTP API: REST under `/v1`, the log's own files under `/log`, health and metrics."""
