"""Arguments, and the copies of the event contract."""

from __future__ import annotations

import gzip
import json

import pytest

from include.glue_scripts.csv_to_parquet import (
    COLUMNS,
    EVENT_TYPES,
    Arguments,
    ConversionError,
    Month,
    check_start,
    is_data,
)
from tests.conftest import ROOT

GIVEN = {
    "SOURCE": "s3://raw/events",
    "MONTHS": "2019-11, 2019-10,2019-11",
    "CURATED": "s3://curated/events/version=v1/",
    "QUARANTINE": "s3://curated/quarantine/version=v1/",
    "CLUSTER_BY": "category_id",
    "REPORT": "s3://artifacts/reports/v1.json",
}
HEADER = ",".join(COLUMNS)
ROW = "2019-10-01 00:00:00 UTC,view,1,2,,,3.00,4,"


def test_the_script_and_the_contract_name_the_same_columns_and_event_types() -> None:
    contract = json.loads((ROOT / "include/contract/ecomm_user_activity.json").read_text())
    assert {column["name"]: column["type"] for column in contract["columns"]} == COLUMNS
    assert tuple(contract["event_types"]) == EVENT_TYPES


def test_months_are_sorted_and_folders_end_in_a_slash() -> None:
    arguments = Arguments.of(GIVEN)
    assert arguments.months == (Month("2019", "10"), Month("2019", "11"))
    assert arguments.months[0].folder == "p_year=2019/p_month=10"
    assert arguments.source == "s3://raw/events/"
    assert arguments.curated == "s3://curated/events/version=v1/"
    assert arguments.version == "v1"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"MONTHS": "2019-13"}, "'2019-13' is not a month; write months as 2019-10,2019-11"),
        ({"MONTHS": "2019-10,,"}, "'' is not a month"),
        ({"MONTHS": "2019-10;2019-11"}, "is not a month"),
        ({"CLUSTER_BY": "category"}, "'category' is no column of the data; choose one of event_time,"),
        ({"CURATED": "s3://curated/events/"}, "does not end in version=<v>/"),
    ],
)
def test_a_wrong_argument_is_named(wrong: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConversionError, match=sentence):
        Arguments.of(GIVEN | wrong)


@pytest.mark.parametrize(
    "first_line",
    [
        HEADER,
        HEADER + "\r",
        HEADER + "\r\r",
        "\ufeff" + HEADER,
        '"' + HEADER.replace(",", '","') + '"',
        '"event_time"' + HEADER.removeprefix("event_time"),
        "\r\n  \n" + HEADER,
        ROW,
        f"{HEADER}\n{ROW}\rmore",
        "2019-10-01 00:00:00 UTC,vi\0ew,1,2,,,3.00,4,",
        "view,2019-10-01 00:00:00 UTC,cut",
        "",
    ],
)
def test_a_file_may_begin_with_the_header_or_with_rows(first_line: str) -> None:
    check_start("s3://raw/a.csv", f"{first_line}\n2019-10-01 00:00:00 UTC,view".encode())


@pytest.mark.parametrize(
    "first_line",
    [
        "event_type,event_time,product_id,category_id,category_code,brand,price,user_id,user_session",
        HEADER.replace(",", ";"),
        HEADER.upper(),
        '"order","customer"',
        # As Excel begins a file for itself, pandas one with its index, and a file of trailing commas.
        "sep=,",
        "," + HEADER,
        HEADER + ",",
    ],
)
def test_a_header_of_other_columns_is_refused(first_line: str) -> None:
    with pytest.raises(ConversionError, match=r"a\.csv begins with .*expected the columns event_time, event_type"):
        check_start("s3://raw/a.csv", f"{first_line}\n2019-10-01 00:00:00 UTC".encode())


@pytest.mark.parametrize(
    ("name", "start", "sentence"),
    [
        ("a.csv", gzip.compress(HEADER.encode()), r"a\.csv is compressed, or named so; unpack it"),
        ("a.csv", b"PK\x03\x04\x14\0\b,2019-Nov.csv", r"a\.csv is compressed, or named so; unpack it"),
        (
            "a.csv.GZ",
            HEADER.encode(),
            r"a\.csv\.GZ is compressed, or named so; unpack it, upload it again under a name in \.csv, and remove",
        ),
        ("a.csv", HEADER.encode("utf-16"), r"a\.csv is UTF-16, as spreadsheets save Unicode text; save it as UTF-8"),
        ("a.csv", f"{HEADER}\r2019-10-01".encode(), r"a\.csv ends its lines in carriage returns alone; convert it"),
        ("a.csv", b"2019-10-01 00:00:00 UTC\r2019-10-01", r"a\.csv ends its lines in carriage returns alone"),
        (
            "a.csv",
            f'{HEADER}\n{ROW}\r"2019-10-01 00:00:00 UTC",view'.encode(),
            r"a\.csv ends its rows in carriage returns alone; convert it",
        ),
    ],
)
def test_what_is_no_csv_in_utf8_is_refused(name: str, start: bytes, sentence: str) -> None:
    with pytest.raises(ConversionError, match=sentence):
        check_start(f"s3://raw/{name}", start)


@pytest.mark.parametrize(
    ("key", "size"),
    [
        ("p_month=12/", 0),
        ("p_month=12/empty.csv", 0),
        ("p_month=12_$folder$", 5),
        ("p_month=12/.DS_Store", 9),
        ("__MACOSX/p_month=12/a.csv", 9),
        ("p_month=12/_SUCCESS", 1),
    ],
)
def test_what_consoles_and_tools_leave_beside_the_files_is_no_data(key: str, size: int) -> None:
    assert not is_data(key, size)
    assert is_data("p_month=12/a_b.csv", 1)
