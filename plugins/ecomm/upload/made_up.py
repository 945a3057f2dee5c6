"""Keeps made-up rows from replacing others: invented data never takes the place of a month that holds anything else."""

from __future__ import annotations

from collections.abc import Collection

from ecomm.errors import DataError
from ecomm.upload.origins import origins


def refuse_to_replace(bucket: str, months: Collection[str], replace: bool) -> None:
    """Raises DataError naming the months of the bucket that made-up rows would replace or, with `replace`, remove.

    months: those that the rows are of. A file outside the months' folders goes with `replace` as they do, so it is
    named too.
    """
    others = [month for month, made_up in origins(bucket).items() if not made_up and (replace or month in months)]
    if others:
        raise DataError(
            f"s3://{bucket}/ holds {', '.join(others)} of other data, and made-up rows never take its place. Name your "
            "files in `sources`, take these months out (docs/guides/take-a-month-out.md), or use another stage."
        )
