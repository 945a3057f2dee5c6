"""Remembers the months that a run refused to publish, so that the same files are not converted night after night."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ecomm.aws import client
from ecomm.batch.served import FILES, Snapshot
from ecomm.settings import settings

REFUSALS = "refused_months.json"
# No share is larger, so raising the limit brings no other outcome.
WHATEVER_THE_LIMIT = 1.0


def read() -> dict[str, dict[str, Any]]:
    """Each refused month: the `reason`, the snapshot of its `files`, the `limit` that it passed, and the `version`."""
    s3 = client("s3")
    try:
        return dict(json.loads(s3.get_object(Bucket=settings().artifacts_bucket, Key=REFUSALS)["Body"].read()))
    except s3.exceptions.NoSuchKey:
        return {}


def standing(snapshots: Mapping[str, Snapshot], limits: Mapping[str, float]) -> dict[str, str]:
    """The reasons of the months that have the files that were refused, under a limit that is no higher than then."""
    return {
        month: refusal["reason"]
        for month, refusal in read().items()
        if month in snapshots and snapshots[month][FILES] == refusal["files"] and limits[month] <= refusal["limit"]
    }


def remember(month: str, reason: str, now: Snapshot, limit: float, version: str) -> None:
    """Notes a refused month.

    limit: the share that it was allowed, or WHATEVER_THE_LIMIT. version: under which its lines that were set aside lie,
    for whoever looks into them.
    """
    _write({**read(), month: {"reason": reason, "files": now[FILES], "limit": limit, "version": version}})


def forget(months: Iterable[str]) -> None:
    """Removes the notes of months that are published, or gone from the bucket."""
    refusals, ended = read(), set(months)
    if refusals.keys() & ended:
        _write({month: refusal for month, refusal in refusals.items() if month not in ended})


def convert_again(months: Collection[str]) -> str:
    """The way to convert months whatever is served of them; clearing a task is none once they are published."""
    return f"start ecomm_batch_kpis with {json.dumps({'months': sorted(months)})}"


def raise_limit(month: str, share: float) -> str:
    """The way to publish a month of whose rows this share was set aside."""
    percent = min(100.0, math.ceil(share * 1000) / 10)
    parameter = json.dumps({"most_quarantined_by_month": {month: percent}})
    return f"if so many may be, start ecomm_batch_kpis with {parameter}"


def sentence(refused: Mapping[str, str], served: Collection[str]) -> str:
    """The error of a run that leaves months out: which, why, and the ways out that serve each of them.

    A reason names the remedies of its own.
    """
    months = "; ".join(
        f"{month} ({'an earlier version goes on serving' if month in served else 'not served'}): {reason}"
        for month, reason in sorted(refused.items())
    )
    first = min(refused)
    return (
        f"Not served as the raw bucket has them: {months}. Ways out for each: upload the month again with "
        "ecomm_dataset_upload, and delete from its folder what was put there by hand and is at fault (`aws s3 rm`); or "
        f'take it out by starting this DAG with {{"take_out": ["{first}"]}}, as `make take-out MONTHS={first}` does '
        "(docs/guides/take-a-month-out.md)."
    )


def _write(refusals: Mapping[str, Any]) -> None:
    body = json.dumps(refusals, indent=1, sort_keys=True).encode()
    client("s3").put_object(Bucket=settings().artifacts_bucket, Key=REFUSALS, Body=body, ContentType="application/json")
