"""The log as files: sealed Parquet segments that are verified, asked and restored without its database (ADR 0017)."""
