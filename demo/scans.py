"""What each of the batch run's queries read: the events once, everything else the aggregates."""

from __future__ import annotations

from ecomm.tables import AGGREGATES, MARTS

from demo.airflow_api import Airflow
from demo.kpis import Row


def read(airflow: Airflow, dag_id: str, run_id: str) -> list[Row]:
    """One row a table, in the order of their making: table, reads, rows, bytes_scanned, check_bytes_scanned.

    The bytes are Athena's own figures, of the query that wrote the table and of the one that checked it.
    """

    def returned(table: str, task: str) -> Row:
        return dict(airflow.returned(dag_id, run_id, f"{table}.{task}") or {})

    found = []
    for table in (*AGGREGATES, *MARTS):
        written, checked = returned(table.name, "write"), returned(table.name, "audit")
        found.append(
            {
                "table": table.name,
                "reads": list(table.sources),
                "rows": written["rows"],
                "bytes_scanned": written["bytes_scanned"],
                "check_bytes_scanned": checked["bytes_scanned"],
            }
        )
    return found
