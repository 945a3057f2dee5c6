"""The form needs a source: files, or made-up rows asked for by name, which never replace anything else."""

from __future__ import annotations

from typing import Any

import pytest
from ecomm import aws
from ecomm.errors import DataError
from ecomm.settings import settings
from ecomm.upload import tasks
from ecomm.upload.layout import LEDGER, csv_key

from tests.plugins.conftest import World
from tests.plugins.upload.conftest import HEADER, Write, rows

GENERATE = {"source": "generate", "sources": [], "replace": False, "generated_rows": 1000, "seed": 1}


def files(*paths: str, **more: Any) -> dict[str, Any]:
    return {**GENERATE, "source": "files", "sources": list(paths), **more}


def keys(world: World) -> set[str]:
    return {found["Key"] for found in aws.list_objects(world.names.raw_bucket, "")}


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (files(), "No file is named: give their paths .* or ask for made-up rows with source: generate"),
        (files("generate"), "'generate' is no file; to ask for made-up rows give source: generate"),
        ({**GENERATE, "sources": ["/data/2019-Nov.csv"]}, r"names files \(/data/2019-Nov.csv\); leave the files out"),
    ],
)
def test_a_form_that_asks_for_nothing_or_for_two_things_is_refused(
    world: World, form: dict[str, Any], message: str
) -> None:
    for task in (tasks.check, tasks.upload):
        with pytest.raises(DataError, match=message):
            task(form)
    assert not keys(world)


def test_made_up_rows_replace_made_up_rows(world: World) -> None:
    tasks.upload(GENERATE)
    before = keys(world)
    tasks.check({**GENERATE, "replace": True, "seed": 2})
    assert tasks.upload({**GENERATE, "replace": True, "seed": 2, "generated_rows": 1200})
    assert keys(world) == before


def test_the_same_made_up_rows_again_upload_nothing(world: World) -> None:
    def written() -> dict[str, Any]:
        return {found["Key"]: found["LastModified"] for found in aws.list_objects(world.names.raw_bucket, "")}

    form = {**GENERATE, "replace": True}
    first, before = tasks.upload(form), written()
    tasks.check(form)
    assert tasks.upload(form) == first
    after = written()
    # The ledger alone is written, last of all.
    assert {**after, LEDGER: None} == {**before, LEDGER: None}


@pytest.mark.parametrize("replace", [False, True])
def test_made_up_rows_never_replace_others(world: World, write: Write, replace: bool) -> None:
    tasks.upload(files(write("2019-Nov.csv", rows("2019-11", 5))))
    before = {found["Key"]: found["ETag"] for found in aws.list_objects(world.names.raw_bucket, "")}
    for task in (tasks.check, tasks.upload):
        with pytest.raises(DataError, match="holds 2019-11 of other data, and made-up rows never take its place"):
            task({**GENERATE, "replace": replace})
    assert {found["Key"]: found["ETag"] for found in aws.list_objects(world.names.raw_bucket, "")} == before


def test_a_month_that_is_not_made_up_is_removed_by_no_generator(world: World, write: Write) -> None:
    tasks.upload(files(write("2020-05.csv", rows("2020-05", 5))))
    with pytest.raises(DataError, match="holds 2020-05 of other data"):
        tasks.upload({**GENERATE, "replace": True})
    assert tasks.upload(GENERATE).keys() == {"2019-10", "2019-11"}


def test_what_the_ledger_does_not_know_is_other_data(world: World) -> None:
    tasks.upload(GENERATE)
    bucket = settings().raw_bucket
    world.put(bucket, csv_key("2019-11"), HEADER + rows("2019-11", 3))
    with pytest.raises(DataError, match="holds 2019-11 of other data"):
        tasks.check(GENERATE)
    aws.delete_objects(bucket, [LEDGER])
    with pytest.raises(DataError, match="holds 2019-10, 2019-11 of other data"):
        tasks.check(GENERATE)


def test_a_file_outside_the_months_is_removed_by_no_generator(world: World) -> None:
    key = "ecomm_user_activity_uncompressed/2019-Nov.csv"
    world.put(settings().raw_bucket, key, HEADER + rows("2019-11", 3))
    with pytest.raises(DataError, match=f"holds {key} of other data"):
        tasks.check({**GENERATE, "replace": True})
    assert keys(world) == {key}
    tasks.check(GENERATE)


def test_days_of_the_archive_and_what_is_no_data_are_in_nobodys_way(world: World) -> None:
    folder = "ecomm_user_activity_uncompressed/p_year=2019/p_month=11/"
    others = {f"{folder}archive-2019-11-02.csv": "x\n", folder: "", f"{folder}.DS_Store": "x"}
    for key, text in others.items():
        world.put(settings().raw_bucket, key, text)
    tasks.upload({**GENERATE, "replace": True})
    assert others.keys() <= keys(world)
