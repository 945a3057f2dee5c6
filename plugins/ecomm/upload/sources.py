"""What a data set can be made of: a CSV, the one CSV in a zip, or the bundled generator; checked before it is used."""

from __future__ import annotations

import hashlib
import os
import struct
import sys
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

from ecomm.contract import HEADER
from ecomm.errors import DataError
from ecomm.resources import resource
from ecomm.upload.beginning import FIRST_LOOK, check_beginning
from ecomm.upload.stored import LocalFile, S3Object, Stored

# What the form's `source` may be.
FILES, GENERATE = "files", "generate"

UNPACKED_BLOCK = 16 * 1024 * 1024
ZIP_START = b"PK\x03\x04"
DEFLATE64 = 9

Listener = Callable[[bytes], object]


class Source(ABC):
    """One CSV text of the contract: the header line, then rows.

    name: as the user gave it. size: stored bytes, what `listen` hears in all; None where nobody knows before.
    zipped: whether the stored bytes are a zip. made_up: whether no shop has such rows.
    """

    made_up = False

    def __init__(self, name: str, size: int | None, zipped: bool) -> None:
        self.name = name
        self.size = size
        self.zipped = zipped

    @abstractmethod
    def fingerprint(self) -> str:
        """The same text for the same rows; may read everything that is stored."""

    @abstractmethod
    def text(self, listen: Listener) -> Iterator[bytes]:
        """The CSV's bytes in blocks, header included; `listen` is given the stored bytes as they pass by.

        Raises DataError for a damaged zip.
        """


class PlainCsv(Source):
    """A CSV as it is stored."""

    def __init__(self, stored: Stored) -> None:
        super().__init__(stored.name, stored.size, zipped=False)
        self._stored = stored

    def fingerprint(self) -> str:
        return self._stored.fingerprint()

    def text(self, listen: Listener) -> Iterator[bytes]:
        for block in self._stored.blocks():
            listen(block)
            yield block


def _is_file(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a file of the user's: macOS and Windows add some that describe those."""
    parts = member.filename.split("/")
    hidden = parts[0] == "__MACOSX" or parts[-1].startswith(".") or parts[-1].lower() in ("thumbs.db", "desktop.ini")
    return not member.is_dir() and not hidden


class ZippedCsv(Source):
    """The only member of a zip, unpacked while it is read. Raises DataError where the zip is not such a one."""

    def __init__(self, stored: Stored) -> None:
        super().__init__(stored.name, stored.size, zipped=True)
        self._stored = stored
        try:
            with stored.seekable() as file, zipfile.ZipFile(file) as archive:
                members = [member for member in archive.infolist() if _is_file(member)]
        # zipfile raises the others for a directory that it cannot read, or that needs a later version of zip.
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as error:
            raise DataError(f"{stored.name} is not a complete zip ({error}); fetch it again.") from error
        if any(member.filename == "[Content_Types].xml" for member in members):
            raise DataError(f"{stored.name} is an Excel workbook; save it as CSV UTF-8.")
        if len(members) != 1:
            names = ", ".join(member.filename for member in members[:5]) or "none"
            raise DataError(
                f"{stored.name} holds {len(members)} files ({names}), but a zip must hold exactly one CSV; "
                "unpack it and give the files themselves."
            )
        member = members[0]
        if member.flag_bits & 1:
            raise DataError(f"{stored.name} is encrypted; unpack it with its password and give the CSV.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            packed = (
                "with Deflate64, as Windows packs large files" if member.compress_type == DEFLATE64 else "otherwise"
            )
            raise DataError(
                f"{stored.name} is packed {packed} (method {member.compress_type}); unpack it and give the CSV, or "
                "pack it with deflate, as `zip` does."
            )
        self._member = member
        # The local header repeats the name, and may carry other extra fields than the directory does.
        name_length, extra_length = struct.unpack("<HH", stored.read(member.header_offset + 26, 4))
        self._start = member.header_offset + 30 + name_length + extra_length

    def fingerprint(self) -> str:
        return self._stored.fingerprint()

    def text(self, listen: Listener) -> Iterator[bytes]:
        offset, checksum, unpacked = 0, 0, 0
        inflater = None
        if self._member.compress_type == zipfile.ZIP_DEFLATED:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        for block in self._stored.blocks():
            listen(block)
            first = max(self._start - offset, 0)
            last = max(self._start + self._member.compress_size - offset, 0)
            offset += len(block)
            packed = block[first:last]
            full = False
            while packed or full:
                try:
                    # The limit keeps memory small for a text that packs very well.
                    text = inflater.decompress(packed, UNPACKED_BLOCK) if inflater else packed
                except zlib.error as error:
                    raise DataError(f"{self.name} is damaged ({error}); fetch it again.") from error
                packed = inflater.unconsumed_tail if inflater else b""
                # A full block may leave text in the inflater that took its last packed byte.
                full = inflater is not None and len(text) == UNPACKED_BLOCK
                checksum = zlib.crc32(text, checksum)
                unpacked += len(text)
                if text:
                    yield text
        if (unpacked, checksum) != (self._member.file_size, self._member.CRC):
            raise DataError(f"{self.name} is damaged: its member's checksum does not agree; fetch it again.")


class Generated(Source):
    """The bundled generator's rows; the same rows and seed give the same bytes."""

    made_up = True

    def __init__(self, rows: int, seed: int) -> None:
        super().__init__(f"the bundled generator ({rows:,} rows, seed {seed})", None, zipped=False)
        self._rows = rows
        self._seed = seed
        self._package = resource("simulator") / "dataset_generator"

    @property
    def months(self) -> tuple[str, ...]:
        """The months that the rows are of."""
        return tuple(self._generator().DEFAULT_MONTHS)

    def fingerprint(self) -> str:
        found = hashlib.sha256(f"{self._rows} {self._seed}".encode())
        for module in sorted(self._package.glob("*.py")):
            found.update(module.read_bytes())
        return found.hexdigest()

    def text(self, listen: Listener) -> Iterator[bytes]:
        yield HEADER
        for rows in self._generator().blocks(self._rows, self._seed):
            block = rows.encode()
            listen(block)
            yield block

    def _generator(self) -> ModuleType:
        """The package, under a name of its own: on MWAA its folder's name may be another's too."""
        name = "ecomm_dataset_generator"
        if name not in sys.modules:
            spec = spec_from_file_location(
                name, self._package / "__init__.py", submodule_search_locations=[str(self._package)]
            )
            assert spec and spec.loader
            module = sys.modules[name] = module_from_spec(spec)
            spec.loader.exec_module(module)
        return sys.modules[name]


def open_sources(source: str, names: Sequence[str], generated_rows: int, seed: int) -> list[Source]:
    """The sources that the form asks for, each opened and checked: the files of these names, or the generator.

    Raises DataError if the form contradicts itself or asks for nothing, and for the first file that is missing, is no
    such file, or does not begin as the contract says.
    """
    if source == GENERATE:
        if names:
            raise DataError(
                f"The form asks for made-up rows (source: {GENERATE}) and names files ({', '.join(names)}); "
                f"leave the files out, or choose source: {FILES}."
            )
        return [Generated(generated_rows, seed)]
    if not names:
        raise DataError(
            "No file is named: give their paths or s3:// addresses in `sources`, or ask for made-up rows with "
            f"source: {GENERATE}."
        )
    if [name.strip().lower() for name in names] == [GENERATE]:
        raise DataError(f"{names[0]!r} is no file; to ask for made-up rows give source: {GENERATE}, and no `sources`.")
    sources: list[Source] = []
    _require_different(names)
    for name in names:
        opened = _open(name)
        check_beginning(_beginning(opened), opened.name)
        sources.append(opened)
    return sources


def _require_different(names: Sequence[str]) -> None:
    """Raises DataError for a file that is named twice, also by another path to it: its rows would count twice."""
    named: dict[str, str] = {}
    for name in names:
        place = name if "://" in name else os.path.realpath(name)
        if place in named:
            raise DataError(f"{name} is the same file as {named[place]}; name each file once.")
        named[place] = name


def _open(name: str) -> Source:
    if "://" in name and not name.startswith("s3://"):
        raise DataError(f"{name} is neither a path nor an s3:// address; fetch it first, or copy it to S3.")
    stored = S3Object(name) if name.startswith("s3://") else LocalFile(name)
    if stored.size == 0:
        raise DataError(f"{name} is empty.")
    start = stored.read(0, len(ZIP_START))
    if start == ZIP_START:
        return ZippedCsv(stored)
    if name.lower().endswith(".zip"):
        raise DataError(f"{name} is named a zip but is none; fetch it again.")
    return PlainCsv(stored)


def _beginning(source: Source) -> bytes:
    beginning = b""
    for block in source.text(lambda _: None):
        beginning += block[: FIRST_LOOK - len(beginning)]
        if len(beginning) == FIRST_LOOK:
            break
    return beginning
