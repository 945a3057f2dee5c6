"""Athena's queries translated for DuckDB: every name resolved, every expression typed as Trino types it.

A query is parsed by sqlglot, then compiled bottom-up into DuckDB's SQL. What is not known here is an error, never a
guess.
"""
