"""The S3 destination of a delivery stream: what of its configuration is carried out, and what is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local.api_errors import invalid_argument
from local.firehose import prefixes

MEGABYTE = 1 << 20
DEFAULT_HINTS = {"SizeInMBs": 5, "IntervalInSeconds": 300}
_BUCKET_ARN = re.compile(r"arn:aws[a-z-]*:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])")
_EXTENSIONS = {"UNCOMPRESSED": "", "GZIP": ".gz"}
_NOT_CARRIED_OUT = ("DataFormatConversionConfiguration", "DynamicPartitioningConfiguration")
# What the description of a plain S3 destination lacks.
EXTENDED_ONLY = {
    "ProcessingConfiguration",
    "S3BackupMode",
    "DataFormatConversionConfiguration",
    "DynamicPartitioningConfiguration",
    "FileExtension",
    "CustomTimeZone",
}

Settings = dict[str, Any]


@dataclass(frozen=True)
class Destination:
    """Where and how objects are written. buffer: bytes and seconds of which the first one reached makes an object.

    delimiter: what is appended to each record.
    """

    bucket: str
    prefix: str
    buffer_bytes: int
    buffer_seconds: int
    gzip: bool
    extension: str
    delimiter: bytes
    zone: str
    kms_key: str | None
    log: tuple[str, str] | None

    @classmethod
    def of(cls, settings: Settings) -> Destination:
        """From an (Extended)S3DestinationConfiguration. Raises ApiError where it asks for what is not done here."""
        bucket = _BUCKET_ARN.fullmatch(settings.get("BucketARN") or "")
        if bucket is None:
            raise invalid_argument(f"BucketARN {settings.get('BucketARN')!r} is not the ARN of an S3 bucket.")
        _refuse_unknown(settings)
        hints = {**DEFAULT_HINTS, **(settings.get("BufferingHints") or {})}
        compression = settings.get("CompressionFormat") or "UNCOMPRESSED"
        if compression not in _EXTENSIONS:
            raise invalid_argument(f"The local platform writes UNCOMPRESSED or GZIP, not {compression}.")
        logging = settings.get("CloudWatchLoggingOptions") or {}
        named = logging.get("LogGroupName"), logging.get("LogStreamName")
        key = ((settings.get("EncryptionConfiguration") or {}).get("KMSEncryptionConfig") or {}).get("AWSKMSKeyARN")
        destination = cls(
            bucket=bucket[1],
            prefix=settings.get("Prefix") or "",
            buffer_bytes=hints["SizeInMBs"] * MEGABYTE,
            buffer_seconds=hints["IntervalInSeconds"],
            gzip=compression == "GZIP",
            extension=settings.get("FileExtension") or _EXTENSIONS[compression],
            delimiter=_delimiter(settings.get("ProcessingConfiguration") or {}),
            zone=settings.get("CustomTimeZone") or "UTC",
            kms_key=key,
            log=named if logging.get("Enabled") and all(named) else None,  # type: ignore[arg-type]
        )
        try:
            now = datetime.now(UTC).astimezone(ZoneInfo(destination.zone))
            prefixes.check(destination.prefix, settings.get("ErrorOutputPrefix") or "", now)
        except (prefixes.PrefixError, ZoneInfoNotFoundError) as error:
            raise invalid_argument(str(error)) from error
        return destination

    def key(self, stream: str, version: int, oldest_ms: int) -> str:
        """A new object's key; its time is the arrival of the oldest record in it."""
        time = datetime.fromtimestamp(oldest_ms / 1000, UTC).astimezone(ZoneInfo(self.zone))
        name = prefixes.object_name(stream, version, time)
        return f"{prefixes.evaluate(self.prefix, time)}{name}{self.extension}"


def description(settings: Settings) -> Settings:
    """The destination as DescribeDeliveryStream shows it."""
    return {
        "CompressionFormat": "UNCOMPRESSED",
        "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        "CloudWatchLoggingOptions": {"Enabled": False},
        "S3BackupMode": "Disabled",
        **settings,
        "BufferingHints": {**DEFAULT_HINTS, **(settings.get("BufferingHints") or {})},
    }


def _refuse_unknown(settings: Settings) -> None:
    for name in _NOT_CARRIED_OUT:
        # Without the word they are on.
        if (settings.get(name) or {"Enabled": False}).get("Enabled", True):
            raise invalid_argument(f"The local platform does not carry out {name}.")
    if settings.get("S3BackupMode") == "Enabled":
        raise invalid_argument("The local platform keeps no backup beside the destination: S3BackupMode Enabled.")


def _delimiter(processing: Settings) -> bytes:
    """Raises ApiError for every processor but AppendDelimiterToRecord."""
    if not processing.get("Enabled"):
        return b""
    delimiter = b""
    for processor in processing.get("Processors") or []:
        if processor["Type"] != "AppendDelimiterToRecord":
            raise invalid_argument(f"The local platform has no processor {processor['Type']}.")
        given = {each["ParameterName"]: each["ParameterValue"] for each in processor.get("Parameters") or []}
        text = given.get("Delimiter", "\\n")
        delimiter = text.replace("\\n", "\n").replace("\\t", "\t").encode()
    return delimiter
