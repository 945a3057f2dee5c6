"""Makes a day of the clicks' archive a file of the data set, so that the same conversion takes it into the fact."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import logging
import zlib
from collections.abc import Iterator
from datetime import date
from typing import Any

from ecomm.aws import delete_objects, list_objects
from ecomm.contract import DRILL_USERS, HEADER, month_of_partition
from ecomm.errors import DataError
from ecomm.settings import settings
from ecomm.streaming.archived_days import archived_objects, day_prefix, entry, files_of
from ecomm.streaming.clicks import read_click
from ecomm.streaming.json_values import read_values
from ecomm.streaming.malformed import MalformedError, MalformedFile
from ecomm.upload.layout import UNCOMPRESSED, archived_day_key
from ecomm.upload.objects import ObjectWriter, PartPool, Written
from ecomm.upload.progress import megabytes
from ecomm.upload.stored import S3Object

log = logging.getLogger(__name__)

BLOCK = 256 * 1024
LINES_AT_ONCE = 20_000


def unpack_day(day: date) -> dict[str, Any]:
    """Writes the day's clicks as CSV beside the months' own files, a file for each month that they were sent in.

    A click's event_time there is the time it was sent. Malformed records go into a file of their own, and the clicks of
    a drill nowhere. All files are replaced as a whole, so a day is never there twice. Returns {day, objects, rows,
    bytes, malformed, malformed_reasons (the first), drill_clicks, months (whose files changed), entry (for the
    ledger)}, with no month if nothing was archived.
    """
    bucket = settings().raw_bucket
    objects = archived_objects(bucket, day)
    log.info("%s: %d objects under s3://%s/%s", day, len(objects), bucket, day_prefix(day))
    before = files_of(day, list_objects(bucket, UNCOMPRESSED))
    with PartPool() as pool:
        files, malformed = _Files(bucket, day, pool), MalformedFile(bucket, day, pool)
        try:
            for found in objects:
                _unpack(f"s3://{bucket}/{found['Key']}", files, malformed)
            malformed.close()
            written = files.close()
        except BaseException:
            malformed.abort()
            files.abort()
            raise
    kept = {each.key: each.etag for each in written}
    gone = sorted(before.keys() - kept.keys())
    delete_objects(bucket, gone)
    months = sorted({str(month_of_partition(key)) for key in (*kept, *gone)})
    for each in written:
        log.info("s3://%s/%s: %s", bucket, each.key, megabytes(each.bytes))
    for reason in malformed.reasons:
        log.warning("Malformed: %s", reason)
    log.info("%s: %d malformed records; %d clicks of drills, left out", day, malformed.count, files.drill_clicks)
    return {
        "day": str(day),
        "objects": len(objects),
        "rows": files.rows,
        "bytes": sum(each.bytes for each in written),
        "malformed": malformed.count,
        "malformed_reasons": malformed.reasons,
        "drill_clicks": files.drill_clicks,
        "months": months,
        "entry": entry(objects, kept),
    }


def _unpack(uri: str, files: _Files, malformed: MalformedFile) -> None:
    for value, reason, line, text in read_values(_texts(uri)):
        try:
            if reason:
                raise MalformedError(reason)
            click = read_click(value)
        except MalformedError as error:
            malformed.add(uri, line, str(error), text)
        else:
            files.add(click.month, click.user, click.fields)
    files.flush()


def _texts(uri: str) -> Iterator[str]:
    """The text of one object, in blocks. Raises DataError for a damaged one."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    try:
        with gzip.GzipFile(fileobj=io.BufferedReader(_Blocks(S3Object(uri).blocks()))) as unzipped:
            while block := unzipped.read(BLOCK):
                if text := decoder.decode(block):
                    yield text
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{uri} is not a whole GZIP file ({error}); Firehose writes whole ones. Take back the version before, "
            "which the bucket keeps, or delete it; the next run takes the day."
        ) from error
    if text := decoder.decode(b"", final=True):
        yield text


class _Blocks(io.RawIOBase):
    """Blocks of bytes as the file that gzip reads, a few of them in memory at a time."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


class _Files:
    """The CSV files of one day while they are written, by the month of their clicks; drills are counted alone."""

    def __init__(self, bucket: str, day: date, pool: PartPool) -> None:
        self._bucket = bucket
        self._day = day
        self._pool = pool
        self._writers: dict[str, ObjectWriter] = {}
        self._waiting: dict[str, list[list[str]]] = {}
        self._lines = 0
        self.rows = 0
        self.drill_clicks = 0

    def add(self, month: str, user: int, fields: list[str]) -> None:
        if user in DRILL_USERS:
            self.drill_clicks += 1
            return
        self._waiting.setdefault(month, []).append(fields)
        self._lines += 1
        if self._lines == LINES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        for month, rows in self._waiting.items():
            if month not in self._writers:
                key = archived_day_key(month, self._day)
                self._writers[month] = ObjectWriter(self._bucket, key, self._pool, "text/csv")
                self._writers[month].write(HEADER)
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows)
            # Half of a surrogate pair, as a cut emoji leaves it in JSON, has no place in UTF-8.
            self._writers[month].write(text.getvalue().encode(errors="replace"))
            self.rows += len(rows)
        self._waiting.clear()
        self._lines = 0

    def close(self) -> list[Written]:
        """All files appear now."""
        return [writer.close() for writer in self._writers.values()]

    def abort(self) -> None:
        for writer in self._writers.values():
            writer.abort()
