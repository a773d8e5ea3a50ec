"""The log: append, read, sequence, seal, prove. Alone in knowing the log's database."""
