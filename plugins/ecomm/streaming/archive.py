"""Makes a day of the clicks' archive a file of the data set, so that the same conversion takes it into the fact."""

from __future__ import annotations

import csv
import gzip
import io
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from ecomm.aws import delete_objects, list_objects
from ecomm.contract import COLUMNS, DRILL_USERS, HEADER, month_of_partition
from ecomm.errors import DataError
from ecomm.settings import settings
from ecomm.streaming.archived_days import archived_objects, day_prefix, entry, files_of
from ecomm.upload.layout import UNCOMPRESSED, archived_day_key
from ecomm.upload.objects import ObjectWriter, PartPool, Written
from ecomm.upload.progress import megabytes
from ecomm.upload.stored import S3Object

log = logging.getLogger(__name__)

# Times of sending as the simulator writes them; the data set's own have no fraction of a second.
SENT = re.compile(r"(\d{4}-(?:0[1-9]|1[0-2])-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d{1,9})?Z")
LINES_AT_ONCE = 20_000
USER = COLUMNS.index("user_id")


def unpack_day(day: date) -> dict[str, Any]:
    """Writes the day's clicks as CSV beside the months' own files, a file for each month that they were sent in.

    A click's event_time there is the time it was sent. What is no click goes into the file as it is, for the
    conversion to quarantine. The files are replaced as a whole, so a day is never there twice. Returns {day, objects,
    rows, bytes, months (whose files changed), entry (for the ledger)}, with no month where nothing was archived.
    """
    bucket = settings().raw_bucket
    objects = archived_objects(bucket, day)
    log.info("%s: %d objects under s3://%s/%s", day, len(objects), bucket, day_prefix(day))
    before = files_of(day, list_objects(bucket, UNCOMPRESSED))
    files = _Files(bucket, day)
    with PartPool() as pool:
        try:
            for found in objects:
                files.add(_lines(f"s3://{bucket}/{found['Key']}"), pool)
            written = files.close()
        except BaseException:
            files.abort()
            raise
    kept = {each.key: each.etag for each in written}
    gone = sorted(before.keys() - kept.keys())
    delete_objects(bucket, gone)
    months = sorted({str(month_of_partition(key)) for key in (*kept, *gone)})
    for each in written:
        log.info("s3://%s/%s: %s", bucket, each.key, megabytes(each.bytes))
    return {
        "day": str(day),
        "objects": len(objects),
        "rows": files.rows,
        "bytes": sum(each.bytes for each in written),
        "months": months,
        "entry": entry(objects, kept),
    }


def _lines(uri: str) -> Iterator[bytes]:
    """The records of one object, each with its end of line. Raises DataError for a damaged one."""
    data = b"".join(S3Object(uri).blocks())
    try:
        yield from gzip.GzipFile(fileobj=io.BytesIO(data))
    except (OSError, EOFError) as error:
        raise DataError(
            f"{uri} is not a whole GZIP file ({error}); Firehose writes whole ones. Take back the version before, "
            "which the bucket keeps, or delete it; the next run takes the day."
        ) from error


class _Files:
    """The CSV files of one day while they are written, by the month of their clicks."""

    def __init__(self, bucket: str, day: date) -> None:
        self._bucket = bucket
        self._day = day
        self._writers: dict[str, ObjectWriter] = {}
        self.rows = 0

    def add(self, lines: Iterator[bytes], pool: PartPool) -> None:
        waiting: dict[str, list[bytes]] = {}
        for number, line in enumerate(filter(None, map(bytes.strip, lines)), 1):
            if _of_a_drill(line):
                continue
            month, row = _row(line, f"{self._day:%Y-%m}")
            waiting.setdefault(month, []).append(row)
            if number % LINES_AT_ONCE == 0:
                self._write(waiting, pool)
        self._write(waiting, pool)

    def close(self) -> list[Written]:
        """All files appear now."""
        return [writer.close() for writer in self._writers.values()]

    def abort(self) -> None:
        for writer in self._writers.values():
            writer.abort()

    def _write(self, waiting: dict[str, list[bytes]], pool: PartPool) -> None:
        for month, rows in waiting.items():
            if month not in self._writers:
                key = archived_day_key(month, self._day)
                self._writers[month] = ObjectWriter(self._bucket, key, pool, "text/csv")
                self._writers[month].write(HEADER)
            self._writers[month].write(b"".join(rows))
            self.rows += len(rows)
        waiting.clear()


def _of_a_drill(line: bytes) -> bool:
    """Whether a line is a click of a drill, which is curated nowhere."""
    values = _values(line)
    return values is not None and values[USER].isdecimal() and int(values[USER]) in DRILL_USERS


def _row(line: bytes, month_of_day: str) -> tuple[str, bytes]:
    """The month of a click and its line of CSV; of what is no click, the month of the day and the line as it is."""
    values = _values(line)
    if values is None:
        return month_of_day, line + b"\n"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return values[0][:7], text.getvalue().encode()


def _values(line: bytes) -> Sequence[str] | None:
    """The fields of a click in the contract's order, None for anything else. Numbers keep the digits they came with."""
    try:
        click = json.loads(line, parse_int=str, parse_float=str)
    except ValueError:
        return None
    if not isinstance(click, Mapping) or not click.keys() >= {*COLUMNS}:
        return None
    sent = SENT.fullmatch(str(click.get("txn_timestamp")))
    if sent is None:
        return None
    rest = [click[name] for name in COLUMNS[1:]]
    if any(value is not None and (not isinstance(value, str) or "\n" in value or "\r" in value) for value in rest):
        return None
    return [f"{sent[1]} {sent[2]} UTC", *(value or "" for value in rest)]
