"""S3 of the local platform: objects of any size and key, through boto3 as anybody would use it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import signal
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import psutil
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.conftest import Platform, start_platform, stop_platform
from tests.waiting import wait_until

MEGABYTE = 1 << 20
PART = 5 * MEGABYTE


def client(platform: Platform, service: str = "s3") -> Any:
    """A client that asks once: boto3 repeats what it takes for a passing trouble, such as a wrong checksum."""
    return boto3.client(service, endpoint_url=platform.endpoint, config=Config(retries={"max_attempts": 0}))


@pytest.fixture
def s3(platform: Platform) -> Any:
    return client(platform)


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    """An empty bucket of the test's own."""
    name = "s3-" + hashlib.sha1(request.node.name.encode()).hexdigest()[:12]
    s3.create_bucket(Bucket=name)
    return name


def pattern(size: int) -> bytes:
    """Bytes of which no two megabytes are alike."""
    return b"".join(number.to_bytes(8, "big") * (MEGABYTE // 8) for number in range(size // MEGABYTE + 1))[:size]


# ---- large objects ------------------------------------------------------------------------------------------------


class Watch:
    """The most memory that the server held for itself, and the longest that another request waited."""

    def __init__(self, platform: Platform) -> None:
        self.most_bytes = 0
        self.longest_wait = 0.0
        self._process = psutil.Process(platform.process.pid)
        self._other = client(platform, "glue")
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._memory), threading.Thread(target=self._waits)]

    def __enter__(self) -> Watch:
        self._other.get_databases()
        self.before = self._process.memory_info().rss
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _memory(self) -> None:
        while not self._stop.wait(0.05):
            self.most_bytes = max(self.most_bytes, self._process.memory_info().rss)

    def _waits(self) -> None:
        while not self._stop.wait(0.05):
            begun = time.monotonic()
            self._other.get_databases()
            self.longest_wait = max(self.longest_wait, time.monotonic() - begun)


def test_600_megabytes_pass_through_without_being_held(
    platform: Platform, s3: Any, bucket: str, tmp_path: Path
) -> None:
    """Stock ministack holds 1,307 MB for the upload alone, and answers nothing for 17 s meanwhile."""
    s3.create_bucket(Bucket=f"{bucket}-versioned")
    s3.put_bucket_versioning(Bucket=f"{bucket}-versioned", VersioningConfiguration={"Status": "Enabled"})
    block = os.urandom(MEGABYTE - 8)
    pieces = [number.to_bytes(8, "big") for number in range(600)]
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.writelines(part for number in pieces for part in (block, number))
    transfer = TransferConfig(multipart_chunksize=16 * MEGABYTE, max_concurrency=4)
    with Watch(platform) as watch:
        s3.upload_file(str(source), bucket, "big", Config=transfer)
        s3.copy_object(Bucket=f"{bucket}-versioned", Key="copy", CopySource={"Bucket": bucket, "Key": "big"})
        s3.download_file(f"{bucket}-versioned", "copy", str(target), Config=transfer)
    with target.open("rb") as file:
        assert all(file.read(MEGABYTE) == block + number for number in pieces)
        assert not file.read(1)
    assert watch.most_bytes - watch.before < 200 * MEGABYTE
    assert watch.longest_wait < 10
    for name in (bucket, f"{bucket}-versioned"):
        for version in s3.list_object_versions(Bucket=name).get("Versions", []):
            s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])


def test_a_large_single_put_keeps_its_checksums_and_metadata(s3: Any, bucket: str) -> None:
    body = pattern(3 * MEGABYTE + 1)
    put = s3.put_object(
        Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm="SHA256", Metadata={"a": "b"}, ContentType="text/csv"
    )
    found = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert found["Body"].read() == body
    assert found["ETag"] == put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert found["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert (found["Metadata"], found["ContentType"], found["ContentLength"]) == ({"a": "b"}, "text/csv", len(body))


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_a_wrong_checksum_is_refused(s3: Any, bucket: str, algorithm: str) -> None:
    """CRC64NVME is what the AWS CLI sends."""
    for size in (10, 2 * MEGABYTE):
        s3.put_object(Bucket=bucket, Key="other", Body=b"other", ChecksumAlgorithm=algorithm)
        other = s3.head_object(Bucket=bucket, Key="other", ChecksumMode="ENABLED")
        given = {f"Checksum{algorithm}": other[f"Checksum{algorithm}"]}
        with pytest.raises(ClientError, match="BadDigest"):
            s3.put_object(Bucket=bucket, Key="k", Body=pattern(size), **given)
    assert "k" not in keys(s3, bucket)


def chunked(body: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """The body in chunks of unequal size, as Java's client sends it."""
    pieces = [body[:100_000], body[100_000:1_500_000], body[1_500_000:]]
    return b"".join(b"%x;chunk-signature=%064d\r\n%b\r\n" % (len(piece), 0, piece) for piece in pieces) + end


def put_chunked(platform: Platform, path: str, sent: bytes, announced: int, **headers: str) -> tuple[int, bytes]:
    signed = AWSRequest("PUT", f"{platform.endpoint}{path}", headers=headers)
    SigV4Auth(Credentials("local", "local"), "s3", "us-east-1").add_auth(signed)
    address = urlsplit(platform.endpoint)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    connection.request(
        "PUT",
        path,
        body=sent,
        headers={
            **dict(signed.headers.items()),
            "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "Content-Encoding": "aws-chunked,gzip",
            "x-amz-decoded-content-length": str(announced),
        },
    )
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_a_body_in_signed_chunks_is_stored_as_it_was_meant(platform: Platform, s3: Any, bucket: str) -> None:
    body = pattern(3 * MEGABYTE)
    assert put_chunked(platform, f"/{bucket}/k", chunked(body), len(body))[0] == 200
    found = s3.get_object(Bucket=bucket, Key="k")
    assert (found["Body"].read(), found["ContentEncoding"]) == (body, "gzip")


def test_a_trailing_checksum_counts(platform: Platform, s3: Any, bucket: str) -> None:
    body = pattern(3 * MEGABYTE)
    right = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    for checksum, status in ((right, 200), ("AAAAAA==", 400)):
        sent = chunked(body, b"0\r\nx-amz-checksum-crc32:%b\r\n\r\n" % checksum.encode())
        answer = put_chunked(platform, f"/{bucket}/k", sent, len(body), **{"x-amz-trailer": "x-amz-checksum-crc32"})
        assert answer[0] == status, answer
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumCRC32"] == right


@pytest.mark.parametrize(
    ("end", "announced"),
    [(b"", 0), (b"0\r\n\r\n", -1), (b"zz\r\n", 0)],
    ids=["no last chunk", "another length", "not a chunk"],
)
def test_a_broken_chunked_body_is_refused(platform: Platform, s3: Any, bucket: str, end: bytes, announced: int) -> None:
    before = left_in_uploads(platform)
    body = pattern(3 * MEGABYTE)
    status, answer = put_chunked(platform, f"/{bucket}/k", chunked(body, end), len(body) + announced)
    assert (status, b"IncompleteBody" in answer) == (400, True)
    assert keys(s3, bucket) == []
    assert left_in_uploads(platform) == before


def test_a_client_that_leaves_leaves_nothing_behind(platform: Platform, s3: Any, bucket: str) -> None:
    before = left_in_uploads(platform)
    signed = AWSRequest("PUT", f"{platform.endpoint}/{bucket}/k")
    SigV4Auth(Credentials("local", "local"), "s3", "us-east-1").add_auth(signed)
    address = urlsplit(platform.endpoint)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    connection.putrequest("PUT", f"/{bucket}/k")
    for name, value in {**dict(signed.headers.items()), "Content-Length": str(8 * MEGABYTE)}.items():
        connection.putheader(name, value)
    connection.endheaders(pattern(4 * MEGABYTE))
    wait_until(lambda: left_in_uploads(platform) != before)
    connection.close()
    wait_until(lambda: left_in_uploads(platform) == before)
    assert keys(s3, bucket) == []


def left_in_uploads(platform: Platform) -> list[Path]:
    return sorted((platform.var / "aws/uploads").iterdir())


# ---- ranges -------------------------------------------------------------------------------------------------------


def test_ranges_are_exactly_the_bytes_asked_for(s3: Any, bucket: str) -> None:
    body = pattern(3 * MEGABYTE)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    last = len(body) - 1
    for text, first, end in (
        ("0-0", 0, 1),
        ("1000000-1000099", 1_000_000, 1_000_100),
        (f"{last}-", last, last + 1),
        ("-5", last - 4, last + 1),
        (f"10-{last + 100}", 10, last + 1),
    ):
        found = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={text}")
        assert found["Body"].read() == body[first:end]
        assert found["ContentRange"] == f"bytes {first}-{end - 1}/{len(body)}"
        assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={len(body)}-")


def test_a_reader_finishes_what_it_began_while_the_object_is_replaced(s3: Any, bucket: str) -> None:
    old, new = pattern(40 * MEGABYTE), b"new"
    s3.put_object(Bucket=bucket, Key="k", Body=old)
    reader = s3.get_object(Bucket=bucket, Key="k")["Body"]
    begin = reader.read(MEGABYTE)
    s3.put_object(Bucket=bucket, Key="k", Body=new)
    assert begin + reader.read() == old
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == new


# ---- multipart uploads --------------------------------------------------------------------------------------------


def upload_parts(
    s3: Any, bucket: str, key: str, bodies: list[bytes], **options: Any
) -> tuple[str, list[dict[str, Any]]]:
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, **options)["UploadId"]
    parts = []
    for number, body in enumerate(bodies, start=1):
        answer = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body)
        checksums = {name: value for name, value in answer.items() if name in ("ChecksumCRC32", "ChecksumSHA256")}
        parts.append({"PartNumber": number, "ETag": answer["ETag"], **checksums})
    return upload, parts


def test_parts_are_joined_in_their_order_with_the_etag_of_s3(platform: Platform, s3: Any, bucket: str) -> None:
    before = left_in_uploads(platform)
    bodies = [pattern(PART), b"x" * PART, b"the end"]
    upload, parts = upload_parts(s3, bucket, "k", bodies, Metadata={"m": "1"}, ContentType="a/b")
    done = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    found = s3.get_object(Bucket=bucket, Key="k")
    assert found["Body"].read() == b"".join(bodies)
    assert (found["ETag"], found["Metadata"], found["ContentType"]) == (done["ETag"], {"m": "1"}, "a/b")
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (bodies[1], 3)
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []
    assert left_in_uploads(platform) == before


def test_a_completion_can_be_asked_for_again_and_twice_at_once(s3: Any, bucket: str) -> None:
    upload, parts = upload_parts(s3, bucket, "k", [pattern(PART), b"end"])
    answers: list[str] = []

    def complete() -> None:
        asked = {"Bucket": bucket, "Key": "k", "UploadId": upload, "MultipartUpload": {"Parts": parts}}
        answers.append(s3.complete_multipart_upload(**asked)["ETag"])

    threads = [threading.Thread(target=complete) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    complete()
    assert len(answers) == 3
    assert len(set(answers)) == 1


@pytest.mark.parametrize("change", ["etag", "missing", "size", "checksum"])
def test_a_completion_that_names_other_parts_is_refused(s3: Any, bucket: str, change: str) -> None:
    upload, parts = upload_parts(s3, bucket, "k", [pattern(PART), b"end"], ChecksumAlgorithm="CRC32")
    options: dict[str, Any] = {}
    if change == "etag":
        parts[1]["ETag"] = parts[0]["ETag"]
    elif change == "missing":
        parts.append({"PartNumber": 9, "ETag": parts[0]["ETag"]})
    elif change == "checksum":
        parts[1]["ChecksumCRC32"] = parts[0]["ChecksumCRC32"]
    else:
        options["MpuObjectSize"] = 7
    with pytest.raises(ClientError, match=r"InvalidPart|InvalidRequest"):
        s3.complete_multipart_upload(
            Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}, **options
        )
    assert keys(s3, bucket) == []


def test_an_upload_keeps_its_composite_checksum(s3: Any, bucket: str) -> None:
    upload, parts = upload_parts(s3, bucket, "k", [pattern(PART), b"end"], ChecksumAlgorithm="SHA256")
    done = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    assert done["ChecksumSHA256"].endswith("-2")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (done["ChecksumSHA256"], "COMPOSITE")


def test_an_aborted_upload_leaves_nothing(platform: Platform, s3: Any, bucket: str) -> None:
    before = left_in_uploads(platform)
    upload, _ = upload_parts(s3, bucket, "k", [pattern(PART)])
    assert len(left_in_uploads(platform)) == len(before) + 1
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    assert left_in_uploads(platform) == before
    assert keys(s3, bucket) == []


def test_a_part_copied_from_an_object_is_that_object_as_it_was(s3: Any, bucket: str) -> None:
    body = pattern(2 * PART)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = []
    for number, text in enumerate((f"0-{PART - 1}", f"{PART}-{2 * PART - 1}"), start=1):
        answer = s3.upload_part_copy(
            Bucket=bucket,
            Key="k",
            UploadId=upload,
            PartNumber=number,
            CopySource={"Bucket": bucket, "Key": "source"},
            CopySourceRange=f"bytes={text}",
        )
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    s3.put_object(Bucket=bucket, Key="source", Body=b"another")
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


# ---- listings and keys --------------------------------------------------------------------------------------------


def keys(s3: Any, bucket: str, **options: Any) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **options)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


@pytest.fixture(scope="module")
def many(platform: Platform) -> str:
    """A bucket with 1,050 keys in three folders."""
    s3 = client(platform)
    s3.create_bucket(Bucket="s3-many")
    for number in range(1050):
        s3.put_object(Bucket="s3-many", Key=f"folder{number % 3}/key{number:05}", Body=b"")
    return "s3-many"


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_a_listing_comes_in_pages_of_a_thousand_in_order(s3: Any, many: str, operation: str) -> None:
    pages = list(s3.get_paginator(operation).paginate(Bucket=many))
    assert [len(page["Contents"]) for page in pages] == [1000, 50]
    found = [entry["Key"] for page in pages for entry in page["Contents"]]
    assert found == sorted(f"folder{number % 3}/key{number:05}" for number in range(1050))


def test_no_page_is_longer_than_a_thousand(s3: Any, many: str) -> None:
    page = s3.list_objects_v2(Bucket=many, MaxKeys=5000)
    assert (page["KeyCount"], page["IsTruncated"]) == (1000, True)


def test_a_delimiter_folds_keys_into_prefixes_over_pages(s3: Any, many: str) -> None:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=many, Delimiter="/", PaginationConfig={"PageSize": 2})
    assert [[entry["Prefix"] for entry in page["CommonPrefixes"]] for page in pages] == [
        ["folder0/", "folder1/"],
        ["folder2/"],
    ]
    assert keys(s3, many, Prefix="folder1/key0099", StartAfter="folder1/key00991") == [
        "folder1/key00994",
        "folder1/key00997",
    ]


def test_a_batch_delete_takes_the_keys_and_their_folders(platform: Platform, s3: Any, bucket: str) -> None:
    names = [f"gone/{number % 10}/{number}" for number in range(100)]
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=b"1")
    s3.put_object(Bucket=bucket, Key="kept", Body=b"1")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": name} for name in [*names, "never-was"]]})
    assert len(answer["Deleted"]) == 101
    assert keys(s3, bucket) == ["kept"]
    folder = platform.var / "aws/s3/000000000000" / bucket
    assert sorted(path.name for path in folder.iterdir()) == ["kept", "kept.meta.json"]


ODD_KEYS = [
    "a",
    "a/b",
    "a/b/c",
    "a/",
    "a//b",
    "with space and + and %2B",
    "ünï/çödé/日本",
    "p_year=2019/p_month=11/x.csv",
    "semi;colon&amp?question#hash",
    "../up",
    "./here",
    "dots..",
    ".hidden/.file",
    "k.meta.json",
    "k.tmp",
    "quote'\"<>",
    "back\\slash",
    "n" * 1000,
    "_temporary/0/part-0",
]


def test_a_key_may_be_anything_even_an_object_and_a_folder_at_once(s3: Any, bucket: str) -> None:
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert keys(s3, bucket) == sorted(ODD_KEYS)
    for key in ODD_KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        s3.copy_object(Bucket=bucket, Key=f"copy/{key}"[:1024], CopySource={"Bucket": bucket, "Key": key})
    copies = [f"copy/{key}"[:1024] for key in ODD_KEYS]
    assert keys(s3, bucket, Prefix="copy/") == sorted(copies)
    for key in [*ODD_KEYS, *copies]:
        s3.delete_object(Bucket=bucket, Key=key)
    assert keys(s3, bucket) == []
    s3.delete_bucket(Bucket=bucket)


def test_a_folder_without_objects_is_not_listed(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="out/_temporary/0/", Body=b"")
    s3.put_object(Bucket=bucket, Key="out/_temporary/0/task/part-0", Body=b"1")
    s3.copy_object(
        Bucket=bucket, Key="out/part-0", CopySource={"Bucket": bucket, "Key": "out/_temporary/0/task/part-0"}
    )
    s3.delete_object(Bucket=bucket, Key="out/_temporary/0/task/part-0")
    s3.delete_object(Bucket=bucket, Key="out/_temporary/0/")
    assert keys(s3, bucket) == ["out/part-0"]
    assert s3.list_objects_v2(Bucket=bucket, Prefix="out/", Delimiter="/").get("CommonPrefixes", []) == []


# ---- versions -----------------------------------------------------------------------------------------------------


def test_every_version_keeps_its_bytes(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"before versioning")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    bodies = [pattern(2 * MEGABYTE), b"small", pattern(3 * MEGABYTE)]
    versions = [s3.put_object(Bucket=bucket, Key="k", Body=body)["VersionId"] for body in bodies]
    part = s3.get_object(Bucket=bucket, Key="k", VersionId=versions[0], Range="bytes=10-19")
    assert (part["Body"].read(), part["ContentRange"]) == (bodies[0][10:20], f"bytes 10-19/{len(bodies[0])}")
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.get_object(Bucket=bucket, Key="k", VersionId=versions[0], Range="bytes=99999999-")
    s3.delete_object(Bucket=bucket, Key="k")
    assert keys(s3, bucket) == []
    for version, body in zip(["null", *versions], [b"before versioning", *bodies], strict=True):
        assert s3.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == body
    (marker,) = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    s3.delete_object(Bucket=bucket, Key="k", VersionId=versions[2])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"small"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=versions[1])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == bodies[0]


def test_an_object_copied_onto_itself_has_new_metadata_and_the_same_bytes(s3: Any, bucket: str) -> None:
    body = pattern(2 * MEGABYTE)
    s3.put_object(Bucket=bucket, Key="k", Body=body, Metadata={"a": "1"})
    for value in ("2", "3"):
        s3.copy_object(
            Bucket=bucket,
            Key="k",
            CopySource={"Bucket": bucket, "Key": "k"},
            MetadataDirective="REPLACE",
            Metadata={"a": value},
        )
    found = s3.get_object(Bucket=bucket, Key="k")
    assert (found["Body"].read(), found["Metadata"]) == (body, {"a": "3"})


# ---- kills --------------------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"


def test_a_kill_leaves_whole_objects_only(own: Path) -> None:
    """Writers replace the same keys, large and small, until the platform is killed under them."""
    running = start_platform(own)
    s3 = client(running)
    s3.create_bucket(Bucket="kill")
    begun = threading.Semaphore(0)

    def write(name: str, size: int) -> None:
        writer = client(running)
        number = 0
        while True:
            number += 1
            try:
                writer.put_object(Bucket="kill", Key=name, Body=bytes([number % 256]) * (size + number))
            except Exception:  # However a connection to a killed server ends.
                return
            begun.release()

    threads = [
        threading.Thread(target=write, args=(f"k{number}", 10 ** (number + 2)), daemon=True) for number in range(5)
    ]
    for thread in threads:
        thread.start()
    upload, _ = upload_parts(s3, "kill", "half", [pattern(PART)])
    assert upload
    for _ in range(60):
        begun.acquire(timeout=10)
    stop_platform(running, signal.SIGKILL)
    for thread in threads:
        thread.join(timeout=60)
    running = start_platform(own)
    try:
        s3 = client(running)
        assert "half" not in keys(s3, "kill")
        assert keys(s3, "kill")
        for key in keys(s3, "kill"):
            found = s3.get_object(Bucket="kill", Key=key)
            body = found["Body"].read()
            assert len(body) == found["ContentLength"]
            assert len(set(body)) == 1
            assert found["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
        assert left_in_uploads(running) == []
        assert list(own.rglob("*.tmp")) == []
    finally:
        stop_platform(running)


def test_a_description_older_than_its_object_is_written_anew(own: Path) -> None:
    """A kill may fall between the two."""
    running = start_platform(own)
    client(running).create_bucket(Bucket="kill")
    client(running).put_object(Bucket="kill", Key="k", Body=b"old", ContentType="a/b")
    stop_platform(running)
    file = own / "aws/s3/000000000000/kill/k"
    file.with_name("k.new").write_bytes(b"longer and new")
    file.with_name("k.new").replace(file)
    running = start_platform(own)
    try:
        found = client(running).get_object(Bucket="kill", Key="k")
        assert found["Body"].read() == b"longer and new"
        assert (found["ETag"], found["ContentType"]) == (f'"{hashlib.md5(b"longer and new").hexdigest()}"', "a/b")
    finally:
        stop_platform(running)
