"""What people take for a CSV of the contract is refused at the first look, with what it is and what to do."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from ecomm.errors import DataError
from ecomm.upload.beginning import FIRST_LOOK, check_beginning
from ecomm.upload.months import upload_months
from ecomm.upload.sources import open_sources

from tests.plugins.upload.conftest import HEADER, Bucket, rows

NAMES = HEADER.rstrip("\n")
ROW = "2019-11-01 00:00:00 UTC,view,1,2053013555631882655,a.b,samsung,1.50,5,00000000-0000-4000-8000-000000000001"
QUOTED_ROW = ",".join(f'"{field}"' for field in ROW.split(","))
QUOTED = ",".join(f'"{name}"' for name in NAMES.split(","))


@pytest.mark.parametrize(
    "text",
    [
        f"{NAMES}\n{ROW}",
        f"{NAMES}\r\n{ROW}\r\n",
        f"\ufeff{NAMES}\n{ROW}\n",
        f"{QUOTED}\r\n{ROW}\r\n",
        f"{NAMES}\n{ROW}\0\n",
        f"{NAMES}\r\n{ROW}\n{ROW}\r\n",
    ],
)
def test_each_form_of_a_csv_is_taken(text: str) -> None:
    check_beginning(text.encode(), "the file")


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (f"{NAMES}\r{ROW}\r".encode(), r"carriage returns alone, .*: tr '\\r' '\\n' < old.csv > new.csv"),
        (f"{NAMES}\n{ROW}\n{ROW}\r{ROW}\r".encode(), "carriage returns alone"),
        (f"{NAMES}\r\n{QUOTED_ROW}\r{QUOTED_ROW}\r".encode(), "carriage returns alone"),
        (("x" + "é" * 600_000).encode()[: 1024 * 1024], "has a header line that cannot be read"),
        (f"sep=,\r\n{NAMES}\r\n{ROW}\r\n".encode(), "begins with 'sep=,', which Excel adds; delete that line"),
        (f"{NAMES.replace(',', ';')}\n{ROW}\n".encode(), "separates its fields by semicolons; save it with commas"),
        (f"{NAMES.replace(',', chr(9))}\n{ROW}\n".encode(), "separates its fields by tabs"),
        (f"{NAMES.upper()}\n{ROW}\n".encode(), "spells its columns with capitals, blanks or other quotes"),
        (f"{NAMES.replace(',', ', ')}\n{ROW}\n".encode(), "spells its columns with capitals, blanks or other quotes"),
        (f",{NAMES}\n0,{ROW}\n".encode(), "has a column '' before the contract's, an index perhaps"),
        (f"Unnamed: 0,{NAMES}\n0,{ROW}\n".encode(), "has a column 'Unnamed: 0' before the contract's"),
        (f"{NAMES},\n{ROW},\n".encode(), "ends its header line in a comma"),
        (f"{NAMES},price\n{ROW},1\n".encode(), "names a column twice"),
        (f"{ROW}\n{ROW}\n".encode(), "begins with a row; put the header line before it"),
        (f"\n{NAMES}\n{ROW}\n".encode(), "has a wrong header: it lacks event_time"),
        (f"event\0_time,{NAMES}\n{ROW}\n".encode(), "has a NUL byte in its header line"),
        (f"{NAMES}\n{ROW}\n".encode("utf-16-le"), "is UTF-16 or binary"),
        (codecs.BOM_UTF16_LE + f"{NAMES}\n".encode("utf-16-le"), "is UTF-16;"),
        (codecs.BOM_UTF32_LE + f"{NAMES}\n".encode("utf-32-le"), "is UTF-32;"),
        (f"{NAMES}\n{ROW.replace('samsung', 'nestlé')}\n".encode("latin-1"), "is not UTF-8 in line 2; convert it"),
        (b'[{"event_time": "2019-11-01"}]', "is a page or JSON, no CSV"),
        (b"<!DOCTYPE html><html>", "is a page or JSON, no CSV"),
        (b"\x28\xb5\x2f\xfd" + b"x" * 100, "is Zstandard"),
        (b"BZh91AY" + b"x" * 100, "is bzip2"),
        (f"{NAMES}\n\n\n".encode(), "has a header but no row"),
        (f'"{NAMES}\n{ROW}\n'.encode(), "has a wrong header"),
    ],
)
def test_what_is_no_csv_of_the_contract_is_refused_with_a_remedy(start: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"the file .*{message}"):
        check_beginning(start, "the file")


def uploaded(bucket: Bucket, tmp_path: Path, text: str) -> tuple[dict[str, int], dict[str, bytes]]:
    """The rows per month, and the CSV of each month."""
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode())
    sizes = upload_months(bucket.name, open_sources("files", [str(path)], 1, 1), replace=False)
    folder = "ecomm_user_activity_uncompressed/p_year={}/p_month={}/"
    contents = {}
    for month in sizes:
        year, number = month.split("-")
        (key,) = (key for key in bucket.listing() if key.startswith(folder.format(year, number)))
        contents[month] = bucket.read(key)
    return {month: size.rows for month, size in sizes.items()}, contents


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_keeps_its_line_ends_and_the_header_has_them_too(bucket: Bucket, tmp_path: Path, end: str) -> None:
    text = (HEADER + rows("2019-11", 3)).replace("\n", end)
    assert uploaded(bucket, tmp_path, text) == ({"2019-11": 3}, {"2019-11": text.encode()})


def test_quoted_times_go_to_their_months_and_other_headers_are_no_rows(bucket: Bucket, tmp_path: Path) -> None:
    october = rows("2019-10", 2)
    november = "".join(
        ",".join(f'"{field}"' for field in row.split(",")) + "\n" for row in rows("2019-11", 3).splitlines()
    )
    counts, contents = uploaded(bucket, tmp_path, f"{HEADER}{october}{QUOTED}\n{november}\n")
    assert counts == {"2019-10": 2, "2019-11": 3}
    assert contents["2019-11"].decode() == f"{HEADER}{november}\n"


def test_nul_bytes_stay_in_their_rows_for_the_conversion(bucket: Bucket, tmp_path: Path) -> None:
    text = HEADER + rows("2019-11", 2) + "\0" * 1000
    assert uploaded(bucket, tmp_path, text) == ({"2019-11": 3}, {"2019-11": text.encode()})


def test_files_of_other_line_ends_are_joined_byte_for_byte(bucket: Bucket, tmp_path: Path) -> None:
    windows = (HEADER + rows("2019-11", 2)).replace("\n", "\r\n").removesuffix("\r\n").encode()
    unix = rows("2019-11", 3, first=2).encode()
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    paths[0].write_bytes(windows)
    paths[1].write_bytes(codecs.BOM_UTF8 + HEADER.encode() + unix)
    sizes = upload_months(bucket.name, open_sources("files", list(map(str, paths)), 1, 1), replace=False)
    assert sizes["2019-11"].rows == 5
    (key,) = (key for key in bucket.listing() if key.endswith("2019-Nov.csv"))
    assert bucket.read(key) == windows + b"\r\n" + unix


def test_bytes_of_another_encoding_late_in_a_file_are_the_conversions(bucket: Bucket, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    text = (HEADER + rows("2019-11", 20_000)).encode() + ROW.replace("samsung", "nestlé").encode("latin-1") + b"\n"
    assert len(text) > FIRST_LOOK
    path.write_bytes(text)
    sizes = upload_months(bucket.name, open_sources("files", [str(path)], 1, 1), replace=False)
    assert sizes["2019-11"].rows == 20_001
    (key,) = (key for key in bucket.listing() if key.endswith("2019-Nov.csv"))
    assert bucket.read(key) == text
