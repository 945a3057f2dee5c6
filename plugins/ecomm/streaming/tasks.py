"""What the plain tasks of the streaming DAGs do."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
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


def date_of_run(dag_run: Any) -> datetime:
    """The date that a run is for: of a run by hand the one it was given, of others the one it was due at.

    Both stay the same when an old run is cleared, or made up for later.
    """
    given: datetime | None = dag_run.logical_date if dag_run.run_type == "manual" else None
    due: datetime = dag_run.run_after
    return given or due


def unpack(asked: str, days_before: int, run_date: datetime) -> dict[str, Any]:
    """The day of the form, or the one before, as files of the data set, and those before it that are behind.

    days_before: of so many days before it, each is taken of which the archive has more than the data set.
    Returns {days, objects, rows, bytes, malformed, malformed_reasons (the first), drill_clicks, months, refused (a
    sentence for each day that could not be taken), entries (for the ledger, by day)}. Raises AirflowSkipException if
    nothing was archived, and DataError if no day could be taken.
    """
    from ecomm.streaming.archive import unpack_day
    from ecomm.streaming.archived_days import behind, chosen_day
    from ecomm.streaming.malformed import MAX_REASONS

    day = chosen_day(asked, run_date)
    unpacked, refused = [], []
    for each in (*behind(day, days_before), day):
        try:
            found = unpack_day(each)
        except DataError as error:  # The damage of one day keeps no other back; `summarize` fails by it.
            log.error("%s: %s", each, error)
            refused.append(str(error))
            continue
        log.info("%s: %s clicks in %d objects, of %s", each, f"{found['rows']:,}", found["objects"], found["months"])
        if found["objects"] or found["months"]:
            unpacked.append(found)
    if not unpacked:
        if refused:
            raise DataError(" ".join(refused))
        raise AirflowSkipException(f"Nothing was archived on {day}, so there is nothing to take over.")
    sums = ("objects", "rows", "bytes", "malformed", "drill_clicks")
    return {
        "days": [found["day"] for found in unpacked],
        **{name: sum(found[name] for found in unpacked) for name in sums},
        "malformed_reasons": [reason for found in unpacked for reason in found["malformed_reasons"]][:MAX_REASONS],
        "months": sorted({month for found in unpacked for month in found["months"]}),
        "refused": refused,
        "entries": {found["day"]: found["entry"] for found in unpacked},
    }


def months_to_announce(unpacked: Mapping[str, Any]) -> dict[str, Any]:
    """What the batch is told: {months, rows, bytes}. Raises AirflowSkipException if no month has changed."""
    if not unpacked["months"]:
        raise AirflowSkipException(f"{', '.join(unpacked['days'])} had no click to curate, so no month has changed.")
    return {name: unpacked[name] for name in ("months", "rows", "bytes")}


def summarize_unpacked(unpacked: Mapping[str, Any]) -> dict[str, Any]:
    """Enters the days into the ledger, now that their months are announced, and shows what `unpack` returned.

    A try of `unpack` that broke off has entered nothing, so the next one announces the months of all its days. Raises
    DataError where a day could not be taken.
    """
    from ecomm.streaming.archived_days import enter

    enter(unpacked["entries"])
    found = summary({name: value for name, value in unpacked.items() if name != "entries"})
    if found["refused"]:
        raise DataError(f"{', '.join(found['days'])} were taken over. {' '.join(found['refused'])}")
    return found
