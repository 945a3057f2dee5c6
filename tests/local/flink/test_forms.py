"""Every form of a click is counted by the real application as the table says that the archive is held to, too."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT
from tests.local.flink.counting import Counting, milliseconds

FORMS = json.loads((ROOT / "include/flink/src/test/resources/clicks.json").read_text())
CLICKS = 15
METRIC_SECONDS = 60
USER = "541312140"
FIRST_USER = 700_000_000


@pytest.fixture(scope="module")
def forms(counting: Counting) -> Iterator[Counting]:
    """An application of its own: the forms' times lie after those of the other tests."""
    running = Counting(counting.platform, "forms", shards=1)
    running.create()
    running.start()
    yield running
    running.stop(force=True)


def test_every_form_is_counted_and_what_is_none_is_malformed(forms: Counting) -> None:
    since = milliseconds("2025-11-24T00:00:00Z")
    expected, malformed, kinesis = {}, 0, forms.client("kinesis")
    for user, form in enumerate(FORMS, FIRST_USER):
        charset = form.get("encoding", "utf-8")
        records = [record.replace(USER, str(user)).encode(charset) for record in form["records"] if record]
        entries = [{"Data": record, "PartitionKey": "key"} for record in records] * CLICKS
        assert kinesis.put_records(StreamName=forms.input, Records=entries)["FailedRecordCount"] == 0
        malformed += CLICKS * form["malformed"]
        if form["times"]:
            expected[user, since] = CLICKS * len(form["times"])
    forms.close(since + 60_000)
    assert dict(forms.wait_for(expected, "final", since)) == expected
    assert {window for window, _ in forms.rows("early", since)} == expected.keys()
    assert any("Malformed record dropped" in line for line in forms.log())
    deadline = time.monotonic() + METRIC_SECONDS
    while forms.metric("malformedRecords") < malformed and time.monotonic() < deadline:
        time.sleep(0.5)
    assert forms.metric("malformedRecords") == malformed
