"""Prints the KPIs as tables: what a person wants to see first; all of it is in the summary and in Athena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.kpis import Kpis, Row

DAYS_SHOWN = 10
CATEGORIES_SHOWN = 10
BAR_WIDTH = 24
LEVELS = "▁▂▃▄▅▆▇█"
PAGE_WIDTH = 120
ALL, HUMAN = "all", "human"


def show(console: Console, kpis: Kpis, queries: Sequence[Row], key: Mapping[str, Any]) -> None:
    """Prints all of it. key: what the choice of the partition key returned."""
    console.print()
    partition_key(console, key)
    for shown in (
        daily_visitors(kpis.daily_visitors),
        cart_abandonment(kpis.cart_abandonment),
        popular_categories(kpis.popular_categories),
        Text.assemble(("Events by UTC hour  ", "bold"), hours(kpis.events_by_hour)),
        scans(queries),
    ):
        console.print()
        console.print(shown)


def page() -> Console:
    """A console that prints nowhere and keeps what it is given: its `save_html` writes it as a page."""
    return Console(record=True, file=StringIO(), width=PAGE_WIDTH, highlight=False)


def partition_key(console: Console, key: Mapping[str, Any]) -> None:
    """Prints the choice in a sentence, and where its reasons are."""
    console.print(Text.assemble(("Partition key  ", "bold"), key["sentence"]))
    # An address that is broken into lines cannot be opened.
    console.print(Text(key["report"], style="dim"), soft_wrap=True)


def daily_visitors(rows: Sequence[Row]) -> Table:
    """The latest days of all users; sums only of what adds up, so none of visitors."""
    table = new_table("Daily visitors", "day (UTC)", "visitors", "new", "sessions", "conversion", "views", "carts")
    _add_columns(table, "purchases", "revenue")
    for row in _latest(rows, table):
        table.add_row(
            row["day"],
            *_counts(row, "visitors", "new_visitors", "sessions"),
            _rate(row["conversion_rate"]),
            *_counts(row, "views", "carts", "purchases"),
            _money(row["revenue"]),
        )
    for audience in (ALL, HUMAN):
        total = _total(rows, audience, "sessions", "sessions_with_purchase", "views", "carts", "purchases", "revenue")
        table.add_row(
            _total_label(audience),
            "",
            "",
            f"{total['sessions']:,}",
            _rate(_ratio(total["sessions_with_purchase"], total["sessions"])),
            *_counts(total, "views", "carts", "purchases"),
            _money(total["revenue"]),
            style="bold" if audience == ALL else "dim",
        )
    return table


def cart_abandonment(rows: Sequence[Row]) -> Table:
    """The latest days of all users, and the sums of both audiences."""
    table = new_table("Cart abandonment", "day (UTC)", "sessions with a cart", "abandoned", "rate", "value left")
    for row in _latest(rows, table):
        table.add_row(
            row["day"],
            *_counts(row, "sessions_with_cart", "sessions_abandoned"),
            _rate(row["abandonment_rate"]),
            _money(row["abandoned_value"]),
        )
    for audience in (ALL, HUMAN):
        total = _total(rows, audience, "sessions_with_cart", "sessions_abandoned", "abandoned_value")
        table.add_row(
            _total_label(audience),
            *_counts(total, "sessions_with_cart", "sessions_abandoned"),
            _rate(_ratio(total["sessions_abandoned"], total["sessions_with_cart"])),
            _money(total["abandoned_value"]),
            style="bold" if audience == ALL else "dim",
        )
    return table


def popular_categories(rows: Sequence[Row]) -> Table:
    """The categories most seen by all users over all days; rows without a category code have no place in it."""
    table = new_table(f"Popular categories, the first {CATEGORIES_SHOWN}", "category", "events", "views", "carts")
    _add_columns(table, "purchases", "revenue")
    table.add_column("", justify="left")
    by_code: dict[str, list[Row]] = {}
    for row in rows:
        if row["category_code"] is not None:
            by_code.setdefault(row["category_code"], []).append(row)
    measures = ("events", "views", "carts", "purchases", "revenue")
    sums = {code: _total(of_code, ALL, *measures) for code, of_code in by_code.items()}
    first = sorted(sums, key=lambda code: (-sums[code]["views"], code))[:CATEGORIES_SHOWN]
    most = max((sums[code]["views"] for code in first), default=0)
    for code in first:
        bar = "█" * max(1, round(BAR_WIDTH * _ratio(sums[code]["views"], most)))
        table.add_row(code, *_counts(sums[code], *measures[:4]), _money(sums[code]["revenue"]), Text(bar, "cyan"))
    return table


def scans(rows: Sequence[Row]) -> Table:
    """What each query of the run read, by Athena's own figures."""
    table = new_table("What Athena read", "table written", "rows", "bytes read", "by its check")
    table.add_column("from", justify="left")
    for row in rows:
        table.add_row(
            row["table"], *_counts(row, "rows", "bytes_scanned", "check_bytes_scanned"), ", ".join(row["reads"])
        )
    return table


def hours(events: Sequence[int]) -> str:
    """24 bars, from midnight, and when the most events were."""
    most = max(events, default=0)
    if not most:
        return "no events"
    bars = "".join(LEVELS[count * (len(LEVELS) - 1) // most] if count else " " for count in events)
    return f"00 {bars} 23, most at {events.index(most):02}:00 with {most:,}"


def new_table(title: str, *columns: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None, padding=(0, 2, 0, 0)
    )
    table.add_column(columns[0], justify="left", no_wrap=True)
    _add_columns(table, *columns[1:])
    return table


def _add_columns(table: Table, *names: str) -> None:
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)


def _latest(rows: Sequence[Row], table: Table) -> list[Row]:
    """The rows of the latest days of all users; says in the table how many days are left out."""
    days = [row for row in rows if row["audience"] == ALL]
    if len(days) > DAYS_SHOWN:
        table.add_row(f"{len(days) - DAYS_SHOWN} days before", style="dim")
    return days[-DAYS_SHOWN:]


def _total(rows: Sequence[Row], audience: str, *measures: str) -> Row:
    of_audience = [row for row in rows if row["audience"] == audience]
    return {measure: sum(row[measure] or 0 for row in of_audience) for measure in measures}


def _total_label(audience: str) -> str:
    return "all days" if audience == ALL else "people only"


def _counts(row: Row, *names: str) -> list[str]:
    return [f"{row[name]:,}" for name in names]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _money(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"
