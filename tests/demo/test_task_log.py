"""A task's log as lines; the events are as Airflow 3.2.1 gives them."""

from __future__ import annotations

from demo.airflow_api import TaskInstance
from demo.task_log import command, last_error, lines


def error(kind: str, words: str, function: str) -> dict[str, object]:
    frame = {"filename": "/dags/a.py", "lineno": 15, "name": function}
    return {"exc_type": kind, "exc_value": words, "exc_notes": [], "is_cause": False, "frames": [frame]}


def test_events_become_lines_and_the_error_comes_last() -> None:
    events: list[dict[str, object]] = [
        {"event": "::group::Log message source details", "sources": ["/logs/attempt=1.log"]},
        {"event": "::endgroup::"},
        {"timestamp": "2026-11-23T20:58:21.828433Z", "event": "Uploading", "level": "info", "logger": "a", "lineno": 2},
        {"timestamp": "2026-11-23T20:58:22Z", "event": "two\nlines", "level": "warning", "rows": 5},
        {
            "timestamp": "2026-11-23T20:58:23Z",
            "event": "Task failed with exception",
            "level": "error",
            "error_detail": [error("ValueError", "No such month.", "outer"), error("KeyError", "'2019-13'", "inner")],
        },
    ]
    assert list(lines(events)) == [
        "20:58:21 Uploading",
        "20:58:22 WARNING two",
        "lines rows=5",
        "20:58:23 ERROR Task failed with exception",
        '  File "/dags/a.py", line 15, in inner',
        "KeyError: '2019-13'",
        '  File "/dags/a.py", line 15, in outer',
        "ValueError: No such month.",
    ]


def test_a_log_ends_with_the_error() -> None:
    told = {"timestamp": "2026-11-23T20:58:23Z", "event": "ValueError: No such month.", "level": "error"}
    raised = {**told, "event": "Task failed", "error_detail": [error("ValueError", "No such month.", "outer")]}
    for last in (told, raised, "one\nValueError: No such month."):
        assert last_error([{"event": "Uploading"}, last]) == "ValueError: No such month."
    assert last_error([]) == "Its log is empty."


def test_a_log_that_airflow_could_not_parse_is_shown_as_it_is() -> None:
    assert list(lines(["one\ntwo", "three"])) == ["one", "two", "three"]


def test_the_command_names_the_instance_of_a_mapped_task() -> None:
    mapped = TaskInstance("upload", 3, "upload [3]", "failed", 1, None, None)
    assert command("a_dag", "run", mapped).endswith("-m demo.task_log a_dag run upload --map-index 3")
    single = TaskInstance("upload", -1, "upload", "failed", 1, None, None)
    assert command("a_dag", "run", single).endswith("-m demo.task_log a_dag run upload")
