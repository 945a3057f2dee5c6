"""Runs one statement: which of its kinds it is, what it reads and writes, and what it answers."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from local.athena import parameters, query, results, statements, targets, writing
from local.athena.catalog import Catalog, view_table
from local.athena.errors import QueryCancelledError, QueryError, from_duckdb
from local.athena.hive import execution
from local.athena.hive import statements as hive_statements
from local.athena.session import Engine, Session
from local.athena.tables import Lister
from local.athena.types import BIGINT, VARCHAR, Type

BYTES_LIMIT = "Query cancelled! : Bytes scanned limit was exceeded"


@dataclass
class Request:
    """What a query was started with.

    output: the S3 folder of results, ending in a slash. cutoff: the workgroup's limit of bytes scanned, if it has one.
    enforced: whether the workgroup's settings override those of the client.
    """

    id: str
    sql: str
    database: str
    output: str
    cutoff: int | None = None
    enforced: bool = False
    workgroup: str = "primary"


@dataclass
class Answer:
    """What a query answered. file: the result on disk, to be uploaded to `location`."""

    location: str
    file: Path | None = None
    columns: list[tuple[str, Type]] = field(default_factory=list)
    updated: int = 0
    manifest: str | None = None


class Run:
    """One execution, which another thread may stop; what is written and in the catalogue by then stays."""

    def __init__(
        self, request: Request, client: Callable[[str], Any], lister: Lister, engine: Engine, work: Path
    ) -> None:
        self.request = request
        self.client = client
        self.catalog = Catalog(client("glue"))
        self.s3 = client("s3")
        self.lister = lister
        self.engine = engine
        self.work = work / request.id
        self.scanned = 0
        self.stopped = threading.Event()
        self._ended = threading.Event()
        self._session: Session | None = None

    def stop(self) -> None:
        """Interrupts the query until it has ended: DuckDB forgets an interrupt that comes between two steps."""
        if not self.stopped.is_set():
            self.stopped.set()
            threading.Thread(target=self._interrupt_until_ended, daemon=True).start()

    def _interrupt_until_ended(self) -> None:
        while not self._ended.is_set():
            if self._session:
                with contextlib.suppress(duckdb.Error):
                    self._session.interrupt()
            self._ended.wait(0.05)

    def execute(self, statement: statements.AnyStatement) -> Answer:
        """Runs the statement. Raises QueryError, QueryCancelledError."""
        self.work.mkdir(parents=True, exist_ok=True)
        try:
            answer = self._dispatch(statement)
        except duckdb.InterruptException:
            raise QueryCancelledError("Query was cancelled by user") from None
        except duckdb.Error as error:
            if self.stopped.is_set():
                raise QueryCancelledError("Query was cancelled by user") from None
            raise from_duckdb(error) from error
        finally:
            self._ended.set()
            if self._session:
                self._session.close()
        return answer

    def check(self) -> None:
        if self.stopped.is_set():
            raise QueryCancelledError("Query was cancelled by user")

    def _dispatch(self, statement: statements.AnyStatement) -> Answer:
        handlers: list[tuple[type, Callable[[Any], Answer]]] = [
            (statements.Select, self._select),
            (statements.Explain, self._explain),
            (statements.CreateTableAs, self._create_table_as),
            (statements.CreateView, self._create_view),
            (statements.Insert, self._insert),
            (statements.Unload, self._unload),
            (statements.Prepare, self._prepare),
            (statements.Deallocate, self._deallocate),
            (hive_statements.Statement, self._catalogue),
        ]
        for kind, handler in handlers:
            if isinstance(statement, kind):
                return handler(statement)
        raise QueryError("NOT_SUPPORTED", f"{type(statement).__name__} is not supported")

    def prepare(self, sql: str) -> query.Prepared:
        """The query translated, its tables in reach, and its bytes counted and held against the workgroup's limit."""
        self._session = self.engine.session()
        self.check()
        prepared = query.prepare(self._session, self.catalog, self.lister, sql, self.request.database)
        if self.request.cutoff is not None and prepared.scanned > self.request.cutoff:
            raise QueryCancelledError(BYTES_LIMIT)
        self.check()
        self.scanned = prepared.scanned
        return prepared

    @property
    def session(self) -> Session:
        assert self._session is not None
        return self._session

    def _file(self, ending: str) -> tuple[Path, str]:
        return self.work / f"result{ending}", f"{self.request.output}{self.request.id}{ending}"

    def _select(self, statement: statements.Select) -> Answer:
        prepared = self.prepare(statement.sql)
        path, location = self._file(".csv")
        results.write_csv(self.session, prepared, path)
        return Answer(location, path, [(column.name, column.type) for column in prepared.columns])

    def _explain(self, statement: statements.Explain) -> Answer:
        prepared = self.prepare(statement.sql)
        lines = list(prepared.plan)
        if statement.analyze:
            rows = self.session.connection.execute(f"SELECT count(*) FROM ({prepared.sql})").fetchone()
            lines += [f"Output: {rows[0] if rows else 0} rows", f"Data scanned: {prepared.scanned} bytes"]
        path, location = self._file(".txt")
        results.write_lines([[line] for line in lines], path)
        self.scanned = prepared.scanned if statement.analyze else 0
        return Answer(location, path, [("Query Plan", VARCHAR)])

    def _create_view(self, statement: statements.CreateView) -> Answer:
        database, name = self.name(statement.name)
        present = self.catalog.table(database, name)
        if present and not (statement.replace and present.get("TableType") == "VIRTUAL_VIEW"):
            raise QueryError("ALREADY_EXISTS", f"View already exists: 'awsdatacatalog.{database}.{name}'", (1, 1))
        prepared = self.prepare(statement.sql)
        view = view_table(name, statement.sql.strip(), self.request.database, _view_columns(prepared))
        if present:
            self.catalog.update_table(database, view)
        else:
            self.catalog.create_table(database, view)
        self.scanned = 0
        return self._empty()

    def _create_table_as(self, statement: statements.CreateTableAs) -> Answer:
        database, name = self.name(statement.name)
        if self.catalog.table(database, name):
            if statement.if_not_exists:
                return self._empty()
            raise QueryError("TABLE_ALREADY_EXISTS", f"Table 'awsdatacatalog.{database}.{name}' already exists", (1, 1))
        if self.request.enforced and "external_location" in statement.properties:
            raise QueryError(
                "INVALID_TABLE_PROPERTY",
                "The Create Table As Select query failed because it was submitted with an 'external_location' property "
                "to an Athena Workgroup that enforces a centralized output location for all queries. Please remove "
                "the 'external_location' property and resubmit the query.",
            )
        target = targets.target_of_create(
            statement, database, name, f"{self.request.output}tables/{self.request.id}/", self.lister
        )
        prepared = self.prepare(statement.sql)
        rows = writing.create_table_as(self, prepared, target, statement.with_data)
        return self._written(target, rows)

    def _insert(self, statement: statements.Insert) -> Answer:
        database, name = self.name(statement.name)
        target = targets.target_of_insert(self.catalog, database, name, statement.columns)
        prepared = self.prepare(statement.sql)
        rows = writing.insert(self, prepared, target)
        return self._written(target, rows)

    def _unload(self, statement: statements.Unload) -> Answer:
        target = targets.target_of_unload(statement, self.lister)
        prepared = self.prepare(statement.sql)
        rows = writing.unload(self, prepared, target)
        return self._written(target, rows)

    def _written(self, target: targets.Target, rows: int) -> Answer:
        path, manifest = self._file("-manifest.csv")
        path.write_text("".join(f"{uri}\n" for uri in target.written))
        return Answer(manifest, path, [("rows", BIGINT)], rows, manifest)

    def _catalogue(self, statement: hive_statements.Statement) -> Answer:
        columns, rows = execution.run(statement, self.catalog, self.request.database, self.lister)
        path, location = self._file(".txt")
        results.write_lines(rows, path)
        return Answer(location, path, [(column, VARCHAR) for column in columns])

    def _prepare(self, statement: statements.Prepare) -> Answer:
        parameters.prepare(self.client("athena"), self.request.workgroup, statement.name, statement.statement)
        return self._empty()

    def _deallocate(self, statement: statements.Deallocate) -> Answer:
        parameters.deallocate(self.client("athena"), self.request.workgroup, statement.name)
        return self._empty()

    def _empty(self) -> Answer:
        path, location = self._file(".txt")
        results.write_lines([], path)
        return Answer(location, path)

    def name(self, name: statements.Name) -> tuple[str, str]:
        """The database and table that a name means. Raises QueryError where there is no such database."""
        database = name[0] or self.request.database
        if not self.catalog.has_database(database):
            raise QueryError("SCHEMA_NOT_FOUND", f"Schema '{database}' does not exist", (1, 1))
        return database, name[1]


def new_id() -> str:
    return str(uuid.uuid4())


def _view_columns(prepared: query.Prepared) -> list[tuple[str, str]]:
    """Names and types of a view's columns. Raises QueryError for one without a name, or two of the same."""
    return list(
        zip(writing.checked_names(prepared.columns), (str(column.type) for column in prepared.columns), strict=True)
    )
