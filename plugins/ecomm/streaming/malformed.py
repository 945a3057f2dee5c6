"""Keeps what the archive of the stream holds that is no click, apart from the months: a file of JSON lines per day."""

from __future__ import annotations

import json
from datetime import date

from ecomm.aws import delete_objects
from ecomm.upload.objects import ObjectWriter, PartPool

# The table ecomm_user_activity_malformed of the curated database reads this folder.
FOLDER = "ecomm_user_activity_malformed/"
# So many reasons are in a run's summary.
MAX_REASONS = 5
_MAX_SHOWN = 100


class MalformedError(Exception):
    """A JSON value, or a text, that is no click; the message says why, with the value."""


def shown(text: str) -> str:
    """Returns the text as a sentence shows it: its beginning, and an escape for what no log and no database takes."""
    beginning = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[:_MAX_SHOWN])
    return beginning if len(text) <= _MAX_SHOWN else f"{beginning}..."


def malformed_key(day: date) -> str:
    return f"{FOLDER}{day}.json"


class MalformedFile:
    """The malformed records of one day while they are written; `count` of them, and the first reasons."""

    def __init__(self, bucket: str, day: date, pool: PartPool) -> None:
        self._bucket = bucket
        self._day = day
        self._pool = pool
        self._writer: ObjectWriter | None = None
        self.count = 0
        self.reasons: list[str] = []

    def add(self, uri: str, line: int, reason: str, record: str) -> None:
        if self._writer is None:
            self._writer = ObjectWriter(self._bucket, malformed_key(self._day), self._pool, "application/x-ndjson")
        self.count += 1
        if len(self.reasons) < MAX_REASONS:
            self.reasons.append(f"{uri}, line {line}: {reason}")
        row = {"day": str(self._day), "object": uri, "line": line, "reason": reason, "record": record}
        # Bytes that are not UTF-8 came as surrogates, which no reader of JSON takes.
        text = json.dumps({name: _clean(value) for name, value in row.items()}, ensure_ascii=False)
        self._writer.write(text.encode() + b"\n")

    def close(self) -> None:
        """The day's file appears now; without a malformed record it is removed."""
        if self._writer:
            self._writer.close()
        else:
            delete_objects(self._bucket, [malformed_key(self._day)])

    def abort(self) -> None:
        if self._writer:
            self._writer.abort()


def _clean(value: object) -> object:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if isinstance(value, str) else value
