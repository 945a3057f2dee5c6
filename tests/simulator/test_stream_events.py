"""Rows of the CSV as events of stream 1: every value exact, every row that is none named with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from simulator.dataset_generator import generate
from simulator.stream_data_simulator.attacks import PLANTED_USERS
from simulator.stream_data_simulator.errors import RowError, SimulatorError
from simulator.stream_data_simulator.events import (
    COLUMNS,
    EVENT_TYPES,
    JSON_END,
    EventReader,
    check,
    check_header,
    is_no_row,
    split,
)
from simulator.stream_data_simulator.replays import MAX_CACHED, REPLAYED_USERS, Marks
from tests.simulator.conftest import row

CONTRACT = json.loads((Path(__file__).resolve().parents[2] / "include/contract/ecomm_user_activity.json").read_text())


def read(line: str | bytes, key: str = "category_id", marks: Marks | None = None) -> dict[str, Any]:
    event = EventReader(key, marks).read(line if isinstance(line, bytes) else line.encode())
    return json.loads(event.head + b"now" + JSON_END)


def reason(line: str | bytes) -> str:
    with pytest.raises(RowError) as error:
        read(line)
    return str(error.value)


def test_columns_are_the_contract() -> None:
    assert {column["name"]: column["type"] for column in CONTRACT["columns"]} == COLUMNS
    assert tuple(CONTRACT["event_types"]) == EVENT_TYPES


def test_numbers_are_numbers_and_ids_are_exact() -> None:
    event = read(row(1003461, category_id=2053013555631882655))
    assert event == {
        "event_time": "2019-11-01 00:00:00 UTC",
        "event_type": "view",
        "product_id": 1003461,
        "category_id": 2053013555631882655,
        "category_code": "electronics.smartphone",
        "brand": "xiaomi",
        "price": 489.07,
        "user_id": 520088904,
        "user_session": "4d3b30da-a5e4-49df-b1a8-ba5943f1dd33",
        "txn_timestamp": "now",
    }
    assert list(event) == [*COLUMNS, "txn_timestamp"]


@pytest.mark.parametrize("value", [0, 2**53 + 1, 8999999999999999999, 2**63 - 1, -1, -(2**63)])
def test_whole_numbers_of_64_bits(value: int) -> None:
    assert read(row(product_id=value, user_id=value)) == read(row()) | {"product_id": value, "user_id": value}


def test_empty_is_null_and_the_brand_nan_stays_text() -> None:
    event = read(row(category_code="", brand="", user_session=""))
    assert (event["category_code"], event["brand"], event["user_session"]) == (None, None, None)
    assert read(row(brand="nan"))["brand"] == "nan"
    assert read(row(brand="null"))["brand"] == "null"


@pytest.mark.parametrize("price", ["0.00", "0.5", "12", "99999999.99", "-3.10", "007.50"])
def test_prices_are_exact(price: str) -> None:
    event = EventReader("category_id").read(row(price=price).encode())
    text = event.head.split(b'"price":')[1].split(b",")[0].decode()
    assert float(text) == float(price)
    assert read(row(price=price))["price"] == float(price)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"a ""quoted"" brand"', 'a "quoted" brand'),
        ('"one, two"', "one, two"),
        ("café", "café"),
        ("back\\slash", "back\\slash"),
        ("tab\there", "tab\there"),
        ("\u2028😀", "\u2028😀"),
    ],
)
def test_text_of_any_kind(written: str, meant: str) -> None:
    assert read(row(brand=written))["brand"] == meant


def test_a_row_of_a_windows_file_and_one_after_a_byte_order_mark() -> None:
    assert read(row() + "\r") == read(row())
    assert read(b"\xef\xbb\xbf" + row().encode()) == read(row())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (row().rsplit(",", 1)[0], "the line has not nine fields"),
        (row() + ",more", "the line has not nine fields"),
        (row(brand='"open'), "the line has not nine fields"),
        (row(brand="\udcff").encode("utf-8", "surrogateescape"), "the line is not UTF-8"),
        (row(event_time="2019-11-31 00:00:00 UTC"), "event_time is not a time as in 2019-11-01 00:00:00 UTC"),
        (row(event_time="2019-11-01 00:00:00"), "event_time is not a time as in 2019-11-01 00:00:00 UTC"),
        (row(event_type="click"), "event_type is none of view, cart, purchase, remove_from_cart"),
        (row(event_type=""), "event_type is none of view, cart, purchase, remove_from_cart"),
        (row(category_id="2.05301E+18"), "category_id is written with an exponent and has lost digits"),
        (row(user_id=""), "user_id is not a whole number"),
        (row(user_id=2**63), "user_id is not a whole number"),
        (row(product_id="12a"), "product_id is not a whole number"),
        (row(product_id="٣"), "product_id is not a whole number"),
        (row(price=""), "price is not a number with at most two decimals"),
        (row(price="1.234"), "price is not a number with at most two decimals"),
        (row(price="nan"), "price is not a number with at most two decimals"),
        (row(user_session="4d3b30da"), "user_session is not a UUID"),
        (row(brand="b" * 300_000), "the line is longer than 262,144 bytes"),
    ],
)
def test_rows_that_are_no_event_are_named_with_the_reason(line: str | bytes, said: str) -> None:
    assert reason(line) == said


def test_fast_and_careful_reading_are_the_same() -> None:
    reader = EventReader("event_time")
    for line in generate(3_000, seed=4):
        plain = line.rstrip("\n").encode()
        check(split(plain))
        assert reader.read(plain) == reader.read(plain + b"\r")


@pytest.mark.parametrize("column", list(COLUMNS))
def test_partition_key_is_the_chosen_column(column: str) -> None:
    value = split(row().encode())[list(COLUMNS).index(column)]
    assert EventReader(column).read(row().encode()).key.decode() == value


def test_a_row_without_the_key_is_keyed_by_its_user() -> None:
    assert EventReader("brand").read(row(brand="").encode()).key == b"520088904"


def test_a_key_that_kinesis_does_not_take_is_named() -> None:
    with pytest.raises(RowError, match="partition key is longer than 256 characters"):
        EventReader("brand").read(row(brand="b" * 257).encode())


def test_an_unknown_partition_key_says_which_there_are() -> None:
    with pytest.raises(SimulatorError, match=r"'category' is no column; choose one of event_time, .*category_id"):
        EventReader("category")


def test_the_reserved_users_are_those_of_the_contract() -> None:
    reserved = CONTRACT["reserved_users"]
    for users, name in ((PLANTED_USERS, "planted"), (REPLAYED_USERS, "replay")):
        assert users == range(reserved[name]["first"], reserved[name]["last"] + 1)


@pytest.mark.parametrize("user", [0, 1, 520088904, 99_999_999_999])
@pytest.mark.parametrize("end", ["", "\r"])
def test_a_replayed_row_has_a_reserved_user_and_a_session_of_its_own(user: int, end: str) -> None:
    """Read by the fast way, and by the careful one, which takes what a Windows file has at its line's end."""
    event = read(row(user_id=user) + end, marks=Marks())
    assert event["user_id"] == 9_200_000_000_000 + user
    assert event["user_id"] in REPLAYED_USERS
    assert event["user_session"] != read(row())["user_session"]
    unmarked = {name: value for name, value in event.items() if name not in {"user_id", "user_session"}}
    assert unmarked.items() < read(row()).items()


@pytest.mark.parametrize("user", [-1, 100_000_000_000, 9_000_000_000_003, 9_200_520_088_904, 2**63 - 1])
def test_a_user_that_has_no_replay_id_is_refused_by_name(user: int) -> None:
    """Another id in its place would make it one with some other user; a row of an earlier replay is refused too."""
    with pytest.raises(RowError, match=f"user_id {user} has no replay id: a row is sent under 9200000000000 plus its"):
        read(row(user_id=user), marks=Marks())


def test_a_session_is_one_session_within_a_pass_and_another_in_the_next() -> None:
    reader = EventReader("user_session", Marks())
    sessions = [f"4d3b30da-a5e4-49df-b1a8-{number:012x}" for number in range(3 * MAX_CACHED)]
    passes = []
    for _ in range(2):
        reader.begin_pass()
        first, again = ([reader.read(row(user_session=session).encode()).key for session in sessions] for _ in range(2))
        assert first == again
        passes.append({key.decode() for key in first})
    assert len(passes[0] | passes[1] | set(sessions)) == 3 * len(sessions)
    derived = [UUID(session) for session in passes[0]]
    assert {session.version for session in derived} == {4}


def test_a_session_is_derived_alike_by_both_ways_of_reading() -> None:
    reader = EventReader("user_session", Marks())
    assert reader.read(row().encode()) == reader.read(f"{row()}\r".encode())


def test_no_session_stays_none() -> None:
    for end in ("", "\r"):
        assert read(row(user_session="") + end, marks=Marks())["user_session"] is None


@pytest.mark.parametrize("column", ["user_id", "user_session"])
def test_the_key_of_a_replayed_row_is_what_is_sent(column: str) -> None:
    reader = EventReader(column, Marks())
    for line in (row().encode(), f"{row()}\r".encode()):
        event = reader.read(line)
        assert event.key.decode() == str(json.loads(event.head + b"now" + JSON_END)[column])
    assert EventReader("brand", Marks()).read(row(brand="").encode()).key == b"9200520088904"


def test_headers_and_empty_lines_are_no_rows() -> None:
    header = ",".join(COLUMNS).encode()
    quoted = ",".join(f'"{name}"' for name in COLUMNS).encode()
    assert all(is_no_row(line) for line in (b"", b"\r", header, header + b"\r", b"\xef\xbb\xbf" + header, quoted))
    assert not is_no_row(row().encode())


def test_other_columns_are_refused_before_anything_is_sent() -> None:
    check_header("a.csv", ",".join(COLUMNS).encode())
    check_header("a.csv", row().encode())
    with pytest.raises(SimulatorError, match=r"a.csv begins with 'user,time'; expected the columns event_time, "):
        check_header("a.csv", b"user,time")
