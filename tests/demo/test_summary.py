"""The summary's form, and that a reader never sees a part of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.alerts import Alert
from demo.archive import Archive
from demo.clicks import Sent
from demo.counts import Counts
from demo.kpis import Kpis
from demo.stream import Streamed
from demo.summary import summary, write
from local.mail import Mail

KPIS = Kpis(
    daily_visitors=[{"day": "2019-10-01", "audience": "all", "revenue": 59442.63, "visitors": 4504}],
    cart_abandonment=[{"day": "2019-10-01", "audience": "all", "abandonment_rate": None}],
    popular_categories=[{"category_code": None, "views": 5}],
    events_by_hour=[0] * 24,
)
BEGIN = datetime(2026, 11, 24, tzinfo=UTC)


def streamed() -> Streamed:
    archive = Archive("bucket", BEGIN)
    archive.clicks += [{"user_id": 1}, {"user_id": 2}]
    counts = Counts(final={(1, BEGIN): 12, (2, BEGIN): 2, (3, BEGIN): 2}, early={(1, BEGIN): 11})
    mail = Mail("operator@example.com", "User 1", BEGIN, Path("mail.eml"))
    alerts = [Alert(1, mail, milliseconds) for milliseconds in (700, 400, 500)]
    return Streamed(Sent({"events_sent": 2}, BEGIN, 1), archive, counts, {}, late=5, malformed=7, alerts=alerts)


KEY = {
    "key": "category_id",
    "key_of_the_profile": "category_id",
    "sentence": "category_id, as the profile says.",
    "report": "s3://bucket/v.json",
    "arguments": {"--CLUSTER_BY": "category_id"},
}


@pytest.mark.usefixtures("aws_environment")
def test_the_summary_has_the_promised_form(tmp_path: Path) -> None:
    path = tmp_path / "demo" / "summary.json"
    write(
        summary(
            dataset={"months": ["2019-10"], "rows": 17434, "bytes": 2327166},
            batch={"rows_in": 17434, "rows_curated": 17433, "rows_quarantined": 1},
            partition_key=KEY,
            kpis=KPIS,
            queries=[{"table": "agg_activity", "bytes_scanned": 8}],
            streamed=streamed(),
            seconds={"start": 1.26, "total": 100.0},
            urls={"airflow": "http://127.0.0.1:8080"},
        ),
        path,
    )
    assert json.loads(path.read_text()) == {
        "dataset": {"rows": 17434, "bytes": 2327166},
        "batch": {
            "rows_in": 17434,
            "rows_curated": 17433,
            "rows_quarantined": 1,
            "partition_key": {
                "key": "category_id",
                "key_of_the_profile": "category_id",
                "report": "s3://bucket/v.json",
            },
            "kpis": {
                "daily_visitors": KPIS.daily_visitors,
                "cart_abandonment": KPIS.cart_abandonment,
                "popular_categories": KPIS.popular_categories,
            },
            "queries": [{"table": "agg_activity", "bytes_scanned": 8}],
        },
        "streaming": {
            "sent": 2,
            "archived": 2,
            "windows": 3,
            "late": 5,
            "malformed": 7,
            "alerts": 3,
            "latency_ms": {"p50": 500, "p95": 700},
        },
        "seconds": {"start": 1.3, "total": 100.0},
        "urls": {"airflow": "http://127.0.0.1:8080"},
    }
    assert [entry.name for entry in path.parent.iterdir()] == ["summary.json"]


def test_an_open_summary_stays_whole_while_the_next_is_written(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write({"number": 1}, path)
    with path.open() as reader:
        write({"number": 2}, path)
        assert json.load(reader) == {"number": 1}
    assert json.loads(path.read_text()) == {"number": 2}
