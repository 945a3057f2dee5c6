"""Athena on one machine: its SQL translated for DuckDB, over the objects' files, with Glue's catalogue."""
