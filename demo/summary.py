"""Writes var/demo/summary.json: what the demo did, for whoever reads it with a program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demo.alerts import percentile
from demo.kpis import Kpis, Row
from demo.stream import Streamed


def summary(
    *,
    dataset: Mapping[str, Any],
    batch: Mapping[str, Any],
    partition_key: Mapping[str, Any],
    kpis: Kpis,
    queries: Sequence[Row],
    streamed: Streamed,
    seconds: Mapping[str, float],
    urls: Mapping[str, str],
) -> dict[str, Any]:
    """The summary as a JSON object; `seconds` has each step and the `total`.

    dataset: what the upload's last task returned (rows, bytes); batch: what the audit returned (rows_in, rows_curated,
    rows_quarantined); partition_key: what its choice returned; queries: what demo.scans read.
    """
    return {
        "dataset": {name: dataset[name] for name in ("rows", "bytes")},
        "batch": {
            **{name: batch[name] for name in ("rows_in", "rows_curated", "rows_quarantined")},
            "partition_key": {name: partition_key[name] for name in ("key", "key_of_the_profile", "report")},
            "kpis": {
                "daily_visitors": kpis.daily_visitors,
                "cart_abandonment": kpis.cart_abandonment,
                "popular_categories": kpis.popular_categories,
            },
            "queries": list(queries),
        },
        "streaming": {
            "sent": streamed.sent.events,
            "archived": len(streamed.archive.clicks),
            "windows": len(streamed.counts.final),
            "late": streamed.late,
            "malformed": streamed.malformed,
            "alerts": len(streamed.alerts),
            "latency_ms": {f"p{percent}": percentile(streamed.alerts, percent) for percent in (50, 95)},
        },
        "seconds": {step: round(value, 1) for step, value in seconds.items()},
        "urls": dict(urls),
    }


def write(content: Mapping[str, Any], path: Path) -> None:
    """Puts the summary in place whole: a reader sees the one before or this one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    part.replace(path)
