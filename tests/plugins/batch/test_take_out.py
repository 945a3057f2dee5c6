"""A month that is taken out can come back: its uploaded files move aside, archived days stay."""

from __future__ import annotations

import pytest
from ecomm.batch.take_out import main, put_back, take_out
from ecomm.errors import DataError
from ecomm.upload.layout import TAKEN_OUT, UNCOMPRESSED

from tests.plugins.conftest import World

MARCH = "p_year=2020/p_month=03/"


def keys(world: World) -> set[str]:
    return {found["Key"] for found in world.aws.list_objects(world.names.raw_bucket, "")}


def test_uploaded_files_move_aside_and_back_while_archived_days_stay(world: World) -> None:
    for name in ("a.csv", "archive-2020-03-02.csv"):
        world.put(world.names.raw_bucket, f"{UNCOMPRESSED}{MARCH}{name}")
    before = keys(world)
    assert take_out(["2020-03"], "run 1") == [f"{TAKEN_OUT}{MARCH}run-1/a.csv"]
    assert {f"{TAKEN_OUT}{MARCH}run-1/a.csv", f"{UNCOMPRESSED}{MARCH}archive-2020-03-02.csv"} < keys(world)
    assert f"{UNCOMPRESSED}{MARCH}a.csv" not in keys(world)
    assert take_out(["2020-03"], "run 1") == []
    assert put_back(["2020-03"]) == [f"{UNCOMPRESSED}{MARCH}a.csv"]
    assert keys(world) == before


def test_a_month_that_was_uploaded_again_is_not_put_back(world: World) -> None:
    world.put(world.names.raw_bucket, f"{UNCOMPRESSED}{MARCH}a.csv")
    take_out(["2020-03"], "run")
    world.put(world.names.raw_bucket, f"{UNCOMPRESSED}{MARCH}b.csv")
    before = keys(world)
    with pytest.raises(DataError, match=r"2020-03 was uploaded again after it was taken out: .*b\.csv"):
        put_back(["2020-03"])
    assert keys(world) == before


def test_a_run_that_is_cleared_leaves_a_new_upload_and_another_run_writes_over_nothing(world: World) -> None:
    key = f"{UNCOMPRESSED}{MARCH}a.csv"
    world.put(world.names.raw_bucket, key, "first")
    take_out(["2020-03"], "run 1")
    world.put(world.names.raw_bucket, key, "second")
    assert take_out(["2020-03"], "run 1") == []
    assert key in keys(world)
    take_out(["2020-03"], "run 2")
    assert {f"{TAKEN_OUT}{MARCH}run-{number}/a.csv" for number in (1, 2)} < keys(world)


def test_the_command_says_what_it_did_and_what_comes_next(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.put(world.names.raw_bucket, f"{UNCOMPRESSED}{MARCH}a.csv")
    assert main(["2020-03"]) == 0
    output = capsys.readouterr().out
    assert f"moved to s3://{world.names.raw_bucket}/{TAKEN_OUT}{MARCH}by-hand-" in output
    assert "start the DAG ecomm_batch_kpis" in output
    assert main(["2020-03"]) == 0
    assert capsys.readouterr().out == "There is no file to move.\n"
    assert main(["--put-back", "March"]) == 1
    assert capsys.readouterr().err == "'March' is not a month; write it as 2019-11.\n"


def test_help_names_the_guide(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "docs/guides/take-a-month-out.md" in capsys.readouterr().out
