"""The lines of tasks that are over: each once, in the order of their ends, and a new one for a new try."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

from rich.console import Console

from demo.airflow_api import TaskInstance
from demo.progress import Progress, TaskBoard

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def task(name: str, state: str | None, seconds: float = 0, try_number: int = 1) -> TaskInstance:
    end = NOON + timedelta(seconds=seconds) if seconds else None
    return TaskInstance(name, -1, name, state, try_number, NOON, end)


def console() -> tuple[Console, StringIO]:
    output = StringIO()
    return Console(file=output, width=120), output


def test_every_try_that_is_over_is_said_once() -> None:
    shown, output = console()
    board = TaskBoard(shown)
    with board.shown():
        slow, quick = task("slow", "success", seconds=9.25), task("quick", "success", seconds=2)
        board.update("running", [task("slow", "running"), quick, task("last", None)])
        board.update("running", [slow, quick, task("last", "up_for_retry", seconds=10)])
        board.update("failed", [slow, quick, task("last", "failed", seconds=12, try_number=2)])
    lines = [" ".join(line.split()) for line in output.getvalue().splitlines()]
    assert lines == [
        "✔ quick 2.0 s",
        "✔ slow 9.2 s",
        "✘ last: failed at try 1, will be tried again 10.0 s",
        "✘ last: failed 12.0 s",
    ]


def test_tasks_seen_together_are_said_in_the_order_of_their_ends() -> None:
    shown, output = console()
    skipped = replace(task("optional", "skipped", 4), start=None)
    never = task("never", "upstream_failed", 6)
    TaskBoard(shown).update("failed", [never, task("b", "failed", 5), task("a", "success", 3), skipped])
    lines = [" ".join(line.split()) for line in output.getvalue().splitlines()]
    assert lines == ["✔ a 3.0 s", "✘ b: failed 5.0 s", "- 1 task had nothing to do"]


def test_a_step_keeps_its_time_and_the_total_covers_it() -> None:
    shown, output = console()
    progress = Progress(shown)
    with progress.step("start", "The platform"):
        progress.done("up", 1.26)
    assert 0 <= progress.seconds["start"] <= progress.total
    assert [" ".join(line.split()) for line in output.getvalue().splitlines()] == ["The platform", "✔ up 1.3 s"]
