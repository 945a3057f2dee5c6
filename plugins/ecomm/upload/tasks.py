"""What the tasks of the upload DAG do."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from ecomm.settings import settings
from ecomm.upload.made_up import refuse_to_replace
from ecomm.upload.months import MonthSize, upload_months
from ecomm.upload.progress import megabytes
from ecomm.upload.sample import upload_sample
from ecomm.upload.sources import Generated, Source, open_sources

log = logging.getLogger(__name__)


def check(params: Mapping[str, Any]) -> list[str]:
    """Opens every source and looks at its beginning; returns their descriptions. Raises DataError for a wrong one."""
    found = []
    for source in _sources(params):
        size = "" if source.size is None else f", {megabytes(source.size)}"
        found.append(f"{source.name}{size}{', a zip' if source.zipped else ''}")
        log.info("%s: header and encoding are as they should be.", found[-1])
    return found


def upload(params: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Uploads the months; returns {month: {rows, bytes}}, bytes being those of the uncompressed CSV."""
    months = upload_months(settings().raw_bucket, _sources(params), params["replace"])
    return {month: size._asdict() for month, size in months.items()}


def sample(params: Mapping[str, Any], months: Sequence[str]) -> str:
    """Uploads the sample of the latest month; returns its URI."""
    key = upload_sample(settings().raw_bucket, months, params["sample_lines"], params["replace"])
    return f"s3://{settings().raw_bucket}/{key}"


def summary(months: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """The data set in short: {months, rows, bytes}."""
    sizes = [MonthSize(**size) for size in months.values()]
    found: dict[str, Any] = {
        "months": sorted(months),
        "rows": sum(size.rows for size in sizes),
        "bytes": sum(size.bytes for size in sizes),
    }
    log.info("%s rows, %s, of %s", f"{found['rows']:,}", megabytes(found["bytes"]), ", ".join(found["months"]))
    return found


def _sources(params: Mapping[str, Any]) -> list[Source]:
    """The sources of the form. Raises DataError for a wrong one, and if made-up rows would replace others."""
    sources = open_sources(params["source"], params["sources"], params["generated_rows"], params["seed"])
    for source in sources:
        if isinstance(source, Generated):
            refuse_to_replace(settings().raw_bucket, source.months, params["replace"])
    return sources
