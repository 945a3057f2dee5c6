"""The Studio note holds the application's tables and statement, save what Studio's Flink is too old for."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.conftest import ROOT

NOTE = ROOT / "include/studio/ecomm_user_activity.zpln"
SQL = ROOT / "include/flink/sql"
TABLES = ("ecomm_user_activity_stream_1", "ecomm_user_activity_stream_2")


@pytest.fixture(scope="module")
def note() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(NOTE.read_text())
    return found


def cell(note: dict[str, Any], beginning: str) -> str:
    """The text of the one paragraph of SQL that has a statement with this beginning."""
    texts = [paragraph["text"] for paragraph in note["paragraphs"] if paragraph["text"].startswith("%flink.ssql")]
    (found,) = (text for text in texts if re.search(rf"^{beginning}\b", text, re.MULTILINE))
    return str(found)


def statement(name: str) -> str:
    lines = (SQL / f"{name}.sql").read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("--")).strip()


def test_paragraphs_are_what_zeppelin_imports(note: dict[str, Any]) -> None:
    assert {"name", "id", "paragraphs", "config", "info"} <= note.keys()
    identities = [paragraph["id"] for paragraph in note["paragraphs"]]
    assert len(set(identities)) == len(identities)
    interpreters = {paragraph["text"].split("\n")[0] for paragraph in note["paragraphs"]}
    assert interpreters == {"%md", "%flink.ssql", "%flink.ssql(type=update)"}


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_the_application_s_columns_watermark_and_key(note: dict[str, Any], name: str) -> None:
    text = cell(note, f"create table {name}")
    assert f"drop table if exists {name};" in text
    columns = statement(name).partition("\nwith (")[0].replace("'${watermark_delay}' day to second", "'10' second")
    assert f"{columns}\nwith (" in text


@pytest.mark.parametrize(("name", "stream"), [(TABLES[0], "1"), (TABLES[1], "2")])
def test_tables_have_the_options_of_the_page(note: dict[str, Any], name: str, stream: str) -> None:
    options = dict(re.findall(r"^    '(.+)' = '(.+)'", cell(note, f"create table {name}"), re.MULTILINE))
    expected = {
        "connector": "kinesis",
        "stream": f"ecommerce-raw-user-activity-stream-{stream}",
        "aws.region": "us-east-1",
        "format": "json",
        "json.timestamp-format.standard": "ISO-8601",
    }
    if stream == "1":
        expected |= {"scan.stream.initpos": "LATEST", "json.ignore-parse-errors": "true"}
    assert options == expected


def test_the_counts_are_the_application_s(note: dict[str, Any]) -> None:
    assert cell(note, "insert into") == f"%flink.ssql\n\n{statement('final_counts')};"


def test_the_clicks_can_be_watched(note: dict[str, Any]) -> None:
    texts = [paragraph["text"] for paragraph in note["paragraphs"]]
    assert "%flink.ssql(type=update)\n\nselect * from ecomm_user_activity_stream_1;" in texts
