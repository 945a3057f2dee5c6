"""One DuckDB connection for one query: the catalogue's tables appear in it under their own names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from local.athena import relation, render
from local.athena.catalog import CATALOG
from local.athena.relation import Source
from local.athena.tables import Table
from local.athena.types import quote, text

THREADS = 2
MEMORY = "2GB"


class Session:
    """A connection that reads the objects' folder and its own working folder, and nothing else on the machine."""

    def __init__(self, objects: Path, work: Path) -> None:
        self.connection = duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY})
        for setting in (
            f"SET temp_directory = {text(str(work))}",
            "SET TimeZone = 'UTC'",
            "SET integer_division = true",
            f"ATTACH ':memory:' AS {CATALOG}",
            f"SET allowed_directories = [{text(str(objects))}, {text(str(work))}]",
            "SET enable_external_access = false",
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
        ):
            self.connection.execute(setting)
        self.connection.execute(render.MACROS)
        self._schemas: set[str] = set()

    def use(self, database: str) -> None:
        """Names without a database mean this one; macros and functions of ours stay in reach."""
        self._schema(database)
        self.connection.execute(f"SET search_path = {text(f'{CATALOG}.{quote(database)},memory.main')}")

    def add_table(self, table: Table, sources: Sequence[Source], with_path: bool) -> None:
        self.add_view(table.database, table.name, relation.select(self.connection, table, sources, with_path))

    def add_view(self, database: str, name: str, sql: str) -> None:
        self._schema(database)
        self.connection.execute(f"CREATE OR REPLACE VIEW {CATALOG}.{quote(database)}.{quote(name)} AS {sql}")

    def _schema(self, database: str) -> None:
        if database not in self._schemas:
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.{quote(database)}")
            self._schemas.add(database)

    def interrupt(self) -> None:
        self.connection.interrupt()

    def close(self) -> None:
        self.connection.close()
