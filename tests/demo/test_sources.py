"""Which files DATASET names, and what is said of those that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo import DemoError
from demo.sources import located, named


@pytest.mark.parametrize(
    ("dataset", "paths"),
    [
        ("", []),
        ("   ", []),
        ("a.csv", ["a.csv"]),
        ("a.csv b.zip", ["a.csv", "b.zip"]),
        ("'my data/a.csv' b.csv", ["my data/a.csv", "b.csv"]),
        ("s3://bucket/key.csv a.csv", ["s3://bucket/key.csv", "a.csv"]),
    ],
)
def test_several_paths_have_spaces_between_them(dataset: str, paths: list[str], tmp_path: Path) -> None:
    assert named(dataset, tmp_path) == paths


def test_one_file_with_spaces_in_its_name_needs_no_quotes(tmp_path: Path) -> None:
    (tmp_path / "my rows.csv").write_text("x")
    assert named("my rows.csv", tmp_path) == ["my rows.csv"]


def test_an_open_quote_is_named(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="Quote a path that holds spaces"):
        named("it's.csv other.csv", tmp_path)


def test_relative_paths_are_those_of_the_caller_s_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("x")
    (tmp_path / "b.ZIP").write_text("x")
    assert located(["data/a.csv", str(tmp_path / "b.ZIP"), "s3://bucket/c.csv"], tmp_path) == [
        str(tmp_path / "data" / "a.csv"),
        str(tmp_path / "b.ZIP"),
        "s3://bucket/c.csv",
    ]


def test_every_unusable_file_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "rows.parquet").write_text("x")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DemoError) as error:
        located(["gone.csv", "empty.csv", "rows.parquet", "folder.csv"], tmp_path)
    for reason in (
        f"{tmp_path}/gone.csv does not exist",
        f"{tmp_path}/empty.csv is empty",
        f"{tmp_path}/rows.parquet ends neither in .csv nor in .zip",
        f"{tmp_path}/folder.csv is not a file",
    ):
        assert reason in str(error.value)
