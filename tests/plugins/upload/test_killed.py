"""An upload of made-up rows that was killed anywhere can be repeated, and never takes the place of anything else."""

from __future__ import annotations

from typing import Any

import pytest
from ecomm import aws
from ecomm.errors import DataError
from ecomm.upload import tasks
from ecomm.upload.layout import UNCOMPRESSED, ZIPPED, csv_key, zip_key
from ecomm.upload.origins import origins

from tests.plugins.conftest import World
from tests.plugins.killed import KilledError, kill_after_each_change, killed_after
from tests.plugins.upload.conftest import HEADER, Write, rows
from tests.plugins.upload.test_form import GENERATE, files

OCTOBER, NOVEMBER = "2019-10", "2019-11"


def empty(world: World) -> None:
    bucket = world.names.raw_bucket
    aws.delete_objects(bucket, [found["Key"] for found in aws.list_objects(bucket, "")])


def contents(world: World) -> dict[str, str]:
    bucket = world.names.raw_bucket
    return {each["Key"]: each["ETag"] for prefix in (ZIPPED, UNCOMPRESSED) for each in aws.list_objects(bucket, prefix)}


def test_a_killed_upload_of_made_up_rows_can_be_repeated(world: World) -> None:
    form = {**GENERATE, "replace": True}
    tasks.upload(form)
    complete = contents(world)
    kills = []
    for changes in kill_after_each_change(aws.client("s3"), lambda: empty(world), lambda: tasks.upload(form)):
        kills.append(changes)
        assert all(origins(world.names.raw_bucket).values())
        tasks.check(form)
        tasks.upload(form)
        assert contents(world) == complete
    # The ledger and four objects; the ledger again is the end.
    assert kills == list(range(1, 6))


def test_other_rows_may_be_made_up_after_two_kills(world: World) -> None:
    tasks.upload(GENERATE)
    for seed, changes in ((2, 2), (3, 4)):
        with pytest.raises(KilledError), killed_after(aws.client("s3"), changes):
            tasks.upload({**GENERATE, "seed": seed})
        assert origins(world.names.raw_bucket) == {OCTOBER: True, NOVEMBER: True}
    tasks.upload({**GENERATE, "seed": 4})


def test_what_is_put_into_the_place_of_a_killed_upload_is_other_data(world: World) -> None:
    bucket = world.names.raw_bucket
    for _ in kill_after_each_change(aws.client("s3"), lambda: empty(world), lambda: tasks.upload(GENERATE)):
        world.put(bucket, csv_key(NOVEMBER), HEADER + rows(NOVEMBER, 3))
        before = contents(world)
        for task in (tasks.check, tasks.upload):
            with pytest.raises(DataError, match=f"holds {NOVEMBER} of other data"):
                task(GENERATE)
        assert contents(world) == before


def test_a_killed_upload_of_files_over_made_up_rows_is_other_data_from_its_first_object_on(
    world: World, write: Write
) -> None:
    form = files(write("2019-Nov.csv", rows(NOVEMBER, 5)))

    made_up: dict[str, str] = {}

    def prepare() -> None:
        empty(world)
        tasks.upload(GENERATE)
        made_up.update(contents(world))

    for _ in kill_after_each_change(aws.client("s3"), prepare, lambda: tasks.upload(form)):
        of_files = [key for key in (zip_key(NOVEMBER), csv_key(NOVEMBER)) if contents(world)[key] != made_up[key]]
        assert origins(world.names.raw_bucket) == {OCTOBER: True, NOVEMBER: not of_files}


def test_data_that_came_while_the_rows_were_made_up_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from ecomm.upload.sources import Generated

    text = Generated.text

    def text_and_then_data(self: Any, listen: Any) -> Any:
        yield from text(self, listen)
        world.put(world.names.raw_bucket, csv_key(NOVEMBER), HEADER + rows(NOVEMBER, 3))

    monkeypatch.setattr(Generated, "text", text_and_then_data)
    with pytest.raises(DataError, match=f"holds {NOVEMBER} of other data"):
        tasks.upload(GENERATE)
    assert contents(world).keys() == {csv_key(NOVEMBER)}
