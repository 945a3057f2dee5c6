"""A query made ready: translated, its tables in the session, its result's columns and its bytes known."""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from local.athena import tables
from local.athena.catalog import Catalog, is_view, view_definition
from local.athena.errors import QueryError
from local.athena.relation import Source
from local.athena.session import Session
from local.athena.tables import Lister
from local.athena.types import Type
from local.athena.types import parse as parse_type


@dataclass(frozen=True)
class Prepared:
    sql: str
    columns: list[tuple[str, Type]]
    scanned: int


def prepare(session: Session, catalog: Catalog, lister: Lister, sql: str, database: str) -> Prepared:
    scanned = [0]

    def translate(text: str, default: str) -> str:
        try:
            tree = sqlglot.parse_one(text, read="athena")
        except sqlglot.errors.ParseError as error:
            first = error.errors[0]
            raise QueryError("SYNTAX_ERROR", first["description"], (first["line"], first["col"])) from error
        ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
        for table in tree.find_all(exp.Table):
            if not table.name or (not table.db and table.name.lower() in ctes):
                continue
            name, schema = table.name.lower(), (table.db or default).lower()
            source = catalog.table(schema, name)
            if source is None:
                raise QueryError("TABLE_NOT_FOUND", f"Table 'awsdatacatalog.{schema}.{name}' does not exist")
            if is_view(source):
                definition = view_definition(source)
                session.add_view(schema, name, translate(definition["originalSql"], definition["schema"]))
            else:
                loaded = tables.load(source, schema)
                sources = [Source(one, tuple(tables.files(lister, one.location))) for one in loaded.partitions(catalog)]
                scanned[0] += sum(stored.size for one in sources for stored in one.files)
                session.add_table(loaded, sources, False)
            table.set("catalog", exp.to_identifier("awsdatacatalog"))
            table.set("db", exp.to_identifier(schema, quoted=True))
        return tree.sql("duckdb")

    session.use(database)
    translated = translate(sql, database)
    described = session.connection.execute(f"DESCRIBE {translated}").fetchall()
    return Prepared(translated, [(row[0], parse_type(row[1])) for row in described], scanned[0])
