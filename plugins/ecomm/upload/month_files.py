"""The two objects of one month while they are written: its zip and its uncompressed CSV."""

from __future__ import annotations

from zipfile import ZIP_DEFLATED, ZipFile

from ecomm.contract import HEADER
from ecomm.upload.layout import csv_key, member_name, zip_key
from ecomm.upload.ledger import MonthRecord
from ecomm.upload.objects import ObjectWriter, PartPool
from ecomm.upload.split import Piece

# The fastest level: the zip is an archive copy, and a higher level would halve the rate of the whole upload.
COMPRESSION_LEVEL = 1


class MonthFiles:
    """Takes a month's rows in pieces; both objects appear when `close` returns, neither when it is aborted.

    own_zip: name of the one source that has all of the month's rows, and whose zip is uploaded as it is, through `zip`;
        None where the zip is made here.
    mark: of the upload of made-up rows that writes them; None for rows of a shop.
    """

    def __init__(self, bucket: str, month: str, pool: PartPool, own_zip: str | None, mark: str | None) -> None:
        self.month = month
        self.own_zip = own_zip
        self.zip = ObjectWriter(bucket, zip_key(month), pool, "application/zip", mark)
        self._csv = ObjectWriter(bucket, csv_key(month), pool, "text/csv", mark)
        self._archive = None if own_zip else ZipFile(self.zip, "w", ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL)  # type: ignore[call-overload]
        # zipfile dates a member it makes itself 1980-01-01, so the same rows are the same bytes.
        self._member = self._archive.open(member_name(month), "w", force_zip64=True) if self._archive else None
        self._made_up = mark is not None
        self._sources: list[str] = []
        self._rows = 0
        self._row_open = False
        # The file's own, so that the header and the joints between sources end as its lines do.
        self._line_end = b"\n"

    def add(self, piece: Piece, source: str) -> None:
        """Appends rows of the source with this fingerprint."""
        if not self._sources:
            self._line_end = b"\r\n" if piece.data.partition(b"\n")[0].endswith(b"\r") else b"\n"
            self._write(HEADER.removesuffix(b"\n") + self._line_end)
        if self._sources[-1:] != [source]:
            self._sources.append(source)
            if self._row_open:
                self._write(self._line_end)
        self._write(piece.data)
        self._row_open = not piece.data.endswith(b"\n")
        self._rows += piece.rows

    @property
    def keys(self) -> tuple[str, str]:
        """Of both objects."""
        return self.zip.key, self._csv.key

    def close(self) -> MonthRecord:
        if self._archive and self._member:
            self._member.close()
            self._archive.close()
        zipped, csv = self.zip.close(), self._csv.close()
        files = {zipped.key: zipped.etag, csv.key: csv.etag}
        return MonthRecord(self._sources, self._rows, csv.bytes, files, self._made_up)

    def abort(self) -> None:
        self.zip.abort()
        self._csv.abort()

    def _write(self, data: bytes) -> None:
        self._csv.write(data)
        if self._member:
            self._member.write(data)
