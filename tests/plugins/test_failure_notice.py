"""Who is told of a failed run, and what the mail says."""

from __future__ import annotations

import time
from email import message_from_bytes
from email.policy import default
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Platform

RUN = "manual__2026-11-24T10:00:00+00:00"


def failed_run(**more: Any) -> dict[str, Any]:
    """What Airflow gives a DAG's callback."""
    return {"dag": SimpleNamespace(dag_id="ecomm_batch_kpis"), "run_id": RUN, **more}


def tell(topic: str, monkeypatch: pytest.MonkeyPatch, run: dict[str, Any]) -> None:
    from ecomm.failure_notice import tell_operators
    from ecomm.settings import settings

    monkeypatch.setenv("ECOMM_OPERATIONS_TOPIC_ARN", topic)
    settings.cache_clear()
    tell_operators(run)


def told(aws: Any, platform: Platform, monkeypatch: pytest.MonkeyPatch, run: dict[str, Any]) -> Any:
    """The mail that the subscriber of the topic got."""
    address = f"{uuid4().hex[:8]}@example.com"
    topic = aws.client("sns").create_topic(Name=f"operations-{uuid4().hex[:8]}")["TopicArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    tell(topic, monkeypatch, run)
    folder, deadline = platform.var / "mail" / address, time.monotonic() + 120
    found: list[Any] = []
    while not found:
        assert time.monotonic() < deadline, "no mail came"
        mails = [message_from_bytes(path.read_bytes(), policy=default) for path in folder.glob("*.eml")]
        found = [mail for mail in mails if "Airflow" in mail["Subject"]]
    (mail,) = found
    return mail


def test_the_mail_names_the_task_and_links_to_the_run(
    aws: Any, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/")
    mail = told(aws, platform, monkeypatch, failed_run(ti=SimpleNamespace(task_id="agg_activity.write")))
    assert mail["Subject"] == "Airflow: ecomm_batch_kpis failed at agg_activity.write"
    text = mail.get_content()
    assert "/dags/ecomm_batch_kpis/runs/manual__2026-11-24T10%3A00%3A00%2B00%3A00" in text
    assert f"In the run {RUN} of ecomm_batch_kpis the task agg_activity.write failed" in text
    assert "Stage dev, region us-east-1." in text


def test_a_run_without_a_failed_task_is_told_too(aws: Any, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(aws, platform, monkeypatch, failed_run())["Subject"] == "Airflow: ecomm_batch_kpis failed"


def test_without_a_topic_the_log_says_that_nobody_is_told(
    aws: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tell("", monkeypatch, failed_run())
    assert "ecomm_batch_kpis failed, and nobody is told" in caplog.text
