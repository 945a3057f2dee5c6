"""Shows what runs and for how long: a line for everything done and, in a terminal, what is at work below it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from demo.airflow_api import TaskInstance

# Airflow's words for a try that is over.
OVER = {
    "success": ("✔", "green"),
    "failed": ("✘", "bold red"),
    "up_for_retry": ("✘", "yellow"),
    "upstream_failed": ("-", "dim"),
    "skipped": ("-", "dim"),
    "removed": ("-", "dim"),
}
LIVE_TASKS = 8


def make_console() -> Console:
    """Writes to standard output; where that is no terminal (a file, a log of CI), lines are plain and 120 wide."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=120, force_interactive=False)


class Progress:
    """The demo's display and its clock.

    seconds: how long each step took, by its name in the summary.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self._started = time.monotonic()

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[None]:
        """Announces a step, and keeps how long it took."""
        started = time.monotonic()
        self.console.print(Text(title, style="bold"))
        yield
        self.seconds[name] = time.monotonic() - started

    def done(self, what: str, seconds: float | None = None) -> None:
        """A line for something that ended well."""
        self.console.print(_line("success", what, seconds))

    def note(self, what: str) -> None:
        """A line of what explains a wait."""
        self.console.print(Text(f"  {what}", style="yellow"), soft_wrap=True)

    @property
    def total(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Shows in a terminal that something is waited for."""
        if not self.console.is_terminal:
            yield
            return
        with self.console.status(what):
            yield


RUN_OVER = ("success", "failed")


class TaskBoard:
    """The tasks of one run: a line for each try that is over, and live below them those at work."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: set[tuple[str, int, int]] = set()
        self._tasks: Sequence[TaskInstance] = ()
        self._run_state = "queued"
        self._spinner = Spinner("dots")
        self._live = Live(console=console, get_renderable=self._at_work, refresh_per_second=5, transient=True)

    @contextmanager
    def shown(self) -> Iterator[TaskBoard]:
        if not self._console.is_terminal:
            yield self
            return
        with self._live:
            yield self

    def update(self, run_state: str, tasks: Sequence[TaskInstance]) -> list[TaskInstance]:
        """Shows how the run stands now; gives the tries of which it was said for the first time that they are over."""
        news = []
        self._run_state, self._tasks = run_state, tasks
        for task in sorted(tasks, key=lambda task: str(task.end)):
            key = (task.task_id, task.map_index, task.try_number)
            # What never ran because of a failure before it is no news beside the failure.
            if task.state in OVER and task.state != "upstream_failed" and key not in self._said:
                self._said.add(key)
                if task.state != "skipped":
                    self._console.print(_line(task.state, _described(task), task.seconds(datetime.now(UTC))))
                news.append(task)
        # A line for each would hide those that had something to do.
        if run_state in RUN_OVER and (skipped := sum(task.state == "skipped" for task in tasks)):
            things = "task had" if skipped == 1 else "tasks had"
            self._console.print(_line("skipped", f"{skipped} {things} nothing to do", None))
        return news

    def _at_work(self) -> RenderableType:
        if self._run_state == "queued":
            return Text("  queued; Airflow starts it when an earlier run of this DAG is over", style="dim")
        now = datetime.now(UTC)
        running = [task for task in self._tasks if task.state in ("running", "queued", "deferred")]
        over = sum(task.state in OVER for task in self._tasks)
        rows = Table.grid(padding=(0, 1))
        for task in running[:LIVE_TASKS]:
            seconds = task.seconds(now)
            waited = f"{seconds:6.1f} s" if seconds is not None else f"{task.state:>8}"
            rows.add_row(" ", self._spinner, f"{task.label:<58}", waited)
        return Group(rows, Text(f"  {over} of {len(self._tasks)} tasks", style="dim"))


def _described(task: TaskInstance) -> str:
    if task.state == "success":
        return task.label
    retried = f"failed at try {task.try_number}, will be tried again"
    return f"{task.label}: {retried if task.state == 'up_for_retry' else task.state}"


def _line(state: str, what: str, seconds: float | None) -> Text:
    sign, style = OVER[state]
    line = Text.assemble("  ", (sign, style), f" {what:<60}")
    if seconds is not None:
        line.append(f"{seconds:6.1f} s", style="cyan")
    return line
