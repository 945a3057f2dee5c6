"""A zip is taken however its packer wrote it, or refused with what it is and what to do."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
from ecomm.errors import DataError
from ecomm.upload.sources import open_sources

from tests.plugins.upload.conftest import HEADER, rows

TEXT = HEADER + rows("2019-11", 50)


class _Pipe(io.RawIOBase):
    """Takes bytes and cannot seek, so that zipfile writes the sizes after the member, as a packer in a pipe does."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.data += data
        return len(data)


def packed(*members: tuple[str, str | bytes], comment: bytes = b"", zip64: bool = False, piped: bool = False) -> bytes:
    file: _Pipe | io.BytesIO = _Pipe() if piped else io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment
        for name, contents in members:
            with archive.open(name, "w", force_zip64=zip64) as member:
                member.write(contents.encode() if isinstance(contents, str) else contents)
    return bytes(file.data) if isinstance(file, _Pipe) else file.getvalue()


def with_field(data: bytes, local: int, directory: int, value: int) -> bytes:
    """The zip with a two-byte field of its only member changed, at these offsets of its two headers."""
    changed = bytearray(data)
    struct.pack_into("<H", changed, local, value)
    struct.pack_into("<H", changed, data.index(b"PK\x01\x02") + directory, value)
    return bytes(changed)


def read(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "data.zip"
    path.write_bytes(data)
    (source,) = open_sources("files", [str(path)], 1, 1)
    return b"".join(source.text(lambda _: None)).decode()


@pytest.mark.parametrize(
    "data",
    [
        packed(("2019-Nov.csv", TEXT), zip64=True),
        packed(("2019-Nov.csv", TEXT), piped=True),
        packed(("2019-Nov.csv", TEXT), piped=True, zip64=True),
        packed(("2019-Nov.csv", TEXT), comment=b"from the shop"),
        packed(("export/", ""), ("export/2019-Nov.csv", TEXT)),
        packed(("2019-Nov.csv", TEXT), ("__MACOSX/._2019-Nov.csv", "x"), (".DS_Store", "x"), ("Thumbs.db", "x")),
    ],
    ids=["zip64", "sizes after the data", "both", "comment", "folder", "macOS and Windows"],
)
def test_each_form_of_a_zip_is_read(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data) == TEXT


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (packed(("a.csv", TEXT), ("b.csv", TEXT)), r"holds 2 files \(a.csv, b.csv\)"),
        (packed(("2019-Nov.zip", packed(("a.csv", TEXT)))), "is a zip in a zip; give it as CSV"),
        (packed(("[Content_Types].xml", "<x/>"), ("xl/workbook.xml", "<x/>")), "is an Excel workbook; save it as CSV"),
        (with_field(packed(("a.csv", TEXT)), 8, 10, 9), "is packed with Deflate64, .* unpack it and give the CSV"),
        (with_field(packed(("a.csv", TEXT)), 6, 8, 1), "is encrypted; unpack it with its password"),
        (with_field(packed(("a.csv", TEXT)), 4, 6, 99), "is not a complete zip"),
        (b"MZ a program" + packed(("a.csv", TEXT)), "is named a zip but is none"),
        (packed(), "is named a zip but is none"),
        (packed(("a.csv.gz", b"\x1f\x8b" + b"x" * 100)), "is gzip; give it as CSV"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=rf"data\.zip {message}"):
        read(tmp_path, data)


@pytest.mark.parametrize("block", [1, 2, 3, 5, 7])
def test_text_that_fills_its_last_block_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    for letters in range(250, 290):
        text = HEADER + "2019-11-01 00:00:00 UTC,view" + "a" * letters
        monkeypatch.setattr("ecomm.upload.sources.UNPACKED_BLOCK", block)
        assert read(tmp_path, packed(("a.csv", text))) == text
