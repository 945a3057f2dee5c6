"""Each month of a data set lands as a zip and as a CSV; nothing twice, nothing half, nothing lost."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ecomm.errors import DataError
from ecomm.upload.layout import csv_key, zip_key
from ecomm.upload.months import MonthSize, upload_months
from ecomm.upload.sources import open_sources

from tests.airflow_environment import ROOT
from tests.plugins.upload.conftest import HEADER, Bucket, Write, rows

OCTOBER, NOVEMBER = "2019-10", "2019-11"
OCTOBER_CSV = "ecomm_user_activity_uncompressed/p_year=2019/p_month=10/2019-Oct.csv"
NOVEMBER_CSV = "ecomm_user_activity_uncompressed/p_year=2019/p_month=11/2019-Nov.csv"
OCTOBER_ZIP = "ecomm_user_activity/p_year=2019/p_month=10/2019-Oct.csv.zip"
NOVEMBER_ZIP = "ecomm_user_activity/p_year=2019/p_month=11/2019-Nov.csv.zip"

Upload = Callable[..., dict[str, MonthSize]]


@pytest.fixture
def upload(bucket: Bucket) -> Upload:
    """Uploads the sources of these paths into the test's bucket."""

    def upload(*names: str, replace: bool = False) -> dict[str, MonthSize]:
        source = "files" if names else "generate"
        return upload_months(bucket.name, open_sources(source, names, generated_rows=500, seed=1), replace)

    return upload


def member(data: bytes) -> tuple[str, str]:
    """Name and text of a zip's only member."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (name,) = archive.namelist()
        assert archive.testzip() is None
        return name, archive.read(name).decode()


def test_a_csv_of_two_months_becomes_two_zips_and_two_csvs(upload: Upload, write: Write, bucket: Bucket) -> None:
    october, november = rows(OCTOBER, 30), rows(NOVEMBER, 20)
    sizes = upload(write("both.csv", october + november))
    assert sizes == {
        OCTOBER: MonthSize(30, len(HEADER + october)),
        NOVEMBER: MonthSize(20, len(HEADER + november)),
    }
    assert bucket.listing() == [OCTOBER_ZIP, NOVEMBER_ZIP, OCTOBER_CSV, NOVEMBER_CSV]
    assert bucket.read(OCTOBER_CSV).decode() == HEADER + october
    assert bucket.read(NOVEMBER_CSV).decode() == HEADER + november
    assert member(bucket.read(OCTOBER_ZIP)) == ("2019-Oct.csv", HEADER + october)
    assert member(bucket.read(NOVEMBER_ZIP)) == ("2019-Nov.csv", HEADER + november)


@pytest.mark.parametrize(("name", "within"), [("one.csv", "2019-Nov.csv"), ("one.csv.zip", "one.csv")])
def test_a_file_of_one_row_is_a_data_set(upload: Upload, write: Write, bucket: Bucket, name: str, within: str) -> None:
    assert upload(write(name, rows(NOVEMBER, 1))) == {NOVEMBER: MonthSize(1, len(HEADER + rows(NOVEMBER, 1)))}
    assert bucket.read(NOVEMBER_CSV).decode() == HEADER + rows(NOVEMBER, 1)
    assert member(bucket.read(NOVEMBER_ZIP)) == (within, HEADER + rows(NOVEMBER, 1))


def test_the_zip_of_one_month_is_uploaded_as_it_is(upload: Upload, write: Write, bucket: Bucket) -> None:
    path = write("given.csv.zip", rows(NOVEMBER, 20))
    upload(path)
    assert bucket.read(NOVEMBER_ZIP) == Path(path).read_bytes()
    assert bucket.read(NOVEMBER_CSV).decode() == HEADER + rows(NOVEMBER, 20)


def test_the_zip_of_two_months_is_taken_apart(upload: Upload, write: Write, bucket: Bucket) -> None:
    upload(write("both.zip", rows(OCTOBER, 30) + rows(NOVEMBER, 20)))
    assert member(bucket.read(OCTOBER_ZIP)) == ("2019-Oct.csv", HEADER + rows(OCTOBER, 30))
    assert member(bucket.read(NOVEMBER_ZIP)) == ("2019-Nov.csv", HEADER + rows(NOVEMBER, 20))


@pytest.mark.parametrize("names", [("a.csv", "b.csv"), ("a.zip", "b.csv"), ("a.csv", "b.zip"), ("a.zip", "b.zip")])
def test_sources_of_one_month_are_joined_in_order_with_one_header(
    upload: Upload, write: Write, bucket: Bucket, names: tuple[str, str]
) -> None:
    first, second = rows(NOVEMBER, 5)[:-1], rows(NOVEMBER, 5, first=5)
    assert upload(write(names[0], first), write(names[1], second))[NOVEMBER].rows == 10
    assert bucket.read(NOVEMBER_CSV).decode() == HEADER + rows(NOVEMBER, 10)
    assert member(bucket.read(NOVEMBER_ZIP)) == ("2019-Nov.csv", HEADER + rows(NOVEMBER, 10))


def test_the_generator_fills_both_months(upload: Upload, bucket: Bucket) -> None:
    sizes = upload()
    assert sum(size.rows for size in sizes.values()) == 500
    assert bucket.listing() == [OCTOBER_ZIP, NOVEMBER_ZIP, OCTOBER_CSV, NOVEMBER_CSV]


def test_the_same_data_set_again_uploads_nothing(upload: Upload, write: Write, bucket: Bucket) -> None:
    paths = [write("a.csv", rows(OCTOBER, 9)), write("b.zip", rows(NOVEMBER, 9))]
    first = upload(*paths)
    bucket.written.clear()
    assert upload(*paths) == first
    assert bucket.written == []


def test_a_month_added_uploads_only_that_month(upload: Upload, write: Write, bucket: Bucket) -> None:
    october = write("a.zip", rows(OCTOBER, 9))
    upload(october)
    bucket.written.clear()
    assert upload(october, write("b.csv", rows(NOVEMBER, 9))).keys() == {OCTOBER, NOVEMBER}
    assert sorted(bucket.written) == [NOVEMBER_ZIP, NOVEMBER_CSV]


def test_rows_added_to_a_month_bring_the_whole_month_anew(upload: Upload, write: Write, bucket: Bucket) -> None:
    first = write("a.csv", rows(NOVEMBER, 5))
    upload(first)
    assert upload(first, write("b.csv", rows(NOVEMBER, 5, first=5)))[NOVEMBER].rows == 10
    assert bucket.read(NOVEMBER_CSV).decode() == HEADER + rows(NOVEMBER, 10)
    assert upload(first)[NOVEMBER].rows == 5
    assert bucket.read(NOVEMBER_CSV).decode() == HEADER + rows(NOVEMBER, 5)


@pytest.mark.parametrize("name", ["both.csv", "both.zip"])
def test_an_object_that_was_lost_or_changed_is_uploaded_again(
    upload: Upload, write: Write, bucket: Bucket, name: str
) -> None:
    both = write(name, rows(OCTOBER, 9) + rows(NOVEMBER, 9))
    upload(both)
    bucket.delete(NOVEMBER_ZIP)
    bucket.written.clear()
    upload(both)
    assert sorted(bucket.written) == [NOVEMBER_ZIP, NOVEMBER_CSV]
    bucket.put(OCTOBER_CSV, b"something else")
    bucket.written.clear()
    upload(both)
    assert sorted(bucket.written) == [OCTOBER_ZIP, OCTOBER_CSV]


def test_other_months_stay_unless_they_are_to_be_replaced(upload: Upload, write: Write, bucket: Bucket) -> None:
    october, november = write("a.csv", rows(OCTOBER, 5)), write("b.csv", rows(NOVEMBER, 5))
    upload(october)
    assert upload(november).keys() == {NOVEMBER}
    assert bucket.listing() == [OCTOBER_ZIP, NOVEMBER_ZIP, OCTOBER_CSV, NOVEMBER_CSV]
    upload(november, replace=True)
    assert bucket.listing() == [NOVEMBER_ZIP, NOVEMBER_CSV]
    upload(october)
    assert bucket.listing() == [OCTOBER_ZIP, NOVEMBER_ZIP, OCTOBER_CSV, NOVEMBER_CSV]


def test_a_stranger_in_a_months_folder_is_named_and_goes_with_replace(
    upload: Upload, write: Write, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = NOVEMBER_CSV.replace("2019-Nov", "old")
    bucket.put(stranger, HEADER.encode())
    november = write("b.csv", rows(NOVEMBER, 5))
    upload(november)
    assert f"s3://{bucket.name}/{stranger} is not of this data set" in caplog.text
    assert stranger in bucket.listing()
    upload(november, replace=True)
    assert stranger not in bucket.listing()


def test_what_is_no_data_is_neither_named_nor_removed(
    upload: Upload, write: Write, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    folder = NOVEMBER_CSV.removesuffix("2019-Nov.csv")
    others = {
        folder: b"",
        f"{folder}.DS_Store": b"x",
        f"{folder}_SUCCESS": b"",
        f"{folder}archive-2019-11-02.csv": b"x",
    }
    for key, body in others.items():
        bucket.put(key, body)
    november = write("b.csv", rows(NOVEMBER, 5))
    upload(november)
    assert "is not of this data set" not in caplog.text
    upload(november, replace=True)
    assert others.keys() <= set(bucket.listing())


def test_the_same_contents_twice_are_refused(upload: Upload, write: Write) -> None:
    with pytest.raises(DataError, match=r"b\.csv has the same contents as .*a\.csv; give it once\."):
        upload(write("a.csv", rows(NOVEMBER, 5)), write("b.csv", rows(NOVEMBER, 5)))


def test_too_many_months_are_refused_and_nothing_is_written(upload: Upload, write: Write, bucket: Bucket) -> None:
    months = [f"20{year}-{month:02}" for year in range(19, 23) for month in range(1, 13)]
    with pytest.raises(DataError, match="has rows of 2022-01, but the data set holds 36 other months already"):
        upload(write("a.csv", "".join(rows(month, 1) for month in months)))
    assert bucket.listing() == []


def test_a_failure_midway_leaves_neither_objects_nor_parts(
    upload: Upload, write: Write, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecomm.upload.objects.PART", 50_000)
    path = Path(write("a.zip", rows(NOVEMBER, 60_000)))
    data = bytearray(path.read_bytes())
    data[-5000:-4000] = b"damaged " * 125
    path.write_bytes(data)
    with pytest.raises(DataError, match="is damaged"):
        upload(str(path))
    assert bucket.listing() == []
    assert bucket.open_uploads() == []


def test_a_task_killed_midway_leaves_no_object_and_the_next_one_completes(
    upload: Upload, write: Write, bucket: Bucket
) -> None:
    path = write("a.csv", rows(NOVEMBER, 400_000))
    program = (
        "from ecomm.upload.months import upload_months; from ecomm.upload.sources import open_sources; "
        f"upload_months({bucket.name!r}, open_sources('files', [{path!r}], 1, 1), replace=False)"
    )
    task = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT / "plugins")
    deadline = time.monotonic() + 300
    while not bucket.open_uploads():
        assert task.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    task.kill()
    assert task.wait() == -signal.SIGKILL
    assert bucket.listing() == []
    assert upload(path)[NOVEMBER].rows == 400_000
    assert bucket.read(NOVEMBER_CSV) == Path(path).read_bytes()


def test_memory_holds_a_few_parts_and_not_the_data_set(
    upload: Upload, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecomm.upload.objects.PART", 1024 * 1024)
    monkeypatch.setattr("ecomm.upload.stored.BLOCK", 256 * 1024)
    path = write("a.csv", rows(NOVEMBER, 500_000))
    assert Path(path).stat().st_size > 36_000_000
    tracemalloc.start()
    upload(path)
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert highest < 18_000_000


def test_keys_are_those_of_the_users_page() -> None:
    assert (csv_key(NOVEMBER), zip_key(OCTOBER)) == (NOVEMBER_CSV, OCTOBER_ZIP)
