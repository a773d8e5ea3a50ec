"""Read models: table, apply and queries, one file each."""
