"""Uploads a data set in one pass over its sources: for each month its zip and its uncompressed CSV."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

from ecomm.aws import delete_objects, list_objects
from ecomm.contract import month_of_partition
from ecomm.errors import DataError
from ecomm.raw_bucket import is_data
from ecomm.upload.layout import UNCOMPRESSED, ZIPPED, is_archived_day
from ecomm.upload.ledger import Ledger
from ecomm.upload.made_up import refuse_to_replace
from ecomm.upload.month_files import MonthFiles
from ecomm.upload.objects import PartPool
from ecomm.upload.progress import Progress, megabytes
from ecomm.upload.sources import Source
from ecomm.upload.split import by_month

log = logging.getLogger(__name__)

MOST_MONTHS = 36


class MonthSize(NamedTuple):
    """Rows of one month without the header, bytes of its uncompressed CSV."""

    rows: int
    bytes: int


class _ReadAgainError(Exception):
    """A pass learned that months lie otherwise than it took for granted; the next one knows.

    split: names of zips that cannot be uploaded as they are. reopened: months that were held to be complete.
    """

    def __init__(self, why: str, split: Sequence[str] = (), reopened: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.split = split
        self.reopened = reopened


def upload_months(bucket: str, sources: Sequence[Source], replace: bool) -> dict[str, MonthSize]:
    """Brings the sources' months into the bucket and returns each with its size; what is there already stays.

    Sources that share a month are joined into one file, in the order given. A zip that holds one month alone is
    uploaded as it is. No object appears before the last source was read to its end. `replace` removes every month
    that the sources do not have. Raises DataError for a damaged source and for more than 36 months.
    """
    ledger = Ledger.read(bucket)
    fingerprints = _fingerprints(sources)
    settled = ledger.settled(bucket, fingerprints)
    split: set[str] = set()
    while True:
        unread = [
            (source, fingerprint)
            for source, fingerprint in zip(sources, fingerprints, strict=True)
            if not settled.issuperset(ledger.sources.get(fingerprint, ["unknown"]))
        ]
        try:
            if unread:
                _Pass(bucket, ledger, settled, split, unread, replace=replace).run()
            break
        except _ReadAgainError as again:
            log.info("%s The sources are read again.", again)
            split.update(again.split)
            settled.difference_update(again.reopened)
    months = sorted({month for fingerprint in fingerprints for month in ledger.sources[fingerprint]})
    kept = [month for month in months if month in settled]
    if kept:
        log.info("Uploaded before, with the same contents, and left as it is: %s.", ", ".join(kept))
    _tidy(bucket, ledger, months, replace)

    def enter(latest: Ledger) -> None:
        latest.sources |= {fingerprint: ledger.sources[fingerprint] for fingerprint in fingerprints}
        for month in months:
            if month not in settled:
                latest.enter(month, ledger.months[month])
        if replace:
            latest.months = {month: record for month, record in latest.months.items() if month in months}

    if unread or replace:
        Ledger.change(bucket, enter)
    return {month: MonthSize(ledger.months[month].rows, ledger.months[month].bytes) for month in months}


def _fingerprints(sources: Sequence[Source]) -> list[str]:
    names: dict[str, str] = {}
    for source in sources:
        log.info("Comparing %s with what was uploaded before", source.name)
        first = names.setdefault(source.fingerprint(), source.name)
        if first is not source.name:
            raise DataError(f"{source.name} has the same contents as {first}; give it once.")
    return list(names)


class _Pass:
    """One reading of the sources from end to end; enters what it uploaded into the ledger when all is complete."""

    def __init__(
        self,
        bucket: str,
        ledger: Ledger,
        settled: set[str],
        split: set[str],
        sources: Sequence[tuple[Source, str]],
        *,
        replace: bool,
    ) -> None:
        self._bucket = bucket
        self._ledger = ledger
        self._settled = settled
        self._split = split
        self._sources = sources
        self._replace = replace
        self._mark = uuid4().hex if any(source.made_up for source, _ in sources) else None
        sizes = [source.size for source, _ in sources]
        self._progress = Progress(None if None in sizes else sum(size or 0 for size in sizes))
        self._pool = PartPool()
        self._files: dict[str, MonthFiles] = {}

    def run(self) -> None:
        held = {}
        with self._pool:
            try:
                for source, fingerprint in self._sources:
                    log.info("Reading %s", source.name)
                    held[fingerprint] = self._read(source, fingerprint)
                if self._mark:
                    self._begin(self._mark)
                records = {month: files.close() for month, files in sorted(self._files.items())}
            except BaseException:
                for files in self._files.values():
                    files.abort()
                raise
        self._progress.say()
        for month, record in records.items():
            sizes_text = f"{record.rows:,} rows, {megabytes(record.bytes)}"
            log.info(
                "%s: %s in %s", month, sizes_text, " and ".join(f"s3://{self._bucket}/{key}" for key in record.files)
            )
        self._ledger.sources |= held
        self._ledger.months |= records

    def _begin(self, mark: str) -> None:
        """Notes the made-up objects before the first of them appears, so that an upload that is killed can be repeated.

        Looks again at what is in their place, since hours may have passed.
        """
        refuse_to_replace(self._bucket, self._files, self._replace)
        keys = [key for files in self._files.values() for key in files.keys]
        Ledger.change(self._bucket, lambda latest: latest.begin(keys, mark))

    def _read(self, source: Source, fingerprint: str) -> list[str]:
        """Writes the rows of one source to their months, and returns these."""
        months_known = self._ledger.sources.get(fingerprint, [])
        own_zip = source.zipped and source.name not in self._split and len(months_known) <= 1
        copied: list[bytes] = []
        months: dict[str, MonthFiles | None] = {}

        def listen(block: bytes) -> None:
            self._progress.hear(block)
            if own_zip:
                copied.append(block)

        for piece in by_month(source.text(listen), source.name):
            self._progress.rows += piece.rows
            if piece.month not in months:
                if own_zip and months:
                    raise _ReadAgainError(f"{source.name} holds more than one month.", split=[source.name])
                months[piece.month] = self._open(piece.month, source, fingerprint, own_zip)
            files = months[piece.month]
            if files:
                files.add(piece, fingerprint)
                self._copy(copied, files)
        # The zip's directory follows the last row.
        for files in months.values():
            if files:
                self._copy(copied, files)
        return sorted(months)

    def _open(self, month: str, source: Source, fingerprint: str, own_zip: bool) -> MonthFiles | None:
        """The files of a month for one more source; None where the month is settled already."""
        if month in self._settled:
            if month in self._ledger.sources.get(fingerprint, []):
                return None
            raise _ReadAgainError(f"{source.name} adds rows to {month}.", reopened=[month])
        files = self._files.get(month)
        if files is None:
            if len(self._files) == MOST_MONTHS:
                raise DataError(
                    f"{source.name} has rows of {month}, but the data set holds {MOST_MONTHS} other months already; "
                    "is every event_time right? Upload more months in several runs."
                )
            files = self._files[month] = MonthFiles(
                self._bucket, month, self._pool, source.name if own_zip else None, self._mark
            )
        elif own_zip or files.own_zip:
            shared = [name for name in (source.name, files.own_zip) if name]
            raise _ReadAgainError(f"{source.name} is not the only source of {month}.", split=shared)
        return files

    @staticmethod
    def _copy(blocks: list[bytes], files: MonthFiles) -> None:
        for block in blocks:
            files.zip.write(block)
        blocks.clear()


def _tidy(bucket: str, ledger: Ledger, months: Sequence[str], replace: bool) -> None:
    """Removes what `replace` asks for, and names the objects beside the data set's own that stay.

    Days that came from the stream's archive are no data set's, and stay in any case.
    """
    own = {key for month in months for key in ledger.months[month].files}
    others = [
        found["Key"]
        for prefix in (ZIPPED, UNCOMPRESSED)
        for found in list_objects(bucket, prefix)
        if found["Key"] not in own and not is_archived_day(found["Key"]) and is_data(found["Key"], found["Size"])
    ]
    if replace:
        delete_objects(bucket, others)
        ledger.months = {month: ledger.months[month] for month in months}
        for key in others:
            log.info("Removed s3://%s/%s", bucket, key)
        return
    for key in others:
        if month_of_partition(key) in months:
            log.warning(
                "s3://%s/%s is not of this data set; its rows will be converted with those of its month. "
                "Delete it, or run the upload with `replace`.",
                bucket,
                key,
            )
