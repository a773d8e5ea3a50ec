"""Files of other systems, row by row, as observed facts. The way in: `run.run_import`."""
