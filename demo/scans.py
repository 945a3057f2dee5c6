"""What each of the batch run's queries read: the events once, everything else the aggregates."""

from __future__ import annotations

from collections.abc import Callable

from ecomm.tables import DERIVED

from demo.kpis import Row


def read(returned: Callable[[str], Row]) -> list[Row]:
    """One row a table, in the order of their making: table, reads, rows, bytes_scanned, check_bytes_scanned.

    returned: gives what a task of the batch returned. The bytes are Athena's own figures, of the query that wrote the
    table and of the one that checked it.
    """
    found = []
    for table in DERIVED:
        written, checked = returned(f"{table.name}.write"), returned(f"{table.name}.audit")
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
