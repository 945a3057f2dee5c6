"""What the plain tasks of the streaming DAGs do."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ecomm.aws import client
from ecomm.errors import AirflowSkipException, DataError
from ecomm.settings import settings

log = logging.getLogger(__name__)


def check_streams() -> dict[str, int]:
    """Open shards of both streams; raises DataError where one, or the archive's delivery stream, does not work."""
    names = settings()
    shards = {}
    kinesis = client("kinesis")
    for stream in (names.clicks_stream, names.counts_stream):
        try:
            found = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        except kinesis.exceptions.ResourceNotFoundException as error:
            raise DataError(f"There is no stream {stream}; deploy the stacks (make deploy).") from error
        if found["StreamStatus"] not in ("ACTIVE", "UPDATING"):
            raise RuntimeError(f"The stream {stream} is {found['StreamStatus']}; this task tries again later.")
        shards[stream] = int(found["OpenShardCount"])
        log.info("%s: %s, %d open shards", stream, found["StreamStatus"], shards[stream])
    firehose = client("firehose")
    try:
        archive = firehose.describe_delivery_stream(DeliveryStreamName=names.archive_stream)
    except firehose.exceptions.ResourceNotFoundException as error:
        raise DataError(f"There is no delivery stream {names.archive_stream}; deploy the stacks.") from error
    status = archive["DeliveryStreamDescription"]["DeliveryStreamStatus"]
    if status != "ACTIVE":
        raise RuntimeError(f"The archive {names.archive_stream} is {status}; clicks would not be kept.")
    log.info("%s: %s", names.archive_stream, status)
    return shards


def summary(application: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The application as its operator left it, and what else is to be said of the run, in the log too."""
    found = {**application, **more}
    for name, value in found.items():
        log.info("%s: %s", name.replace("_", " "), value)
    return found


def unpack(asked: str, now: datetime | None) -> dict[str, Any]:
    """The day of the form, or the one before, as files of the data set; raises AirflowSkipException for an empty day.

    Returns what ecomm.streaming.archive.unpack_day returns.
    """
    from ecomm.streaming.archive import chosen_day, unpack_day

    found = unpack_day(chosen_day(asked, now or datetime.now(UTC)))
    if not found["months"]:
        raise AirflowSkipException(f"Nothing was archived on {found['day']}, so there is nothing to take over.")
    log.info(
        "%s: %s clicks in %d objects, of %s", found["day"], f"{found['rows']:,}", found["objects"], found["months"]
    )
    return found
