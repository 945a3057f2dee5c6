"""A source is read wherever and however it is stored, or refused with a sentence before anything is written."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from ecomm.errors import DataError
from ecomm.upload.sources import Source, open_sources
from ecomm.upload.stored import S3Object

from tests.conftest import Platform
from tests.plugins.upload.conftest import HEADER, Bucket, Write, rows

TEXT = rows("2019-11", 50)


def opened(*names: str) -> list[Source]:
    return open_sources("files", names, generated_rows=10, seed=1)


def text_of(source: Source) -> tuple[bytes, bytes]:
    """The CSV's bytes, and the stored bytes that passed by."""
    heard: list[bytes] = []
    text = b"".join(source.text(heard.append))
    return text, b"".join(heard)


@pytest.mark.parametrize("name", ["2019-Nov.csv", "2019-Nov.csv.zip"])
def test_local_files_are_read(write: Write, name: str) -> None:
    path = write(name, TEXT)
    (source,) = opened(path)
    assert text_of(source) == ((HEADER + TEXT).encode(), Path(path).read_bytes())
    assert source.size == Path(path).stat().st_size
    assert source.zipped == name.endswith(".zip")


@pytest.mark.parametrize("name", ["2019-Nov.csv", "2019-Nov.csv.zip"])
def test_s3_objects_are_read_in_ranges(
    write: Write, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("ecomm.upload.stored.BLOCK", 100)
    path = Path(write(name, TEXT))
    bucket.put(f"given/{name}", path.read_bytes())
    (source,) = opened(f"s3://{bucket.name}/given/{name}")
    assert text_of(source) == ((HEADER + TEXT).encode(), path.read_bytes())


class BreakingOnce(BaseHTTPRequestHandler):
    """Passes requests on to `endpoint`; of the first body that is asked for, only a half comes."""

    endpoint: str
    broken = False

    def do_GET(self) -> None:
        wanted = {name: value for name, value in self.headers.items() if name in ("Range", "If-Match")}
        answer = httpx.request(self.command, f"{self.endpoint}{self.path}", headers=wanted, trust_env=False)
        body = answer.content
        self.send_response(answer.status_code)
        for name in ("ETag", "Content-Length", "Content-Range"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.end_headers()
        if self.command == "GET" and not type(self).broken:
            type(self).broken = True
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *words: object) -> None:
        """Nothing: what is asked is no concern of the test's."""


def test_a_connection_that_breaks_within_a_body_is_made_again(
    platform: Platform, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ecomm import aws

    bucket.put("a.csv", (HEADER + TEXT).encode())
    handler = type("Handler", (BreakingOnce,), {"endpoint": platform.endpoint})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        Thread(target=proxy.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.server_port}")
        aws.client.cache_clear()
        try:
            assert b"".join(S3Object(f"s3://{bucket.name}/a.csv").blocks()) == (HEADER + TEXT).encode()
        finally:
            proxy.shutdown()
            aws.client.cache_clear()
    assert handler.broken  # type: ignore[attr-defined]


def test_an_object_that_changes_while_it_is_read_is_noticed(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecomm.upload.stored.BLOCK", 1000)
    bucket.put("a.csv", (HEADER + TEXT * 20).encode())
    (source,) = opened(f"s3://{bucket.name}/a.csv")
    blocks = source.text(lambda _: None)
    next(blocks)
    bucket.put("a.csv", (HEADER + rows("2019-10", 1000)).encode())
    with pytest.raises(DataError, match="was replaced while it was read"):
        list(blocks)


@pytest.mark.parametrize("change", [lambda path: path.open("a").write(TEXT), lambda path: path.write_text(HEADER)])
def test_a_file_that_changes_while_it_is_read_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], int]
) -> None:
    """A download that is not complete, and an export that began again."""
    monkeypatch.setattr("ecomm.upload.stored.BLOCK", 1000)
    path = tmp_path / "a.csv"
    path.write_text(HEADER + TEXT * 20)
    (source,) = opened(str(path))
    blocks = source.text(lambda _: None)
    next(blocks)
    change(path)
    with pytest.raises(DataError, match=r"a\.csv was changed while it was read; run the upload again once"):
        list(blocks)


def test_a_file_is_named_once(tmp_path: Path) -> None:
    path, link = tmp_path / "Döner & Söhne (1).csv", tmp_path / "link.csv"
    path.write_text(HEADER + TEXT)
    link.symlink_to(path)
    for other in (path, link, tmp_path / "." / "x" / ".." / path.name):
        with pytest.raises(DataError, match=r"is the same file as .*Döner & Söhne \(1\)\.csv; name each file once"):
            opened(str(path), str(other))
    with pytest.raises(DataError, match="name each file once"):
        opened("s3://shop/a.csv", "s3://shop/a.csv")


def test_a_zip_may_be_stored_unpacked_and_described_by_macos(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("2019-Nov.csv", HEADER + TEXT)
        archive.writestr("__MACOSX/._2019-Nov.csv", b"\0")
    (source,) = opened(str(path))
    assert text_of(source)[0] == (HEADER + TEXT).encode()


def test_a_zip_that_packs_very_well_is_unpacked_in_small_blocks(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecomm.upload.sources.UNPACKED_BLOCK", 1000)
    (source,) = opened(write("a.csv.zip", "2019-11-01 00:00:00 UTC,view\n" * 10_000))
    assert max(len(block) for block in source.text(lambda _: None)) <= 1000


def test_windows_line_ends_and_a_byte_order_mark_pass(write: Write) -> None:
    (source,) = opened(write("a.csv", TEXT.replace("\n", "\r\n"), header="\ufeff" + HEADER.replace("\n", "\r\n")))
    assert source.size


def test_the_generator_is_the_source_where_none_is_named() -> None:
    (source,) = open_sources("generate", [], generated_rows=123, seed=5)
    text, heard = text_of(source)
    assert text.startswith(HEADER.encode())
    assert text.count(b"\n") == 124
    assert heard == text[len(HEADER) :]
    assert source.fingerprint() == open_sources("generate", [], 123, 5)[0].fingerprint()
    assert source.fingerprint() != open_sources("generate", [], 123, 6)[0].fingerprint()


def test_the_fingerprint_is_that_of_the_contents(write: Write) -> None:
    first, second, third = opened(write("a.csv", TEXT), write("b.csv", TEXT), write("c.csv", TEXT[:-1]))
    assert first.fingerprint() == second.fingerprint() != third.fingerprint()


@pytest.mark.parametrize(
    ("name", "header", "text", "message"),
    [
        ("a.csv", "", "", r"a\.csv is empty\."),
        ("a.csv", HEADER, "", r"a\.csv has a header but no row\."),
        ("a.csv", "", TEXT, r"a\.csv begins with a row; put the header line before it\."),
        ("a.csv", HEADER.replace(",brand", ""), TEXT, r"it lacks brand; name .* The contract is: event_time,"),
        ("a.csv", HEADER.replace("price", "cost"), TEXT, r"it lacks price and has the unknown cost;"),
        ("a.csv", HEADER.replace("brand,price", "price,brand"), TEXT, r"the contract's columns in another order"),
        ("a.zip", HEADER.replace("user_id", "user"), TEXT, r"a\.zip has a wrong header: it lacks user_id"),
    ],
)  # fmt: skip
def test_a_wrong_beginning_is_refused(write: Write, name: str, header: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(write(name, text, header))


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ((HEADER + TEXT).encode("utf-16"), r"is UTF-16; give it as CSV in UTF-8"),
        (b"\x1f\x8b\x08rest", r"is gzip; give it as CSV"),
        (b"PAR1rest", r"is Parquet; give it as CSV"),
        ((HEADER + "2019-11-01 00:00:00 UTC,view,1,2,,caf\xe9,1\n").encode("latin-1"), r"is not UTF-8 in line 2;"),
    ],
)  # fmt: skip
def test_another_encoding_or_format_is_refused(tmp_path: Path, contents: bytes, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(contents)
    with pytest.raises(DataError, match=message):
        opened(str(path))


def test_a_zip_with_two_files_is_refused_by_their_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one.csv", HEADER + TEXT)
        archive.writestr("two.csv", HEADER + TEXT)
    with pytest.raises(
        DataError, match=r"a\.zip holds 2 files \(one\.csv, two\.csv\), but a zip must hold exactly one"
    ):
        opened(str(tmp_path / "a.zip"))


def test_a_zip_cut_short_is_refused(write: Write) -> None:
    path = Path(write("a.zip", TEXT))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"a\.zip is not a complete zip \(.*\); fetch it again\."):
        opened(str(path))


def test_a_damaged_zip_is_noticed_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.csv", HEADER + rows("2019-11", 20_000))
    path.write_bytes(path.read_bytes().replace(b",19999,", b",10000,"))
    (source,) = opened(str(path))
    with pytest.raises(DataError, match="is damaged: its member's checksum does not agree"):
        text_of(source)


def test_a_csv_named_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_text(HEADER + TEXT)
    with pytest.raises(DataError, match=r"is named a zip but is none"):
        opened(str(path))


def test_what_is_not_there_is_refused(tmp_path: Path, bucket: Bucket) -> None:
    for name, message in {
        str(tmp_path / "none.csv"): "does not exist on the machine where Airflow's tasks run",
        str(tmp_path): "is a folder; name the CSV or zip files in it",
        "data/2019-Nov.csv": "is a relative path",
        f"s3://{bucket.name}/none.csv": "does not exist; list the bucket",
        f"s3://{bucket.name}-none/none.csv": "does not exist; list the bucket",
        f"s3://{bucket.name}": "is no object of S3; write s3://bucket/key",
        "s3:///none.csv": "is no object of S3",
        "s3://No Bucket/none.csv": "is no object of S3",
        "https://example.com/2019-Nov.csv": "is neither a path nor an s3:// address",
    }.items():
        with pytest.raises(DataError, match=message):
            opened(name)
