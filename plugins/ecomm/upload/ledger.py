"""What the raw bucket's months were made of: compared first, so that no month is uploaded twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

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
    """The months of the bucket, and which months each source held. It is one object, written after all others."""

    sources: dict[str, list[str]] = field(default_factory=dict)
    months: dict[str, MonthRecord] = field(default_factory=dict)

    @classmethod
    def read(cls, bucket: str) -> Ledger:
        """The bucket's ledger; an empty one where there is none, or one of another layout."""
        try:
            body = client("s3").get_object(Bucket=bucket, Key=LEDGER)["Body"].read()
        except client("s3").exceptions.ClientError as error:
            if error_code(error) == "NoSuchKey":
                return cls()
            raise
        found = json.loads(body)
        if found["layout_version"] != LAYOUT_VERSION:
            return cls()
        return cls(found["sources"], {month: MonthRecord(**record) for month, record in found["months"].items()})

    def write(self, bucket: str) -> None:
        """Replaces the bucket's ledger by this one; sources that no month is made of any more are forgotten."""
        used = {source for record in self.months.values() for source in record.sources}
        content = {
            "layout_version": LAYOUT_VERSION,
            "sources": {source: months for source, months in self.sources.items() if source in used},
            "months": {month: asdict(record) for month, record in sorted(self.months.items())},
        }
        client("s3").put_object(
            Bucket=bucket, Key=LEDGER, Body=json.dumps(content, indent=1).encode(), ContentType="application/json"
        )

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
