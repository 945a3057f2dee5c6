"""The platform holds megabytes of an object, never the object: however it is read, left, copied or put together."""

from __future__ import annotations

import http.client
import itertools
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.conftest import Platform
from tests.local.aws import client
from tests.waiting import wait_until

MEGABYTE = 1 << 20
PART = 64 * MEGABYTE
PARTS = 32
SIZE = PARTS * PART
MAX_GROWTH = 64 * MEGABYTE
BUCKET = "s3-memory"


class PeakMemory:
    """Samples the platform's resident memory; `growth()` is its peak above the start, in bytes."""

    def __init__(self, platform: Platform) -> None:
        self._process = psutil.Process(platform.process.pid)
        self._before = self._peak = self._process.memory_info().rss
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def growth(self) -> int:
        return self._peak - self._before

    def _sample(self) -> None:
        while not self._stop.wait(0.02):
            self._peak = max(self._peak, self._process.memory_info().rss)


@pytest.fixture(scope="module")
def large(platform: Platform) -> Iterator[str]:
    """The key of an object of 2 GB whose parts, copies of one, each begin with the same random megabyte."""
    s3 = client(platform, "s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="part", Body=os.urandom(MEGABYTE) * (PART // MEGABYTE))
    upload = {"Bucket": BUCKET, "Key": "large"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    source = {"Bucket": BUCKET, "Key": "part"}
    with PeakMemory(platform) as memory:
        parts = [
            {
                "PartNumber": number,
                "ETag": s3.upload_part_copy(**upload, PartNumber=number, CopySource=source)["CopyPartResult"]["ETag"],
            }
            for number in range(1, PARTS + 1)
        ]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket=BUCKET, Key="large")["ContentLength"] == SIZE
    assert memory.growth() < MAX_GROWTH, "while it was put together from its parts"
    yield "large"
    for key in ("large", "copy", "part"):
        s3.delete_object(Bucket=BUCKET, Key=key)
    s3.delete_bucket(Bucket=BUCKET)


def open_files(platform: Platform) -> int:
    """How many files below its folder of objects the platform has open, which it has while it sends one."""
    objects = f"{platform.var}/aws/s3"
    return sum(Path(file.path).is_relative_to(objects) for file in psutil.Process(platform.process.pid).open_files())


def read_part(s3: Any, start: int, length: int) -> int:
    """Opens the object from `start` to its end, reads `length` bytes, and closes the connection, as S3A does."""
    body = s3.get_object(Bucket=BUCKET, Key="large", Range=f"bytes={start}-")["Body"]
    read = len(body.read(length))
    body.close()
    return read


def leave_at_20_places(platform: Platform) -> None:
    s3 = client(platform, "s3")
    for place in range(20):
        start = place * SIZE // 20
        assert read_part(s3, start, 1 + place * MEGABYTE // 2) == 1 + place * MEGABYTE // 2


def leave_without_reading(platform: Platform) -> None:
    """By a reset, in the midst of the headers or right behind them."""
    s3, address = client(platform, "s3"), urlsplit(platform.endpoint)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "large"})
    target = url.removeprefix(platform.endpoint)
    for length in (1, 100, 5000):
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
            assert connection.recv(length)


def read_slowly(platform: Platform) -> None:
    """A reader that takes a little now and then, while another reads all of it."""
    slow = client(platform, "s3").get_object(Bucket=BUCKET, Key="large")["Body"]
    whole = client(platform, "s3").get_object(Bucket=BUCKET, Key="large")["Body"]
    size = 0
    for chunk in whole.iter_chunks(MEGABYTE):
        size += len(chunk)
        if size % (16 * MEGABYTE) < MEGABYTE:
            assert slow.read(1000)
    assert size == SIZE
    slow.close()


def read_by_8(platform: Platform) -> None:
    """Each reads an eighth to its end, and opens the rest."""
    eighth = SIZE // 8

    def read(number: int) -> int:
        return read_part(client(platform, "s3"), number * eighth, eighth)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [eighth] * 8


def put_through_a_presigned_address(platform: Platform) -> None:
    s3 = client(platform, "s3")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "copy"})
    piece, size = os.urandom(MEGABYTE), 256 * MEGABYTE
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    pieces = itertools.repeat(piece, size // MEGABYTE)
    connection.request("PUT", url, body=pieces, headers={"Content-Length": str(size)})
    assert connection.getresponse().status == 200
    assert s3.head_object(Bucket=BUCKET, Key="copy")["ContentLength"] == size


def copy_and_list(platform: Platform) -> None:
    s3 = client(platform, "s3")
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "large"}, ChecksumAlgorithm="SHA256")
    sizes = {each["Key"]: each["Size"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert sizes == {"large": SIZE, "copy": SIZE, "part": PART}


@pytest.mark.parametrize(
    "use",
    [leave_at_20_places, leave_without_reading, read_slowly, read_by_8, put_through_a_presigned_address, copy_and_list],
    ids=lambda use: use.__name__,
)
def test_an_object_of_2_gb_is_never_held(platform: Platform, large: str, use: Callable[[Platform], None]) -> None:
    with PeakMemory(platform) as memory:
        use(platform)
        wait_until(lambda: open_files(platform) == 0)
    assert memory.growth() < MAX_GROWTH


def test_what_a_reader_left_does_not_end_its_neighbour(platform: Platform, large: str) -> None:
    s3 = client(platform, "s3")
    body = s3.get_object(Bucket=BUCKET, Key="large", Range=f"bytes={SIZE - 3 * MEGABYTE}-")["Body"]
    read_part(s3, 0, MEGABYTE)
    assert len(body.read()) == 3 * MEGABYTE
