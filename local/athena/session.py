"""DuckDB as the engine runs it: two instances for the whole platform, and a session of both for each query."""

from __future__ import annotations

from pathlib import Path

import duckdb

from local.athena.types import text

THREADS = 2
MEMORY = "2GB"
_MACROS = Path(__file__).parent / "macros.sql"
# Whatever would notice that a planned table is empty, or read another part of it than the plan's filters say.
_NOT_WHEN_PLANNING = (
    "statistics_propagation,common_subplan,compressed_materialization,late_materialization,join_filter_pushdown,"
    "row_group_pruner,top_n_window_elimination,window_self_join,partitioned_execution,aggregate_function_rewriter,"
    "empty_result_pullup,join_elimination,sampling_pushdown,limit_pushdown,projection_pullup"
)


class Engine:
    """One instance that runs queries, within one limit of memory for all, and one that only plans them.

    The running one reads the objects' folder and its own working folder, and nothing else on the machine.
    """

    def __init__(self, objects: Path, work: Path) -> None:
        macros = _MACROS.read_text()
        self._running = duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY})
        for setting in (
            macros,
            f"SET temp_directory = {text(str(work))}",
            f"SET allowed_directories = [{text(str(objects))}, {text(str(work))}]",
            # It takes parts out of TRY, whose errors then end the query.
            "SET disabled_optimizers = 'common_subexpressions'",
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            "SET enable_external_access = false",
        ):
            self._running.execute(setting)
        self._planning = duckdb.connect(config={"threads": 1})
        self._planning.execute(macros)
        self._planning.execute(f"SET disabled_optimizers = {text(_NOT_WHEN_PLANNING)}")

    def session(self) -> Session:
        return Session(self._running.cursor(), self._planning.cursor())


class Session:
    """The connections of one query. Its tables and views are temporary ones, which no other query sees."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, planner: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.planner = planner
        for one in (connection, planner):
            one.execute("SET TimeZone = 'UTC'")

    def interrupt(self) -> None:
        self.connection.interrupt()

    def close(self) -> None:
        self.connection.close()
        self.planner.close()
