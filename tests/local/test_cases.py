"""The crawler's and the profile's columns of the table of cases and readers."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from local import objects
from local.databrew.lines import load
from local.databrew.source import find
from local.glue_crawler.classify import classify
from tests.cases.files import CASES, COLUMNS, Case

MONTH = "2019-11"
EACH = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def stored(folder: Path, name: str, content: bytes) -> objects.StoredObject:
    path = folder / name
    path.write_bytes(content)
    return objects.StoredObject("raw", f"months/{name}", len(content), path)


@EACH
def test_the_crawler_sees_the_columns(tmp_path: Path, case: Case) -> None:
    schema = classify(stored(tmp_path, case.file, case.content(MONTH)), [])
    assert (schema is not None and tuple(schema.columns) == COLUMNS) == case.crawler


@EACH
def test_the_profile_reads_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """Beside two plain files, which say what the columns of the dataset are."""
    files = [stored(tmp_path, f"plain-{number}.csv", CASES[0].content(MONTH)) for number in (1, 2)]
    files.append(stored(tmp_path, case.file, case.content(MONTH)))
    monkeypatch.setattr(objects, "_listing", lambda bucket, prefix: files)
    source = find({"Name": "cases", "Input": {"S3InputDefinition": {"Bucket": "raw", "Key": "months/<.*>"}}})
    assert source.columns == list(COLUMNS)
    with duckdb.connect() as connection:
        rows, left_out = load(lambda statement: connection.execute(statement).fetchall(), source, None)
    plain = 2 * (CASES[0].profile or (0, 0))[0]
    assert (len(source.left_out) == 1) == (case.profile is None), source.left_out
    assert (rows - plain, left_out) == (case.profile or (0, 0))
