"""What is said of the months that are there already, and which months a file holds."""

from __future__ import annotations

import json
import zipfile
from datetime import date
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from ecomm.upload.layout import LAYOUT_VERSION, LEDGER, archived_day_key, csv_key, zip_key

from demo import DemoError
from demo.needs import csv_bytes
from demo.stored_months import configuration, months_of, refuse_to_generate_over, sentences, stored
from tests.conftest import Platform

HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"


def csv(*times: str, quote: str = "", end: str = "\n") -> str:
    rows = [f"{quote}{time} UTC{quote},view,1,2,,,1.00,7,{'s' * 60}" for time in times]
    return end.join([HEADER, *rows, ""])


@pytest.mark.parametrize(("quote", "end"), [("", "\n"), ('"', "\n"), ("", "\r\n")])
def test_a_file_holds_the_months_from_its_first_row_to_its_last(quote: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    times = ["2019-11-30 23:59:59", *["2019-12-15 00:00:00"] * 5000, "2020-02-01 00:00:00"]
    path.write_bytes(csv(*times, quote=quote, end=end).encode())
    assert months_of([str(path)]) == ({"2019-11", "2019-12", "2020-01", "2020-02"}, True)


def test_a_file_that_is_not_in_the_order_of_time_is_read_from_both_ends(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(csv("2020-01-01 00:00:00", "2019-12-31 23:00:00"))
    assert months_of([str(path)])[0] == {"2019-12", "2020-01"}


def test_a_zip_and_a_file_in_s3_are_known_in_part(tmp_path: Path) -> None:
    path = tmp_path / "2019-Oct.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("2019-Oct.csv", csv("2019-10-01 00:00:00", "2019-11-01 00:00:00"))
    assert months_of([str(path), "s3://bucket/2019-Dec.csv"]) == ({"2019-10", "2019-12"}, False)


@pytest.mark.parametrize("content", [b"", b"\0" * 10, b"event_time\n", b"PK\x03\x04broken"])
def test_what_is_no_data_set_has_no_month(content: bytes, tmp_path: Path) -> None:
    """The upload says what is wrong with it."""
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    assert months_of([str(path)])[0] == set()


def test_a_zip_that_the_upload_will_refuse_has_no_month(tmp_path: Path) -> None:
    path = tmp_path / "rows.zip"
    zipfile.ZipFile(path, "w").close()
    assert months_of([str(path)]) == (set(), False)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._rows.csv", "2019-01-01 00:00:00")
        archive.writestr("rows.csv", csv(*["2019-11-01 00:00:00"] * 1000))
    assert months_of([str(path)]) == ({"2019-11"}, False)
    whole = path.read_bytes()
    # Damaged in its middle, in its directory, and cut.
    for broken in (whole[:200] + b"\xff" * 40 + whole[240:], whole.replace(b"PK\x01\x02", b"PK\x09\x09"), whole[:300]):
        path.write_bytes(broken)
        assert months_of([str(path)])[0] <= {"2019-11"}
        assert csv_bytes([str(path)])[0] > 0


def test_what_is_replaced_and_what_will_go_is_said_apart(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(csv("2019-11-01 00:00:00"))
    replaced, removed = sentences({"2019-10": True, "2019-11": False, "2020-01": False}, [str(path)])
    assert "2019-11 (your own)" in replaced and "2019-10" not in replaced
    assert "2019-10 (generated), 2020-01 (your own). It will be removed." in removed
    assert sentences({}, [str(path)]) == []


def test_made_up_rows_never_replace_data_of_the_user_s() -> None:
    refuse_to_generate_over({})
    refuse_to_generate_over({"2019-11": True})
    with pytest.raises(DemoError, match=r"data of your own, 2019-12, .*DATASET=.*LOCAL_VAR=.*make clean"):
        refuse_to_generate_over({"2019-11": True, "2019-12": False})


def test_the_upload_is_told_what_it_brings() -> None:
    assert configuration([]) == {"source": "generate", "replace": True}
    assert configuration(["/data/a.csv"]) == {"source": "files", "sources": ["/data/a.csv"], "replace": True}


def test_the_origin_of_a_month_is_what_the_upload_knows_of_it(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever made the month, and whatever Airflow remembers of its runs."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", platform.endpoint)
    s3, bucket = boto3.client("s3"), f"stored-{uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    assert stored(bucket) == {}
    for key in (zip_key("2019-10"), csv_key("2019-11"), archived_day_key("2019-12", date(2019, 12, 1))):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x\n")
    assert stored(bucket) == {"2019-10": False, "2019-11": False}
    record = {"sources": ["rows"], "rows": 1, "bytes": 2, "made_up": True}
    etag = s3.head_object(Bucket=bucket, Key=csv_key("2019-11"))["ETag"]
    months = {"2019-11": {**record, "files": {csv_key("2019-11"): etag}}}
    ledger = {"layout_version": LAYOUT_VERSION, "sources": {"rows": ["2019-11"]}, "months": months}
    s3.put_object(Bucket=bucket, Key=LEDGER, Body=json.dumps(ledger).encode())
    assert stored(bucket) == {"2019-10": False, "2019-11": True}
