"""Statements on the catalogue: Hive's grammar, carried out on Glue."""
