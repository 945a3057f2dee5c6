"""A month that is taken out can come back: its uploaded files move aside, archived days stay."""

from __future__ import annotations

import pytest
from ecomm.batch.take_out import main, put_back, take_out
from ecomm.errors import DataError
from ecomm.raw_bucket import files_by_month
from ecomm.upload import tasks
from ecomm.upload.layout import LEDGER, TAKEN_OUT, UNCOMPRESSED, ZIPPED
from ecomm.upload.origins import origins
from ecomm.upload.taken_out import MANIFEST

from tests.plugins.conftest import World
from tests.plugins.killed import kill_after_each_change
from tests.plugins.upload.test_form import GENERATE

MARCH = "p_year=2020/p_month=03/"
DAY = "archive-2020-03-02.csv"


def keys(world: World) -> set[str]:
    return {found["Key"] for found in world.aws.list_objects(world.names.raw_bucket, "")}


def contents(world: World, prefix: str = "") -> dict[str, str]:
    s3, bucket = world.aws.client("s3"), world.names.raw_bucket
    listed = [found["Key"] for found in world.aws.list_objects(bucket, prefix)]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in listed}


def months(world: World) -> set[str]:
    """Those that a run of the batch would see."""
    return set(files_by_month(world.names.raw_bucket))


def uploaded(world: World) -> dict[str, str]:
    """Empties the bucket but for the files of a month; returns these."""
    bucket = world.names.raw_bucket
    world.aws.delete_objects(bucket, list(keys(world)))
    files = {f"{ZIPPED}{MARCH}a.csv.zip": "zip", f"{UNCOMPRESSED}{MARCH}a.csv": "a", f"{UNCOMPRESSED}{MARCH}b.csv": "b"}
    for key, text in files.items():
        world.put(bucket, key, text)
    return files


def test_uploaded_files_move_aside_and_back_while_archived_days_stay(world: World) -> None:
    uploaded, archived = [f"{ZIPPED}{MARCH}a.csv.zip", f"{UNCOMPRESSED}{MARCH}a.csv"], f"{UNCOMPRESSED}{MARCH}{DAY}"
    for key in (*uploaded, archived):
        world.put(world.names.raw_bucket, key)
    before = keys(world)
    folder = f"{TAKEN_OUT}{MARCH}run-1/"
    copies = [f"{folder}{ZIPPED}a.csv.zip", f"{folder}{UNCOMPRESSED}a.csv"]
    assert take_out(["2020-03"], "run 1") == copies
    assert keys(world) - {LEDGER} == {*copies, archived, folder + MANIFEST}
    assert take_out(["2020-03"], "run 1") == []
    assert put_back(["2020-03"]) == uploaded
    assert keys(world) - {LEDGER} == before


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
    assert {f"{TAKEN_OUT}{MARCH}run-{number}/{UNCOMPRESSED}a.csv" for number in (1, 2)} < keys(world)
    put_back(["2020-03"])
    assert contents(world, UNCOMPRESSED) == {key: "second"}


def test_the_command_says_what_it_did_and_what_comes_next(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.put(world.names.raw_bucket, f"{UNCOMPRESSED}{MARCH}a.csv")
    assert main(["2020-03"]) == 0
    output = capsys.readouterr().out
    assert f"moved to s3://{world.names.raw_bucket}/{TAKEN_OUT}{MARCH}by-hand-" in output
    assert "start the DAG ecomm_batch_kpis" in output
    assert main(["2020-03"]) == 0
    assert capsys.readouterr().out.startswith("There is no file to move.\n")
    assert main(["--put-back", "March"]) == 1
    assert capsys.readouterr().err == "'March' is not a month; write it as 2019-11.\n"


def test_help_names_the_guide(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "docs/guides/take-a-month-out.md" in capsys.readouterr().out


def test_a_taking_out_killed_anywhere_is_completed_under_any_name_and_undone_as_a_whole(world: World) -> None:
    files: dict[str, str] = {}
    s3, kills = world.aws.client("s3"), []
    for changes in kill_after_each_change(
        s3, lambda: files.update(uploaded(world)), lambda: take_out(["2020-03"], "one")
    ):
        kills.append(changes)
        assert set(files.values()) <= set(contents(world).values())
        assert months(world) == set()
        take_out(["2020-03"], "two")
        folders = {key.removeprefix(TAKEN_OUT + MARCH).partition("/")[0] for key in keys(world) - {LEDGER}}
        assert folders == {"one"}
        put_back(["2020-03"])
        assert {key: text for key, text in contents(world).items() if key != LEDGER} == files
    # The manifest, a copy and a deletion per file, and the ledger; the manifest again is the end.
    assert kills == list(range(1, 9))


def test_a_killed_taking_out_can_be_undone_at_once(world: World) -> None:
    files: dict[str, str] = {}
    s3 = world.aws.client("s3")
    for _ in kill_after_each_change(s3, lambda: files.update(uploaded(world)), lambda: take_out(["2020-03"], "one")):
        put_back(["2020-03"])
        assert {key: text for key, text in contents(world).items() if key != LEDGER} == files


@pytest.mark.parametrize("then", ["put back", "take out"])
def test_a_putting_back_killed_anywhere_is_completed_or_turned_around(world: World, then: str) -> None:
    files: dict[str, str] = {}

    def prepare() -> None:
        files.update(uploaded(world))
        take_out(["2020-03"], "one")

    for _ in kill_after_each_change(world.aws.client("s3"), prepare, lambda: put_back(["2020-03"])):
        assert set(files.values()) <= set(contents(world).values())
        assert months(world) == set()
        if then == "take out":
            take_out(["2020-03"], "two")
            assert months(world) == set()
            assert not contents(world, UNCOMPRESSED)
        put_back(["2020-03"])
        assert {key: text for key, text in contents(world).items() if key != LEDGER} == files


def test_what_is_uploaded_after_a_kill_is_lost_to_nothing(world: World) -> None:
    key = f"{UNCOMPRESSED}{MARCH}a.csv"
    s3 = world.aws.client("s3")
    for _ in kill_after_each_change(s3, lambda: uploaded(world), lambda: take_out(["2020-03"], "one")):
        world.put(world.names.raw_bucket, key, "new")
        assert months(world) == {"2020-03"}
        with pytest.raises(DataError, match=r"2020-03 was uploaded again after it was taken out: .*a\.csv"):
            put_back(["2020-03"])
        take_out(["2020-03"], "two")
        assert not contents(world, UNCOMPRESSED)
        assert {"new", "b", "zip"} <= set(contents(world).values())


def test_months_that_are_back_already_do_not_keep_others_from_coming_back(world: World) -> None:
    bucket = world.names.raw_bucket
    april = f"{UNCOMPRESSED}p_year=2020/p_month=04/a.csv"
    world.put(bucket, april)
    world.put(bucket, f"{UNCOMPRESSED}{MARCH}a.csv")
    take_out(["2020-03", "2020-04"], "run")
    put_back(["2020-03"])
    assert put_back(["2020-03", "2020-04"]) == [april]
    with pytest.raises(DataError, match="holds no files of 2020-05; it was not taken out"):
        put_back(["2020-04", "2020-05"])


def test_a_month_that_was_taken_out_does_not_come_back_by_itself(world: World) -> None:
    """Neither with the days of the archive that it has, nor with those that the next night brings."""
    bucket, key = world.names.raw_bucket, f"{UNCOMPRESSED}{MARCH}a.csv"
    world.put(bucket, key)
    world.put(bucket, f"{UNCOMPRESSED}{MARCH}{DAY}")
    take_out(["2020-03"], "run")
    world.put(bucket, f"{UNCOMPRESSED}{MARCH}archive-2020-03-05.csv")
    assert months(world) == set()
    world.put(bucket, key, "again")
    assert {file.key.rpartition("/")[2] for file in files_by_month(bucket)["2020-03"]} == {
        "a.csv",
        DAY,
        "archive-2020-03-05.csv",
    }


def test_a_month_of_the_stream_alone_can_be_taken_out_and_put_back(world: World) -> None:
    world.put(world.names.raw_bucket, f"{UNCOMPRESSED}{MARCH}{DAY}")
    assert take_out(["2020-03"], "run") == []
    assert months(world) == set()
    assert put_back(["2020-03"]) == []
    assert months(world) == {"2020-03"}


def test_rows_may_be_made_up_for_a_month_that_was_taken_out(world: World) -> None:
    bucket = world.names.raw_bucket
    world.put(bucket, f"{ZIPPED}p_year=2019/p_month=11/2019-Nov.csv.zip")
    world.put(bucket, f"{UNCOMPRESSED}p_year=2019/p_month=11/2019-Nov.csv")
    take_out(["2019-11"], "run")
    assert origins(bucket) == {}
    tasks.check(GENERATE)
    tasks.upload(GENERATE)
    assert origins(bucket) == {"2019-10": True, "2019-11": True}
    take_out(["2019-11"], "run 2")
    put_back(["2019-11"])
    assert origins(bucket) == {"2019-10": True, "2019-11": True}
    tasks.check({**GENERATE, "replace": True})
