"""Holds the archive to the table of forms, clicks.json, to which ClickFormsTest.java holds the stream."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from ecomm.streaming import json_values
from ecomm.streaming.clicks import read_click
from ecomm.streaming.json_values import read_values
from ecomm.streaming.malformed import MalformedError

from tests.conftest import ROOT

FORMS = json.loads((ROOT / "include/flink/src/test/resources/clicks.json").read_text())


def archived(form: dict[str, Any]) -> str:
    """The form's records as the archive has them: a line feed after each, and no other border."""
    records = [record.encode(form.get("encoding", "utf-8")) + b"\n" for record in form["records"]]
    return b"".join(records).decode(errors="surrogateescape")


def blocks(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def read(text: str, size: int = 1 << 20) -> tuple[list[list[str]], list[str]]:
    """The fields of the clicks, and the reasons of what is malformed."""
    rows, reasons = [], []
    for value, reason, _, _ in read_values(blocks(text, size)):
        try:
            if reason:
                raise MalformedError(reason)
            rows.append(read_click(value).fields)
        except MalformedError as error:
            reasons.append(str(error))
    return rows, reasons


@pytest.mark.parametrize("form", FORMS, ids=[form["form"] for form in FORMS])
def test_a_form_is_read_as_by_flink(form: dict[str, Any]) -> None:
    rows, reasons = read(archived(form))
    assert [row[0] for row in rows] == [f"{time[:19].replace('T', ' ')} UTC" for time in form["times"]]
    assert {row[7] for row in rows} <= {"541312140"}
    assert len(reasons) == form["malformed"]
    assert all(form["reason"] in reason for reason in reasons)
    if "rows" in form:
        text = io.StringIO()
        csv.writer(text).writerows(row[1:] for row in rows)
        written = text.getvalue().encode(errors="replace").decode()
        assert list(csv.reader(written.splitlines())) == form["rows"]


@pytest.mark.parametrize("size", [1, 37, 1000, 1 << 20])
def test_all_forms_after_each_other_are_read_as_each_alone(size: int) -> None:
    """Wherever a block ends, and whatever stands before."""
    rows, reasons = read("".join(map(archived, FORMS)), size)
    assert len(rows) == sum(len(form["times"]) for form in FORMS)
    assert len(reasons) == sum(form["malformed"] for form in FORMS)


def test_every_form_may_follow_every_other() -> None:
    for before in FORMS:
        for after in FORMS:
            rows, reasons = read(archived(before) + archived(after))
            expected = len(before["times"]) + len(after["times"]), before["malformed"] + after["malformed"]
            assert (len(rows), len(reasons)) == expected, f"{before['form']}, then {after['form']}"


def test_the_line_and_the_text_of_each_value_are_named() -> None:
    text = '{"a":\n1}\n[{"b": 1},\n {"c": 2}] x\n\n{"d": 3}'
    found = [(value.line, value.text) for value in read_values(blocks(text, 3))]
    assert found == [(1, '{"a":\n1}'), (3, '{"b": 1}'), (4, '{"c": 2}'), (4, "x\n"), (6, '{"d": 3}')]


@pytest.mark.parametrize("start", ['{"a": "', "[[1],", "no json"])
def test_what_never_ends_is_read_in_bounded_memory(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "MAX_VALUE_CHARACTERS", 1_000_000)
    filler = "[1]," * 16_000 if start[0] == "[" else "x" * 64_000
    stream = (filler if number else start for number in range(200))
    tracemalloc.start()
    try:
        characters = sum(len(value.text) for value in read_values(stream))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert characters > 198 * 64_000
    # A parsed list takes some fifty times its text.
    assert peak < 150_000_000
