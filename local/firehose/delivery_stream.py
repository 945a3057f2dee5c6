"""One delivery stream: its description and how far it has delivered, in one file that is replaced as a whole."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.firehose import destination
from local.firehose.sources import Positions
from local.whole_file import write_whole

FILE = "delivery-stream.json"


@dataclass
class Intent:
    """An object that is about to be written, and what is delivered once it is there.

    Written down before the object: after a kill it is either found in S3 or made again from the same records.
    settings: of the destination when the object was begun.
    """

    key: str
    after: Positions
    settings: dict[str, Any]
    records: int
    bytes: int


@dataclass
class State:
    """What is kept of a delivery stream. positions: by log, the first record that is not in S3."""

    arn: str
    type: str
    created_ms: int
    settings: dict[str, Any]
    updated_ms: int | None = None
    version: int = 1
    source: dict[str, Any] | None = None
    encryption: dict[str, Any] | None = None
    tags: dict[str, str] = field(default_factory=dict)
    positions: Positions = field(default_factory=dict)
    intent: Intent | None = None


class DeliveryStream:
    """`lock` is held by whoever changes the state."""

    DESTINATION = "destinationId-000000000001"

    def __init__(self, folder: Path, state: State) -> None:
        self.folder = folder
        self.state = state
        self.lock = threading.Lock()

    @classmethod
    def restore(cls, folder: Path) -> DeliveryStream:
        saved = json.loads((folder / FILE).read_text())
        intent = saved.pop("intent")
        return cls(folder, State(**saved, intent=Intent(**intent) if intent else None))

    def save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / FILE, json.dumps(asdict(self.state)))

    @property
    def name(self) -> str:
        return self.state.arn.rpartition("/")[2]

    def begin(self, intent: Intent) -> None:
        with self.lock:
            self.state.intent = intent
            self.save()

    def give_up(self) -> None:
        """The object is not there and will not be."""
        with self.lock:
            self.state.intent = None
            self.save()

    def finish(self, intent: Intent, logs: set[str]) -> None:
        """The object is there. logs: those that still exist; the positions of others are forgotten."""
        with self.lock:
            after = {**self.state.positions, **intent.after}
            self.state.positions = {log: place for log, place in after.items() if log in logs}
            self.state.intent = None
            self.save()

    def described(self) -> dict[str, Any]:
        """As DescribeDeliveryStream shows it."""
        state = self.state
        shown = destination.description(state.settings)
        plain = {name: value for name, value in shown.items() if name not in destination.EXTENDED_ONLY}
        return {
            "DeliveryStreamName": self.name,
            "DeliveryStreamARN": state.arn,
            "DeliveryStreamStatus": "ACTIVE",
            "DeliveryStreamEncryptionConfiguration": state.encryption or {"Status": "DISABLED"},
            "DeliveryStreamType": state.type,
            "VersionId": str(state.version),
            "CreateTimestamp": state.created_ms / 1000,
            **({"LastUpdateTimestamp": state.updated_ms / 1000} if state.updated_ms else {}),
            **({"Source": {"KinesisStreamSourceDescription": state.source}} if state.source else {}),
            "Destinations": [
                {
                    "DestinationId": self.DESTINATION,
                    "S3DestinationDescription": plain,
                    "ExtendedS3DestinationDescription": shown,
                }
            ],
            "HasMoreDestinations": False,
        }
