"""Remembers the months that a run refused to publish, so that the same files are not converted night after night."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ecomm.aws import client
from ecomm.batch.served import Files
from ecomm.raw_bucket import RawObject
from ecomm.settings import settings

REFUSALS = "refused_months.json"

GUIDE = "docs/guides/take-a-month-out.md"


def read() -> dict[str, dict[str, Any]]:
    """Each refused month with its `reason` and the `files` it was made of."""
    s3 = client("s3")
    try:
        return dict(json.loads(s3.get_object(Bucket=settings().artifacts_bucket, Key=REFUSALS)["Body"].read()))
    except s3.exceptions.NoSuchKey:
        return {}


def unchanged(refusals: Mapping[str, Mapping[str, Any]], present: Mapping[str, list[RawObject]]) -> dict[str, str]:
    """The reasons of the months that still have the files that were refused."""
    return {
        month: refusal["reason"]
        for month, refusal in refusals.items()
        if present.get(month) == [RawObject(*file) for file in refusal["files"]]
    }


def remember(refused: Mapping[str, str], files: Mapping[str, Files], version: str = "") -> None:
    """Notes these months with their reasons and files; what is noted of others stays.

    version: that under which their lines that were set aside are kept, for whoever looks into them.
    """
    if refused:
        notes = {
            month: {"reason": reason, "files": files.get(month, []), "version": version}
            for month, reason in refused.items()
        }
        _write({**read(), **notes})


def forget(months: Iterable[str]) -> None:
    """Removes the notes of months that are published, or gone from the bucket."""
    refusals = read()
    if refusals.keys() & set(months):
        _write({month: refusal for month, refusal in refusals.items() if month not in set(months)})


def sentence(refused: Mapping[str, str], served: Iterable[str]) -> str:
    """The error of a run that leaves months out: which, why, and the ways out."""
    served = set(served)
    months = "; ".join(
        f"{month} ({'its version before goes on serving' if month in served else 'not served'}): {reason}"
        for month, reason in sorted(refused.items())
    )
    first = min(refused)
    return (
        f"Everything else is published, but not {months}. Ways out: upload the month again with ecomm_dataset_upload; "
        f'or start this DAG with {{"most_quarantined_by_month": {{"{first}": 5}}}} to allow 5 percent of its rows to '
        f'be set aside; or take it out with {{"take_out": ["{first}"]}} or `make take-out MONTHS={first}` ({GUIDE}).'
    )


def _write(refusals: Mapping[str, Any]) -> None:
    body = json.dumps(refusals, indent=1, sort_keys=True).encode()
    client("s3").put_object(Bucket=settings().artifacts_bucket, Key=REFUSALS, Body=body, ContentType="application/json")
