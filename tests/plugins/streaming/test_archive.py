"""A day of the archive as files of the data set: every click once, and what is no click in a place of its own."""

from __future__ import annotations

import csv
import gzip
import json
import random
import re
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from ecomm.errors import DataError

from tests.conftest import ROOT
from tests.plugins.conftest import World

DAY = date(2025, 11, 30)
NEXT_DAY = date(2025, 12, 1)
NIGHT = datetime(2025, 12, 1, 0, 30, tzinfo=UTC)
FOLDER = "ecomm_user_activity_archive/year=2025/month=11/day=30/"
NOVEMBER = "ecomm_user_activity_uncompressed/p_year=2025/p_month=11/archive-2025-11-30.csv"
DECEMBER = "ecomm_user_activity_uncompressed/p_year=2025/p_month=12/archive-2025-11-30.csv"
CLICK = {
    "event_time": "2019-11-01 00:00:00 UTC",
    "event_type": "view",
    "product_id": 1003461,
    "category_id": 2053013555631882655,
    "category_code": "electronics.smartphone",
    "brand": "xiaomi",
    "price": 489.07,
    "user_id": 520088904,
    "user_session": "4d3b30da-a5e4-49df-b1a8-ba5943f1dd33",
    "txn_timestamp": "2025-11-30T10:20:30.456Z",
}


def put(world: World, name: str, records: list[bytes]) -> None:
    body = gzip.compress(b"".join(record + b"\n" for record in records))
    world.aws.client("s3").put_object(Bucket=world.names.raw_bucket, Key=name, Body=body)


def clicks(*changes: dict[str, Any]) -> list[bytes]:
    return [json.dumps(CLICK | change).encode() for change in changes]


def read(world: World, key: str) -> list[bytes]:
    body = world.aws.client("s3").get_object(Bucket=world.names.raw_bucket, Key=key)["Body"].read()
    return list(body.splitlines(keepends=True))


def test_a_click_becomes_a_line_of_the_data_set_under_the_time_it_was_sent(world: World) -> None:
    from ecomm.contract import HEADER
    from ecomm.streaming.archive import unpack_day

    put(world, f"{FOLDER}hour=10/a.gz", clicks({}))
    found = unpack_day(DAY)
    assert (found["rows"], found["objects"], found["months"]) == (1, 1, ["2025-11"])
    assert read(world, NOVEMBER) == [
        HEADER,
        b"2025-11-30 10:20:30 UTC,view,1003461,2053013555631882655,electronics.smartphone,xiaomi,489.07,520088904,"
        b"4d3b30da-a5e4-49df-b1a8-ba5943f1dd33\n",
    ]
    assert found["bytes"] == len(b"".join(read(world, NOVEMBER)))


def test_nulls_are_empty_numbers_keep_their_digits_and_texts_are_quoted(world: World) -> None:
    from ecomm.streaming.archive import unpack_day

    record = json.dumps(CLICK | {"brand": 'a "b", c', "category_code": None, "user_session": None})
    put(world, f"{FOLDER}hour=00/a.gz", [record.replace("489.07", "5.10").encode()])
    unpack_day(DAY)
    (row,) = csv.reader([read(world, NOVEMBER)[1].decode()])
    assert row[4:] == ["", 'a "b", c', "5.10", "520088904", ""]


def test_all_objects_of_the_day_and_none_of_another_are_taken(world: World) -> None:
    from ecomm.streaming.archive import unpack_day

    put(world, f"{FOLDER}hour=00/a.gz", clicks(*({"product_id": number} for number in range(30_000))))
    put(world, f"{FOLDER}hour=23/b.gz", clicks(*({"product_id": number} for number in range(30_000, 30_010))))
    put(world, FOLDER.replace("day=30", "day=29") + "hour=23/c.gz", clicks({"product_id": -1}))
    assert unpack_day(DAY)["rows"] == 30_010
    products = [int(row["product_id"]) for row in csv.DictReader(line.decode() for line in read(world, NOVEMBER))]
    assert sorted(products) == list(range(30_010))


def test_a_click_goes_into_the_month_it_was_sent_in(world: World) -> None:
    from ecomm.streaming.archive import unpack_day

    put(world, f"{FOLDER}hour=23/a.gz", clicks({}, {"txn_timestamp": "2025-12-01T00:00:00.001Z"}))
    assert unpack_day(DAY)["months"] == ["2025-11", "2025-12"]
    assert (len(read(world, NOVEMBER)), len(read(world, DECEMBER))) == (2, 2)


@pytest.mark.parametrize("sent", ["\\ud83d", "\\udc80", "\\u0000", "\\u001b[2J\\n"])
def test_a_value_that_no_database_takes_is_escaped_in_the_reason(world: World, sent: str) -> None:
    """A lone surrogate has no UTF-8, and PostgreSQL, where Airflow keeps what a task returns, takes no NUL."""
    from ecomm.streaming.archive import unpack_day

    record = json.dumps(CLICK | {"user_id": "id"}).replace('"id"', f'"{sent}"')
    put(world, f"{FOLDER}hour=10/a.gz", [record.encode()])
    (reason,) = unpack_day(DAY)["malformed_reasons"]
    assert reason.isprintable()
    (row,) = malformed(world)
    assert row["record"].strip() == record
    assert row["reason"] == reason.partition(": ")[2]
    shown = sent.replace("\\n", "\\u000a")
    assert row["reason"] == f"user_id: {shown} is not a whole number of 64 bits, written as digits alone"


def test_a_day_taken_again_replaces_its_files(world: World) -> None:
    from ecomm.streaming.archive import unpack_day

    put(world, f"{FOLDER}hour=23/a.gz", clicks({}, {"txn_timestamp": "2025-12-01T00:00:00.001Z"}))
    first = unpack_day(DAY)
    before = read(world, NOVEMBER)
    assert unpack_day(DAY) == first
    assert read(world, NOVEMBER) == before
    put(world, f"{FOLDER}hour=23/a.gz", clicks({}, {}))
    assert unpack_day(DAY)["months"] == ["2025-11", "2025-12"], "a month that lost its clicks has changed too"
    assert len(read(world, NOVEMBER)) == 3
    assert world.aws.list_objects(world.names.raw_bucket, DECEMBER) == []


def malformed(world: World, day: date = DAY) -> list[dict[str, Any]]:
    key = f"ecomm_user_activity_malformed/{day}.json"
    if not world.aws.list_objects(world.names.raw_bucket, key):
        return []
    return [json.loads(line) for line in read(world, key)]


def test_a_malformed_record_is_kept_with_its_reason_and_in_no_month(world: World) -> None:
    from ecomm.streaming.archive import unpack_day

    records = [*clicks({}), b"no json", b"\xff\xfe{", *clicks({"txn_timestamp": 1764498030}, {})]
    put(world, f"{FOLDER}hour=10/a.gz", records)
    put(world, f"{FOLDER}hour=11/b.gz", clicks({"user_id": None}))
    found = unpack_day(DAY)
    assert (found["rows"], found["malformed"], found["months"]) == (2, 4, ["2025-11"])
    assert len(read(world, NOVEMBER)) == 3
    uri = f"s3://{world.names.raw_bucket}/{FOLDER}"
    time = "write a time of this century with its zone, such as 2026-11-24T00:00:00.123Z"
    assert malformed(world) == [
        {"day": "2025-11-30", "object": f"{uri}hour={name}", "line": line, "reason": reason, "record": record}
        for name, line, reason, record in [
            ("10/a.gz", 2, "not a JSON object", "no json\n"),
            ("10/a.gz", 3, "not a JSON object", "\ufffd\ufffd{\n"),
            ("10/a.gz", 4, f"txn_timestamp: 1764498030 is a number; {time}", records[3].decode()),
            ("11/b.gz", 1, "user_id: missing", clicks({"user_id": None})[0].decode()),
        ]
    ]
    assert found["malformed_reasons"][0] == f"{uri}hour=10/a.gz, line 2: not a JSON object"


def test_a_day_taken_again_replaces_its_malformed_records(world: World) -> None:
    from ecomm.streaming.archive import unpack_day

    put(world, f"{FOLDER}hour=10/a.gz", [b"{}", b"{}"])
    assert [unpack_day(DAY)["malformed"] for _ in range(2)] == [2, 2]
    assert len(malformed(world)) == 2
    put(world, f"{FOLDER}hour=10/a.gz", clicks({}))
    assert unpack_day(DAY)["malformed"] == 0
    assert malformed(world) == []


def test_the_clicks_of_drills_go_nowhere(world: World) -> None:
    from ecomm.contract import DRILL_USERS
    from ecomm.streaming.archive import unpack_day

    first, last = DRILL_USERS[0], DRILL_USERS[-1]
    users = [first, str(last), first - 1, last + 1]
    put(world, f"{FOLDER}hour=10/a.gz", clicks(*({"user_id": user} for user in users)))
    found = unpack_day(DAY)
    assert (found["rows"], found["drill_clicks"], found["malformed"]) == (2, 2, 0)
    taken = [row["user_id"] for row in csv.DictReader(line.decode() for line in read(world, NOVEMBER))]
    assert taken == [str(first - 1), str(last + 1)]


def test_a_day_of_drills_and_malformed_records_alone_changes_no_month_and_is_taken_once(world: World) -> None:
    from airflow.sdk.exceptions import AirflowSkipException
    from ecomm.contract import DRILL_USERS
    from ecomm.streaming.archived_days import behind
    from ecomm.streaming.tasks import months_to_announce, summarize_unpacked, unpack

    put(world, f"{FOLDER}hour=10/a.gz", [b"{}", *clicks({"user_id": DRILL_USERS[0]})])
    found = unpack(str(DAY), 0, NIGHT)
    with pytest.raises(AirflowSkipException, match="2025-11-30 had no click to curate"):
        months_to_announce(found)
    summarized = summarize_unpacked(found)
    assert (summarized["rows"], summarized["malformed"], summarized["drill_clicks"]) == (0, 1, 1)
    assert behind(NEXT_DAY, 7) == []


@pytest.mark.parametrize("damage", ["short", "broken"])
def test_a_damaged_object_is_named_and_nothing_is_written(world: World, damage: str) -> None:
    from ecomm.streaming.archive import unpack_day

    put(world, f"{FOLDER}hour=10/a.gz", clicks({}))
    whole = gzip.compress(random.Random(1).randbytes(1000))
    body = {"short": whole[:-9], "broken": whole[:20] + bytes(30) + whole[50:]}[damage]
    world.aws.client("s3").put_object(Bucket=world.names.raw_bucket, Key=f"{FOLDER}hour=11/b.gz", Body=body)
    with pytest.raises(DataError, match=re.escape(f"{FOLDER}hour=11/b.gz is not a whole GZIP file")):
        unpack_day(DAY)
    assert world.aws.list_objects(world.names.raw_bucket, "ecomm_user_activity_uncompressed/") == []


def test_a_day_without_a_click_is_skipped(world: World) -> None:
    from airflow.sdk.exceptions import AirflowSkipException
    from ecomm.streaming.tasks import unpack

    with pytest.raises(AirflowSkipException, match="Nothing was archived on 2025-11-30"):
        unpack("yesterday", 7, NIGHT)


def test_a_day_is_behind_until_all_that_was_archived_of_it_is_taken(world: World) -> None:
    from ecomm.streaming.archived_days import behind

    assert behind(NEXT_DAY, 7) == []
    put(world, f"{FOLDER}hour=10/a.gz", clicks({}))
    assert behind(NEXT_DAY, 7) == [DAY]
    assert behind(NEXT_DAY, 0) == behind(DAY, 7) == behind(DAY + timedelta(days=9), 8) == []
    take(DAY)
    assert behind(NEXT_DAY, 7) == []
    # Of the next month, so that the day has two files.
    put(world, f"{FOLDER}hour=23/late.gz", clicks({"txn_timestamp": "2025-12-01T00:00:00.001Z"}))
    assert behind(NEXT_DAY, 7) == [DAY]
    take(DAY)
    assert behind(NEXT_DAY, 7) == []
    world.put(world.names.raw_bucket, NOVEMBER)
    assert behind(NEXT_DAY, 7) == [DAY], "one of its files is not what was written"
    take(DAY)
    world.aws.delete_objects(world.names.raw_bucket, [DECEMBER])
    assert behind(NEXT_DAY, 7) == [DAY], "one of its files is gone"


def take(day: date) -> dict[str, Any]:
    """Unpacks the day alone, to the end."""
    from ecomm.streaming.tasks import summarize_unpacked, unpack

    return summarize_unpacked(unpack(str(day), 0, NIGHT))


def test_the_days_that_are_behind_are_taken_with_the_next(world: World) -> None:
    from ecomm.streaming.tasks import summarize_unpacked, unpack

    put(world, f"{FOLDER}hour=23/a.gz", clicks({}, {"txn_timestamp": "2025-12-01T00:00:00.001Z"}))
    put(world, f"{FOLDER.replace('day=30', 'day=28')}hour=01/a.gz", clicks({}))
    unpack("yesterday", 7, NIGHT)
    # The try before was not announced, so this one has all of it to tell.
    found = summarize_unpacked(unpack("yesterday", 7, NIGHT))
    assert found.pop("bytes") > 0
    assert found == {
        "days": ["2025-11-28", "2025-11-30"], "objects": 2, "rows": 3, "malformed": 0, "drill_clicks": 0,
        "malformed_reasons": [], "months": ["2025-11", "2025-12"], "refused": []
    }  # fmt: skip
    assert unpack("yesterday", 7, NIGHT)["days"] == ["2025-11-30"]


def test_a_day_that_cannot_be_taken_keeps_no_other_back_and_is_told(world: World) -> None:
    from ecomm.streaming.tasks import summarize_unpacked, unpack

    put(world, f"{FOLDER}hour=23/a.gz", clicks({}))
    damaged = f"{FOLDER.replace('day=30', 'day=29')}hour=01/a.gz"
    world.put(world.names.raw_bucket, damaged, "no GZIP")
    found = unpack("2025-11-30", 1, NIGHT)
    assert (found["days"], found["rows"]) == (["2025-11-30"], 1)
    with pytest.raises(DataError, match=rf"2025-11-30 were taken over\. s3://\S+{damaged} is not a whole GZIP file"):
        summarize_unpacked(found)
    with pytest.raises(DataError, match=f"{damaged} is not a whole GZIP file"):
        unpack("2025-11-29", 0, NIGHT)


def test_a_new_data_set_leaves_the_archived_days_alone(world: World, tmp_path: Any) -> None:
    from ecomm.contract import HEADER
    from ecomm.streaming.archive import unpack_day
    from ecomm.upload.tasks import upload

    put(world, f"{FOLDER}hour=10/a.gz", clicks({}))
    unpack_day(DAY)
    source = tmp_path / "2019-Nov.csv"
    source.write_bytes(HEADER + b"2019-11-01 00:00:00 UTC,view,1,2,,,1.00,3,\n")
    upload({"sources": [str(source)], "replace": True, "source": "files", "generated_rows": 0, "seed": 0})
    found = world.aws.list_objects(world.names.raw_bucket, "ecomm_user_activity_uncompressed/")
    assert [each["Key"] for each in found] == [
        "ecomm_user_activity_uncompressed/p_year=2019/p_month=11/2019-Nov.csv",
        NOVEMBER,
    ]


@pytest.mark.parametrize(
    ("asked", "day"),
    [("yesterday", date(2019, 11, 30)), ("2019-12-02", date(2019, 12, 2)), ("2019-02-28", date(2019, 2, 28))],
)
def test_the_day_is_the_one_asked_for_or_the_one_before(asked: str, day: date) -> None:
    from ecomm.streaming.archived_days import chosen_day

    assert chosen_day(asked, datetime(2019, 12, 1, 0, 30, tzinfo=UTC)) == day


@pytest.mark.parametrize(("asked", "why"), [("2025-02-30", "is not a day"), ("2999-12-02", "has not begun yet")])
def test_what_is_no_day_is_refused(asked: str, why: str) -> None:
    from ecomm.streaming.archived_days import chosen_day

    with pytest.raises(DataError, match=why):
        chosen_day(asked, NIGHT)


def test_a_run_by_hand_is_for_its_own_date_and_another_for_when_it_was_due() -> None:
    from ecomm.streaming.archived_days import chosen_day
    from ecomm.streaming.tasks import date_of_run

    past, now = datetime(2025, 11, 15, tzinfo=UTC), datetime(2025, 12, 1, 9, tzinfo=UTC)
    for run_type, logical, due, day in [
        ("manual", past, now, date(2025, 11, 14)),
        ("manual", None, now, date(2025, 11, 30)),
        ("scheduled", past, now, date(2025, 11, 30)),
        ("backfill", past, past, date(2025, 11, 14)),
        ("asset_triggered", None, now, date(2025, 11, 30)),
    ]:
        run = SimpleNamespace(run_type=run_type, logical_date=logical, run_after=due)
        assert chosen_day("yesterday", date_of_run(run)) == day, run_type


def test_a_run_for_a_date_that_has_not_begun_is_refused() -> None:
    from ecomm.streaming.archived_days import chosen_day

    future = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(DataError, match=f"The run's date, {future:%Y-%m-%d}, has not begun yet"):
        chosen_day("yesterday", future)


def test_firehose_puts_a_day_where_it_is_looked_for() -> None:
    from ecomm.streaming.archived_days import day_prefix

    template = (ROOT / "infra" / "streaming.yaml").read_text()
    found = re.search(r"^ +Prefix: (\S+)hour=", template, re.MULTILINE)
    assert found
    java = {"yyyy": "2025", "MM": "11", "dd": "30"}
    assert re.sub(r"!\{timestamp:(\w+)\}", lambda name: java[name[1]], found[1]) == day_prefix(DAY)
