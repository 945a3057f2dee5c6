"""A query made ready to run: translated, held against the catalogue, its bytes counted, its tables in reach."""

from __future__ import annotations

from dataclasses import dataclass

from local.athena import information_schema, pruning, relation, scan, tables
from local.athena.catalog import Catalog, is_view, view_definition
from local.athena.errors import QueryError
from local.athena.session import Session
from local.athena.sql.model import TableSource, ViewSource
from local.athena.sql.queries import Queries
from local.athena.tables import Lister, Table
from local.athena.types import VARCHAR, Type, parse, to_duckdb


@dataclass(frozen=True)
class Column:
    """A column of the result; zone: the SQL of the zone in which a timestamp with time zone is shown."""

    name: str
    type: Type
    zone: str


@dataclass(frozen=True)
class Prepared:
    """sql: the query in DuckDB's words, with columns c1, c2, …; scanned: the bytes that it reads; plan: to be shown."""

    sql: str
    columns: tuple[Column, ...]
    scanned: int
    plan: tuple[str, ...]


class CatalogTables:
    """The catalogue as the compiler asks for it; remembers which tables a query uses, each under a short name of its
    own."""

    def __init__(self, catalog: Catalog, with_path: bool) -> None:
        self._catalog = catalog
        self._hidden = ((relation.PATH, VARCHAR),) if with_path else ()
        self.used: dict[tuple[str, str], tuple[str, Table]] = {}

    def find(self, database: str, name: str) -> TableSource | ViewSource | None:
        if database == information_schema.NAME:
            return information_schema.find(self._catalog, name)
        if not self._catalog.has_database(database):
            raise QueryError("SCHEMA_NOT_FOUND", f"Schema '{database}' does not exist")
        source = self._catalog.table(database, name)
        if source is None:
            return None
        if is_view(source):
            definition = view_definition(source)
            columns = tuple(column["name"].lower() for column in definition["columns"])
            return ViewSource(definition["originalSql"], definition.get("schema") or database, columns)
        key = (database, name)
        if key not in self.used:
            self.used[key] = (f"t{len(self.used) + 1}", tables.load(source, database))
        short, table = self.used[key]
        return TableSource(
            f"temp.{short}", tuple((column.name, column.type) for column in table.all_columns), self._hidden
        )


def prepare(session: Session, catalog: Catalog, lister: Lister, sql: str, database: str) -> Prepared:
    """Raises QueryError for every mistake that Athena finds before it runs a query."""
    with_path = f'"{relation.PATH}"' in sql.lower()
    source = CatalogTables(catalog, with_path)
    compiled = Queries(sql, source, database).compile()
    written_out = Queries(sql, source, database, inline=True).compile()
    used = list(source.used.values())
    plan = scan.plan(session, used, written_out.sql)
    scans = scan.scans(plan)
    scanned = 0
    for short, table in used:
        partitions = table.partitions(catalog)
        kept = [pruning.kept_partitions(session, table, partitions, one) for one in scans if one.table == short]
        chosen = pruning.sources(lister, [one for one in partitions if any(one in each for each in kept)])
        for each, one in zip(kept, [one for one in scans if one.table == short], strict=True):
            scanned += pruning.scanned_bytes(table, [found for found in chosen if found.partition in each], one)
        view = relation.select(session.connection, table, chosen, with_path)
        session.connection.execute(f"CREATE OR REPLACE TEMP VIEW {short} AS {view}")
    columns = tuple(
        Column(column.name or f"_col{number}", column.type, column.zone)
        for number, column in enumerate(compiled.columns)
    )
    return Prepared(_as_declared(session, compiled.sql, columns), columns, scanned, tuple(scan.shown(plan, used)))


def _as_declared(session: Session, sql: str, columns: tuple[Column, ...]) -> str:
    """The query with each column as the type that it is declared to have; most have it already."""
    described = session.connection.execute(f"DESCRIBE {sql}").fetchall()
    shown = []
    for number, (column, row) in enumerate(zip(columns, described, strict=True), 1):
        wanted = to_duckdb(column.type)
        same = row[1] == wanted or (column.type.name == "timestamp with time zone") or _same(row[1], wanted)
        shown.append(f"c{number}" if same else f"CAST(c{number} AS {wanted}) AS c{number}")
    if all(f"c{number}" == one for number, one in enumerate(shown, 1)):
        return sql
    return f"SELECT {', '.join(shown)} FROM ({sql})"


def _same(one: str, other: str) -> bool:
    try:
        return parse(one) == parse(other)
    except ValueError:
        return False
