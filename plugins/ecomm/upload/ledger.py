"""What the raw bucket's months were made of: compared first, so that no month is uploaded twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ecomm.aws import client, error_code
from ecomm.upload.layout import LAYOUT_VERSION, LEDGER


@dataclass(frozen=True)
class MonthRecord:
    """One month as it was uploaded.

    sources: fingerprints of what it was made of, in order. rows: without the header. bytes: of the uncompressed CSV.
    files: the ETag of each of its objects, by key. made_up: whether they hold generated rows and no others.
    """

    sources: list[str]
    rows: int
    bytes: int
    files: dict[str, str]
    made_up: bool = False


@dataclass
class Ledger:
    """The months of the bucket, and which months each source held. It is one object, written after all others.

    begun: the marks of made-up objects that were about to appear, by key. An upload that is killed before it enters its
    months leaves these, so that the next one knows its objects.
    """

    sources: dict[str, list[str]] = field(default_factory=dict)
    months: dict[str, MonthRecord] = field(default_factory=dict)
    begun: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, bucket: str, s3: Any = None) -> Ledger:
        """Reads the bucket's ledger; an empty one if there is none, or one of another layout."""
        return cls._read(bucket, s3 or client("s3"))[0]

    @classmethod
    def change(cls, bucket: str, change: Callable[[Ledger], object]) -> None:
        """Applies the change to the bucket's ledger as it is now; what another upload enters meanwhile stays.

        Sources that no month is made of any more are forgotten.
        """
        while True:
            ledger, condition = cls._read(bucket, client("s3"))
            change(ledger)
            try:
                client("s3").put_object(
                    Bucket=bucket, Key=LEDGER, Body=ledger._text(), ContentType="application/json", **condition
                )
            except client("s3").exceptions.ClientError as error:
                # Another upload has written it since it was read, is writing it now, or has removed it.
                if error_code(error) not in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
                    raise
            else:
                return

    def begin(self, keys: Iterable[str], mark: str) -> None:
        """Notes that made-up objects with this mark are about to appear under these keys."""
        for key in keys:
            self.begun.setdefault(key, []).append(mark)

    def enter(self, month: str, record: MonthRecord) -> None:
        """Enters a month whose objects have appeared."""
        self.months[month] = record
        for key in record.files:
            self.begun.pop(key, None)

    @classmethod
    def _read(cls, bucket: str, s3: Any) -> tuple[Ledger, dict[str, str]]:
        """The ledger, and the condition under which it may be replaced."""
        try:
            answer = s3.get_object(Bucket=bucket, Key=LEDGER)
        except s3.exceptions.ClientError as error:
            if error_code(error) == "NoSuchKey":
                return cls(), {"IfNoneMatch": "*"}
            raise
        condition = {"IfMatch": answer["ETag"]}
        content = json.loads(answer["Body"].read())
        if content["layout_version"] != LAYOUT_VERSION:
            return cls(), condition
        records = {month: MonthRecord(**record) for month, record in content["months"].items()}
        return cls(content["sources"], records, content.get("begun", {})), condition

    def _text(self) -> bytes:
        used = {source for record in self.months.values() for source in record.sources}
        content = {
            "layout_version": LAYOUT_VERSION,
            "sources": {source: months for source, months in self.sources.items() if source in used},
            "months": {month: asdict(record) for month, record in sorted(self.months.items())},
            "begun": self.begun,
        }
        return json.dumps(content, indent=1).encode()

    def settled(self, bucket: str, sources: Sequence[str]) -> set[str]:
        """The months that exactly these sources made before, and whose objects are still as they were left."""
        return {
            month
            for month, record in self.months.items()
            if record.sources == [source for source in sources if month in self.sources.get(source, [])]
            and all(_etag(bucket, key) == etag for key, etag in record.files.items())
        }


def _etag(bucket: str, key: str) -> str | None:
    try:
        return str(client("s3").head_object(Bucket=bucket, Key=key)["ETag"])
    except client("s3").exceptions.ClientError as error:
        if error_code(error) in ("404", "NoSuchKey"):
            return None
        raise
