"""The file is read whole, in pieces, from wherever it lies."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from simulator.stream_data_simulator.errors import SimulatorError
from simulator.stream_data_simulator.source import CHUNK_BYTES, RANGE_BYTES, Source

BUCKET = "simulator-sources"


@pytest.fixture
def put(endpoint: str) -> Callable[[str, bytes], str]:
    """Puts an object and gives its location."""
    s3 = boto3.client("s3", endpoint_url=endpoint)
    s3.create_bucket(Bucket=BUCKET)

    def put(key: str, body: bytes) -> str:
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    return put


def source(location: str | Path) -> Source:
    return Source(str(location), boto3.session.Session())


def lines(location: str | Path) -> list[bytes]:
    found: list[bytes] = []
    for first_number, part, _ in source(location).read():
        assert first_number == len(found) + 1
        found += part
    return found


def zipped(body: bytes, *names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, body)
    return file.getvalue()


# Longer than a range of S3, so that lines are cut at every kind of border.
LONG = b"".join(b"%d,%s\n" % (number, b"x" * (number % 300)) for number in range(80_000))


def test_the_long_file_is_longer_than_a_range() -> None:
    assert len(LONG) > RANGE_BYTES + CHUNK_BYTES


@pytest.mark.parametrize(
    "body", [LONG, LONG.rstrip(b"\n"), b"a\n\nb\r\n", b"one line"], ids=["long", "cut", "odd", "one"]
)
def test_s3_local_and_zip_give_the_same_lines(put: Callable[[str, bytes], str], tmp_path: Path, body: bytes) -> None:
    plain, packed = tmp_path / "rows.csv", tmp_path / "rows.csv.zip"
    plain.write_bytes(body)
    packed.write_bytes(zipped(body, "rows.csv"))
    expected = body.removesuffix(b"\n").split(b"\n")
    assert lines(plain) == expected
    assert lines(packed) == expected
    assert lines(put("rows.csv", body)) == expected
    assert lines(put("rows.csv.zip", zipped(body, "rows.csv"))) == expected


def test_how_far_it_is_ends_at_the_size(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(LONG)
    whole = source(path)
    done = [part.bytes_read for part in whole.read()]
    assert whole.size == len(LONG)
    assert done == sorted(done)
    assert done[-1] == len(LONG)


def test_each_reading_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a\nb\n")
    whole = source(path)
    assert [list(whole.read()), list(whole.read())] == [[(1, [b"a", b"b"], 4)]] * 2


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for times in (1, 8):
        path = tmp_path / f"{times}.csv"
        with path.open("wb") as file:
            for _ in range(times):
                file.write(LONG)
        tracemalloc.start()
        for _ in source(path).read():
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.1
    assert peaks[1] < 12 * CHUNK_BYTES


def test_an_object_replaced_while_it_is_read_is_an_error(put: Callable[[str, bytes], str]) -> None:
    location = put("changing.csv", LONG)
    parts = source(location).read()
    next(parts)
    put("changing.csv", LONG.replace(b"x", b"y"))
    with pytest.raises(SimulatorError, match=r"changing.csv was replaced while it was read; start again"):
        list(parts)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("no/such.csv", "no/such.csv is no file; name a CSV or a zip"),
        ("s3://no-such-bucket/a.csv", "s3://no-such-bucket/a.csv does not exist; upload the data set first"),
        (f"s3://{BUCKET}/no-such.csv", "no-such.csv does not exist; upload the data set first"),
        ("s3://bucket", "s3://bucket names no object; write it as s3://bucket/key"),
    ],
)
def test_what_is_missing_is_named(put: Callable[[str, bytes], str], location: str, said: str) -> None:
    with pytest.raises(SimulatorError, match=said):
        source(location)


def test_what_is_no_csv_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(SimulatorError, match=r"empty.csv is empty; name a CSV with a header line and rows"):
        source(tmp_path / "empty.csv")
    (tmp_path / "two.zip").write_bytes(zipped(b"a\n", "a.csv", "b.csv"))
    with pytest.raises(SimulatorError, match=r"two.zip holds 2 CSV files; it must hold one"):
        source(tmp_path / "two.zip")
    (tmp_path / "no.zip").write_bytes(b"not a zip")
    with pytest.raises(SimulatorError, match=r"no.zip is no zip .*; make it anew, or name the CSV itself"):
        source(tmp_path / "no.zip")
    (tmp_path / "binary.csv").write_bytes(b"x" * (9 << 20))
    with pytest.raises(SimulatorError, match=r"Line 1 of .*binary.csv is longer than 8,388,608 bytes"):
        lines(tmp_path / "binary.csv")
