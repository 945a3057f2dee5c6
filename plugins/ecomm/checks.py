"""What a check file of include/sql found: read, shown as a table in the task's log, and judged."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from ecomm import athena
from ecomm.errors import DataError

log = logging.getLogger(__name__)

WARN = "warn"


class Check(NamedTuple):
    """One row of a check file: how many rows fail it, and whether that keeps a table from being published."""

    name: str
    failing_rows: int
    detail: str
    severity: str

    @property
    def outcome(self) -> str:
        if not self.failing_rows:
            return "passed"
        return "WARNING" if self.severity == WARN else "FAILED"

    @property
    def told(self) -> str:
        return f"{self.name!r} fails in {self.failing_rows:,} rows" + (f" ({self.detail})" if self.detail else "")


def read(query_id: str, table: str) -> list[Check]:
    """The checks of an ended query of a table's check file; one without a column severity has errors only.

    Raises DataError where there is no check, which would pass whatever the table holds.
    """
    checks = [
        Check(
            str(row["check_name"]),
            int(row["failing_rows"] or 0),
            row["detail"] or "",
            row.get("severity") or "error",
        )
        for row in athena.rows(query_id)
    ]
    if not checks:
        raise DataError(f"include/sql/{table}/check.sql returned no check; a check file returns one row per check.")
    return checks


def show(checks: Sequence[Check]) -> None:
    """Logs them as a table."""
    if not checks:
        return
    width = max(len(check.name) for check in checks)
    log.info("%-8s %12s  %-*s  %s", "outcome", "failing rows", width, "check", "detail")
    for check in checks:
        level = logging.INFO if check.outcome == "passed" else logging.WARNING
        log.log(level, "%-8s %12s  %-*s  %s", check.outcome, f"{check.failing_rows:,}", width, check.name, check.detail)


def failed(checks: Sequence[Check]) -> list[str]:
    """Of those that keep the table from being published, what each found."""
    return [check.told for check in checks if check.outcome == "FAILED"]


def as_result(checks: Sequence[Check]) -> dict[str, dict[str, Any]]:
    """As a task returns them: {name: {outcome, failing_rows, detail}}."""
    return {
        check.name: {"outcome": check.outcome, "failing_rows": check.failing_rows, "detail": check.detail}
        for check in checks
    }
