"""Which line is an event, which is set aside and why."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from pyspark.sql import Row, SparkSession

from include.glue_scripts.csv_to_parquet import COLUMNS, NO_ROW, parse, read_lines
from tests.include.glue_scripts.conftest import Workspace

HEADER = ",".join(COLUMNS)
QUOTED_HEADER = '"' + HEADER.replace(",", '","') + '"'
SESSION = "72d76fde-8bb3-4e00-8c23-a032dfed738c"
EVENT = (
    "2019-11-01 00:00:01 UTC,view,1004856,2053013555631882655,electronics.smartphone,samsung,130.76,541312140,"
    f"{SESSION}"
)


def changed(**columns: str) -> str:
    """The line of the event with these columns changed."""
    return ",".join((dict(zip(COLUMNS, EVENT.split(","), strict=True)) | columns).values())


GOOD = {
    "an event": EVENT,
    "no category_code, brand and session": changed(category_code="", brand="", user_session=""),
    "a brand that is the text nan": changed(brand="nan"),
    "a brand that is the text NULL": changed(brand="NULL"),
    "a comma and quotes within quotes": changed(brand='"o""neill, ltd"'),
    "a backslash before the closing quote": changed(brand='"a\\"'),
    "an empty field in quotes": changed(brand='""'),
    "letters outside ASCII": changed(brand="нокиа"),
    "no price recorded": changed(price="0.00"),
    "a negative price": changed(price="-5.10"),
    "one decimal": changed(price="130.7"),
    "no decimals": changed(price="130"),
    "the largest price": changed(price="99999999.99"),
    "the largest id": changed(product_id="9223372036854775807"),
    "the first second of the month": changed(event_time="2019-11-01 00:00:00 UTC"),
    "the last second of the month": changed(event_time="2019-11-30 23:59:59 UTC"),
    "a removal from the cart": changed(event_type="remove_from_cart"),
    "a carriage return at the end": EVENT + "\r",
    "two carriage returns at the end": EVENT + "\r\r",
    "every field in quotes": '"' + EVENT.replace(",", '","') + '"',
    "a time in quotes and a carriage return": '"' + EVENT.replace(",", '",', 1) + "\r",
}

NINE = "the line has not nine fields"
QUOTE = "a quoted field is not closed within the line"
TIME = "event_time is not a time as in 2019-11-01 00:00:00 UTC"
MONTH = "event_time is outside the month of the folder"
TYPE = "event_type is none of view, cart, purchase, remove_from_cart"
EXPONENT = "category_id is written with an exponent and has lost digits"
PRICE = "price is not a number with at most two decimals"
UUID = "user_session is not a UUID"
BAD = [
    ("garbage", NINE),
    (" x", NINE),
    (EVENT + "\0", "the line has a NUL byte"),
    (changed(brand="sam\0sung"), "the line has a NUL byte"),
    ('"never closed\0', "the line has a NUL byte"),
    ("\0" * 9, "the line has a NUL byte"),
    (EVENT.rsplit(",", 1)[0], NINE),
    (EVENT + ",", NINE),
    (EVENT + "\rmore,fields", NINE),
    (changed(brand='"never closed'), QUOTE),
    # What a quoted field with a line break leaves: a beginning and an end, which may look like an event of its own.
    (EVENT[: EVENT.index("samsung")] + '"sam', QUOTE),
    ('sung",130.76,541312140,' + SESSION, QUOTE),
    (changed(brand='sam"'), QUOTE),
    (EVENT[: EVENT.index("541312140") + 4], NINE),
    (changed(event_time="2019-11-01 00:00:01"), TIME),
    (changed(event_time="2019-11-01T00:00:01 UTC"), TIME),
    (changed(event_time="2019-11-1 00:00:01 UTC"), TIME),
    (changed(event_time="2019-11-31 00:00:01 UTC"), TIME),
    (changed(event_time="2019-11-01 24:00:00 UTC"), TIME),
    (changed(event_time="2019-11-01 00:00:01.500 UTC"), TIME),
    (changed(event_time=""), TIME),
    (changed(event_time="2019-10-31 23:59:59 UTC"), MONTH),
    (changed(event_time="2019-12-01 00:00:00 UTC"), MONTH),
    (changed(event_time="2018-11-01 00:00:01 UTC"), MONTH),
    (changed(event_type="click"), TYPE),
    (changed(event_type="View"), TYPE),
    (changed(event_type=""), TYPE),
    (changed(category_id="2.05301E+18"), EXPONENT),
    (changed(category_id="2e18"), EXPONENT),
    (changed(category_id=""), "category_id is not a whole number"),
    (changed(product_id="12.0"), "product_id is not a whole number"),
    (changed(product_id="9223372036854775808"), "product_id is not a whole number"),
    (changed(user_id=" 541312140"), "user_id is not a whole number"),
    (changed(user_id="007"), "user_id is not a whole number"),
    (changed(user_id="nan"), "user_id is not a whole number"),
    (changed(price=""), PRICE),
    (changed(price="1.005"), PRICE),
    (changed(price="1e2"), PRICE),
    (changed(price="NaN"), PRICE),
    (changed(price="100000000.00"), PRICE),
    (changed(price="1,5"), NINE),
    (changed(user_session=SESSION[:20]), UUID),
    (changed(user_session="g" + SESSION[1:]), UUID),
]


def parsed(spark: SparkSession, workspace: Workspace, content: str | bytes) -> list[Row]:
    """The lines of a file of November that are rows, parsed, in the order of the file."""
    path = workspace.put("2019-11", content)
    rows = parse(read_lines(spark, workspace.arguments("2019-11").source, [str(path)])).coalesce(1).collect()
    return [row for row in rows if row["reason"] != NO_ROW]


def test_good_lines_are_events(spark: SparkSession, workspace: Workspace) -> None:
    rows = parsed(spark, workspace, "\n".join([HEADER, *GOOD.values()]))
    assert {name: row["reason"] for name, row in zip(GOOD, rows, strict=True)} == dict.fromkeys(GOOD)
    found = dict(zip(GOOD, rows, strict=True))
    where = {"file", "block", "place", "bytes"}
    assert {name: value for name, value in found["an event"].asDict().items() if name not in where} == {
        "event_time": datetime.fromisoformat("2019-11-01T00:00:01+00:00").astimezone().replace(tzinfo=None),
        "event_type": "view",
        "product_id": 1004856,
        "category_id": 2053013555631882655,
        "category_code": "electronics.smartphone",
        "brand": "samsung",
        "price": Decimal("130.76"),
        "user_id": 541312140,
        "user_session": SESSION,
        **{"p_year": "2019", "p_month": "11", "source": None, "line": None, "reason": None},
    }
    empty = found["no category_code, brand and session"]
    assert (empty["category_code"], empty["brand"], empty["user_session"]) == (None, None, None)
    assert found["an empty field in quotes"]["brand"] is None
    assert found["a brand that is the text nan"]["brand"] == "nan"
    assert found["a brand that is the text NULL"]["brand"] == "NULL"
    assert found["a comma and quotes within quotes"]["brand"] == 'o"neill, ltd'
    assert found["a backslash before the closing quote"]["brand"] == "a\\"
    assert found["letters outside ASCII"]["brand"] == "нокиа"
    assert found["a carriage return at the end"]["user_session"] == SESSION
    prices = [found[name]["price"] for name in ("no price recorded", "a negative price", "one decimal", "no decimals")]
    assert prices == [Decimal("0.00"), Decimal("-5.10"), Decimal("130.70"), Decimal("130.00")]


def test_bad_lines_keep_their_text_and_say_why(spark: SparkSession, workspace: Workspace) -> None:
    rows = parsed(spark, workspace, "\n".join(line for line, _ in BAD))
    assert [(row["line"], row["reason"]) for row in rows] == BAD
    assert {row["source"].removeprefix("file:").lstrip("/") for row in rows} == {
        str(workspace.put("2019-11", "")).lstrip("/")
    }


def test_a_line_of_more_fields_than_the_parser_takes_is_set_aside(spark: SparkSession, workspace: Workspace) -> None:
    """Rows that end in carriage returns alone, within a file of line feeds, are one line."""
    rows = parsed(
        spark, workspace, "\n".join([EVENT, "\r".join([EVENT] * 4000), "," * 30_000, changed(brand="x" * 30_000)])
    )
    assert [row["reason"] for row in rows] == [None, NINE, NINE, None]
    assert rows[1]["line"] == "\r".join([EVENT] * 4000)[:10_000]


def test_bytes_that_are_not_utf8_are_set_aside(spark: SparkSession, workspace: Workspace) -> None:
    bad = EVENT.encode().replace(b"samsung", b"sams\xffng")
    rows = parsed(spark, workspace, bad + b"\n" + EVENT.encode())
    assert [row["reason"] for row in rows] == ["the line is not UTF-8", None]
    assert rows[0]["line"] == EVENT.replace("samsung", "sams\ufffdng")


@pytest.mark.parametrize(
    ("content", "events"),
    [
        (f"{HEADER}\n{EVENT}\n", 1),
        (f"{EVENT}\n{EVENT}\n", 2),
        (f"\ufeff{HEADER}\r\n{EVENT}\r\n\r\n", 1),
        (f"\ufeff{EVENT}", 1),
        ('"' + HEADER.replace(",", '","') + f'"\n{EVENT}\n', 1),
        (f"{HEADER}\n{EVENT}\n{HEADER}\n\n{EVENT}\n", 2),
        (f"{HEADER}\r\n{EVENT}\n\ufeff{QUOTED_HEADER}\r\n \t\r\n{EVENT}", 2),
        (HEADER, 0),
        ("", 0),
    ],
    ids=[
        "header",
        "no header",
        "Windows",
        "mark without header",
        "quoted header",
        "two files in one",
        "two dresses",
        "bare",
        "empty",
    ],
)
def test_headers_and_empty_lines_are_no_rows(
    spark: SparkSession, workspace: Workspace, content: str, events: int
) -> None:
    assert [row["reason"] for row in parsed(spark, workspace, content)] == [None] * events


def test_the_source_is_named_as_the_file_is(spark: SparkSession, workspace: Workspace) -> None:
    name = "a file [1] {x} * + ü%20.csv"
    path = workspace.put("2019-11", "garbage", name)
    (row,) = parse(read_lines(spark, workspace.arguments("2019-11").source, [str(path)])).collect()
    assert row["source"].endswith(f"/p_month=11/{name}")
