"""Tells why a column became the partition key: as a table for the log, as Markdown and as JSON for S3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ecomm.batch.partition_key import FULL_MONTH, ROW_GROUP_ROWS, Candidate, Layout, Verdict, Volume
from ecomm.batch.profile import text_table

_HEADS = ("column", "values", "largest", "missing", "rows a value", "CSV a value", "row groups", "a query reads")
_FULL = f"A full month ({FULL_MONTH.rows:,} rows, {FULL_MONTH.bytes:,} bytes of CSV)"


def sentence(verdict: Verdict, key: str, rows: int) -> str:
    """The choice in one sentence; `key` is the column taken, by the profile or by the form."""
    if key != verdict.key:
        return f"{key}, as the form says; the profile of {rows:,} rows speaks for {verdict.key}: {verdict.reason}."
    found = {candidate.column.name: candidate for candidate in verdict.candidates}[key]
    return (
        f"{key}, as the profile of {rows:,} rows says: {found.column.distinct:,} values, the largest has "
        f"{found.largest:.1%} of the rows, {found.missing:.1%} have none; a query of one value reads "
        f"{found.full.typical:.1%} of a full month."
    )


def table(verdict: Verdict, month: Volume) -> str:
    """All candidates in plain text: here, in a full month, and what speaks against each."""
    here = f"An average month here ({month.rows:,} rows, {month.bytes:,} bytes of CSV)"
    left = (0,)
    return "\n".join(
        [
            here,
            text_table([_HEADS, *(_cells(one, one.here) for one in verdict.candidates)], left),
            _FULL,
            text_table([_HEADS, *(_cells(one, one.full) for one in verdict.candidates)], left),
            *(f"{one.column.name}: {remarks(one)}" for one in verdict.candidates),
        ]
    )


def remarks(candidate: Candidate) -> str:
    """What speaks against it, or what it is worth."""
    if candidate.objections:
        return "no, " + "; ".join(candidate.objections)
    if not candidate.full.fills_row_groups:
        return f"too fine, {candidate.full.rows:,.0f} rows a value fill no row group of {ROW_GROUP_ROWS:,}"
    return f"serves, {candidate.full.rows / ROW_GROUP_ROWS:,.1f} row groups a value"


def markdown(verdict: Verdict, key: str, month: Volume, rows: int, profile: str) -> str:
    """A page of it. profile: where the profile lies."""
    return "\n".join(
        [
            f"# Partition key: {key}",
            "",
            sentence(verdict, key, rows),
            "",
            f"The profile speaks for {verdict.key}: {verdict.reason}. It is {profile}.",
            "",
            f"## An average month of this data set ({month.rows:,} rows, {month.bytes:,} bytes of CSV)",
            "",
            *_markdown_table(verdict, "here"),
            "",
            f"## {_FULL}",
            "",
            *_markdown_table(verdict, "full"),
            "",
            "As a folder each, a column's values would be so many partitions of so much CSV; Athena writes at most 100 "
            "at once. So they are an order within the months, and a query reads the row groups of its value.",
            "",
            "## Each column",
            "",
            *(f"- `{one.column.name}`: {remarks(one)}." for one in verdict.candidates),
            "",
        ]
    )


def content(verdict: Verdict, key: str, month: Volume, rows: int, profile: str) -> dict[str, Any]:
    """All of it as a JSON object."""
    return {
        "key": key,
        "key_of_the_profile": verdict.key,
        "reason": verdict.reason,
        "profile": profile,
        "rows": rows,
        "month": asdict(month),
        "full_month": asdict(FULL_MONTH),
        "candidates": [
            {
                "column": one.column.name,
                "distinct": one.column.distinct,
                "largest_share": one.largest,
                "missing_share": one.missing,
                "here": asdict(one.here),
                "full": asdict(one.full),
                "objections": list(one.objections),
            }
            for one in verdict.candidates
        ],
    }


def _markdown_table(verdict: Verdict, volume: str) -> list[str]:
    rows: list[Sequence[str]] = [_HEADS, ["---", *["---:"] * (len(_HEADS) - 1)]]
    rows += [_cells(one, getattr(one, volume)) for one in verdict.candidates]
    return [f"| {' | '.join(cells)} |" for cells in rows]


def _cells(candidate: Candidate, layout: Layout) -> tuple[str, ...]:
    return (
        candidate.column.name,
        f"{layout.values:,}",
        f"{candidate.largest:.2%}",
        f"{candidate.missing:.2%}",
        f"{layout.rows:,.0f}",
        f"{layout.bytes:,.0f}",
        f"{layout.row_groups:,}",
        f"{layout.typical:.2%}",
    )
