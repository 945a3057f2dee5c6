"""A client of Airflow's REST API (v2): what a person does and sees in the UI."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from demo import DemoError
from demo.watch import AIRFLOW, BUSY_STATUSES, Watch

Query = str | int | bool | list[str]

POLL_SECONDS = 0.5
PAGE = 100
# Without a watch of its process, nobody knows whether an answer will come.
PATIENCE_SECONDS = 60
# A database that is locked for long ends in such an answer, and a fault of Airflow's own too.
SERVER_ERROR_SECONDS = 180


@dataclass(frozen=True)
class TaskInstance:
    """One try of one task; `state` is Airflow's word, None before the scheduler has seen it."""

    task_id: str
    map_index: int
    label: str
    state: str | None
    try_number: int
    start: datetime | None
    end: datetime | None

    def seconds(self, now: datetime) -> float | None:
        """How long it has run or ran; None where it has not started."""
        return ((self.end or now) - self.start).total_seconds() if self.start else None


@dataclass(frozen=True)
class Run:
    """One run of a DAG; `state` is Airflow's word, `start` None while it is queued."""

    run_id: str
    state: str
    conf: dict[str, Any]
    start: datetime | None


class Airflow:
    """Airflow at `url`, such as http://127.0.0.1:8080, which lets everybody in, as the local one does.

    dags: the folder that its DAG files are in. watch: knows whether its process lives, and so how long to wait.
    """

    def __init__(self, url: str, dags: Path, watch: Watch | None = None) -> None:
        self.url = url
        self._dags = dags
        self._watch = watch
        self._http = httpx.Client(base_url=f"{url}/api/v2", timeout=30, trust_env=False)

    def wait_until_parsed(self, dag_ids: Sequence[str], timeout: float) -> None:
        """Waits until Airflow serves the DAGs as their files are now; a DAG's file has the DAG's name.

        Raises DemoError with the traceback where a file cannot be imported, and when `timeout` seconds have passed.
        """
        deadline = time.monotonic() + timeout
        for dag_id in dag_ids:
            while not self._is_parsed(dag_id):
                if time.monotonic() > deadline:
                    raise _too_slow(timeout, f"to load the DAG {dag_id}")
                time.sleep(POLL_SECONDS)

    def _is_parsed(self, dag_id: str) -> bool:
        for error in self._get("/importErrors", limit=PAGE)["import_errors"]:
            path = self._dags / error["filename"]
            if path.stem == dag_id and _is_of_now(path, error["timestamp"]):
                raise DemoError(f"Airflow cannot import {path}:\n\n{error['stack_trace']}")
        dag = self._get(f"/dags/{dag_id}", missing_ok=True)
        return bool(dag) and not dag["is_stale"] and _is_of_now(Path(dag["fileloc"]), dag["last_parsed_time"])

    def unpause(self, dag_id: str) -> None:
        self._send("PATCH", f"/dags/{dag_id}", {"is_paused": False})

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
        """Starts a run as the form in the UI does; raises DemoError with Airflow's reason where it refuses."""
        self._send("POST", f"/dags/{dag_id}/dagRuns", {"dag_run_id": run_id, "logical_date": None, "conf": conf})

    def runs(self, dag_id: str, *states: str, limit: int = PAGE) -> list[Run]:
        """The runs in these states, those that were due last at the front."""
        query: dict[str, Query] = {"state": list(states), "order_by": "-run_after", "limit": limit}
        return [
            Run(run["dag_run_id"], run["state"], run["conf"] or {}, _moment(run["start_date"]))
            for run in self._get(f"/dags/{dag_id}/dagRuns", False, **query)["dag_runs"]
        ]

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self._get(_run(dag_id, run_id))["state"])

    def latest_run(self, dag_id: str, state: str) -> str | None:
        """The id of the run that ended last in this state, `success` or `failed`; None where there is none."""
        runs = self._get(f"/dags/{dag_id}/dagRuns", state=state, order_by="-end_date", limit=1)["dag_runs"]
        return str(runs[0]["dag_run_id"]) if runs else None

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """All of the run, those that started first at the front."""
        found: list[TaskInstance] = []
        while True:
            page = self._get(f"{_run(dag_id, run_id)}/taskInstances", limit=PAGE, offset=len(found))
            found += [_task_instance(fields) for fields in page["task_instances"]]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                break
        started = [task for task in found if task.start]
        return sorted(started, key=lambda task: str(task.start)) + [task for task in found if not task.start]

    def run_caused_by(
        self, dag_id: str, run_id: str, caused_dag_id: str, timeout: float, say_earlier: Callable[[str], None]
    ) -> str:
        """The run of `caused_dag_id` that the run's asset events created.

        Waits while earlier runs of that DAG are at work, each told once to `say_earlier`, and then up to `timeout`
        seconds for the scheduler. Raises DemoError where the run sent no asset event, or when that time has passed.
        """
        deadline = time.monotonic() + timeout
        said: set[str] = set()
        while time.monotonic() < deadline:
            if caused := self.find_caused(dag_id, run_id, caused_dag_id):
                return caused
            for earlier in self._get(f"/dags/{caused_dag_id}/dagRuns", state="running")["dag_runs"]:
                deadline = time.monotonic() + timeout
                if earlier["dag_run_id"] not in said:
                    say_earlier(earlier["dag_run_id"])
                    said.add(earlier["dag_run_id"])
            time.sleep(POLL_SECONDS)
        raise _too_slow(timeout, f"to start {caused_dag_id} on the asset of {dag_id}")

    def find_caused(self, dag_id: str, run_id: str, caused_dag_id: str) -> str | None:
        """The run of `caused_dag_id` that the run's asset events have created; None where there is none yet.

        Raises DemoError where the run sent no asset event.
        """
        query: dict[str, Query] = {"source_dag_id": dag_id, "source_run_id": run_id}
        response = self._answer("GET", "/assets/events", server_error_seconds=0, params=query)
        if response.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
            # Airflow 3.2.1 cannot describe an event whose run is still queued; so the run is one of the queued.
            runs = self._get(f"/dags/{caused_dag_id}/dagRuns", state="queued", run_type="asset_triggered")["dag_runs"]
            return runs[0]["dag_run_id"] if len(runs) == 1 else None
        events = _checked(response)["asset_events"]
        if not events:
            raise DemoError(f"{dag_id} ended well but announced no new data, so nothing started {caused_dag_id}.")
        created = [run for event in events for run in event["created_dagruns"]]
        return next((run["run_id"] for run in created if run["dag_id"] == caused_dag_id), None)

    def returned(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task returned (its XCom); None where it returned nothing."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/return_value"
        entry = self._get(path, missing_ok=True)
        return entry and entry["value"]

    def log(self, dag_id: str, run_id: str, task: TaskInstance) -> list[dict[str, Any]]:
        """The events of the log of the task's last try, oldest first."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task.task_id}/logs/{task.try_number}"
        return list(self._get(path, map_index=task.map_index, full_content=True)["content"])

    def _get(self, path: str, missing_ok: bool = False, **query: Query) -> Any:
        response = self._answer("GET", path, params=query)
        if missing_ok and response.status_code == httpx.codes.NOT_FOUND:
            return None
        return _checked(response)

    def _send(self, method: str, path: str, body: dict[str, Any]) -> None:
        tries = 0

        def count() -> None:
            nonlocal tries
            tries += 1

        response = self._answer(method, path, before=count, json=body)
        # What was sent before its answer was lost may have been done: a run that is there already is the one asked for.
        if not (tries > 1 and response.status_code == httpx.codes.CONFLICT):
            _checked(response)

    def _answer(
        self,
        method: str,
        path: str,
        *,
        server_error_seconds: float = SERVER_ERROR_SECONDS,
        before: Callable[[], None] = lambda: None,
        **request: Any,
    ) -> httpx.Response:
        """Asks until an answer comes: nothing that is sent here does harm when it is sent twice.

        before: called before each try. Raises DemoError when a service has died, or when no answer is to be expected.
        """
        begin = time.monotonic()
        while True:
            if self._watch:
                self._watch.refuse_dead()
            before()
            try:
                response = self._http.request(method, path, **request)
                reason = f"it says {response.status_code}"
                failed = response.status_code == httpx.codes.INTERNAL_SERVER_ERROR
                passing = failed and time.monotonic() - begin < server_error_seconds
                if not passing and response.status_code not in BUSY_STATUSES:
                    if self._watch:
                        self._watch.answers(AIRFLOW)
                    return response
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
            if self._watch:
                self._watch.waits(AIRFLOW, reason)
            elif time.monotonic() - begin > PATIENCE_SECONDS:
                raise DemoError(
                    f"Airflow at {self.url} does not answer ({reason}); `make status` says whether it runs."
                )
            time.sleep(POLL_SECONDS)


def _too_slow(seconds: float, what: str) -> DemoError:
    return DemoError(f"Airflow took more than {seconds:.0f} s {what}; `make logs` shows what it does.")


def _checked(response: httpx.Response) -> Any:
    if response.is_error:
        asked = f"{response.request.method} {response.request.url.path}"
        raise DemoError(f"Airflow refused {asked} with {response.status_code}: {response.text}")
    return response.json()


def _is_of_now(file: Path, parsed: str) -> bool:
    """Whether what Airflow knows of the file is as young as the file; it may keep an older state for a while."""
    return file.exists() and datetime.fromisoformat(parsed).timestamp() >= file.stat().st_mtime


def _run(dag_id: str, run_id: str) -> str:
    return f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"


def _task_instance(fields: dict[str, Any]) -> TaskInstance:
    mapped = fields["map_index"] >= 0
    return TaskInstance(
        task_id=fields["task_id"],
        map_index=fields["map_index"],
        label=f"{fields['task_id']} [{fields['rendered_map_index']}]" if mapped else fields["task_id"],
        state=fields["state"],
        try_number=fields["try_number"],
        start=_moment(fields["start_date"]),
        end=_moment(fields["end_date"]),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
