"""The run of an application's program, which builds the job and hands it to the cluster."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from local.flink import settings
from local.flink.application import Application
from local.flink.logs import Logs, Output
from local.flink.package import Package
from local.flink.rest import root_cause
from local.flink.runtime import Runtime, address
from local.sessions import Session

LONGEST_REASON = 2000
# What Flink says where the program has ended before it looked for the first time; the program's own words are lost.
TOO_FAST = "Failed to start Python process."
MOST_TRIES = 5
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"[\w.]+(Error|Exception|Exit|Interrupt)(:|$)")


class Driver:
    """`flink run` of one application. restore: the state to begin with. record: see Session."""

    def __init__(  # noqa: PLR0917 - one start, all of whose parts differ
        self,
        found: Runtime,
        application: Application,
        package: Package,
        job: str,
        restore: Restore | None,
        logs: Logs,
        record: Path,
    ) -> None:
        properties = package.folder.with_suffix(".properties.json")
        groups = [{"PropertyGroupId": name, "PropertyMap": group} for name, group in application.groups.items()]
        properties.write_text(json.dumps(groups))
        options = {
            "$internal.pipeline.job-id": job,
            "pipeline.name": application.name,
            "parallelism.default": str(application.parallelism),
            "execution.checkpointing.dir": address(checkpoints(found, application.name)),
            **_checkpointing(application),
        }
        words = ["run", "--detached", *(f"-D{key}={value}" for key, value in options.items())]
        words += restore.words(application) if restore else []
        words += ["-pyexec", str(found.python), "-pyclientexec", str(found.python)]
        words += ["--jarfile", str(package.jar)] if package.jar else []
        environment = {**found.environment, "APPLICATION_PROPERTIES": str(properties)}
        self._process = Session(
            settings.client(found, [*words, "-py", str(package.script)]), environment, package.folder, record
        )
        self._output: Output = logs.follow(self._process, "driver", application.name)

    def exit_status(self) -> int | None:
        return self._process.exit_status()

    @property
    def was_too_fast(self) -> bool:
        """Whether the program that has ended failed so soon that Flink did not hear why; it built no job then."""
        return bool(self.exit_status()) and is_too_fast(self._output.lines())

    def failure(self) -> str:
        """Why the program that has ended did not hand over a job."""
        return reason(self._output.lines(), self._process.exit_status() or 0, self._output.file)

    def end(self) -> None:
        self._process.end()
        self._process.forget()


class Restore:
    """A savepoint or checkpoint to begin with. owned: it belongs to the new job, which removes it once outdated."""

    def __init__(self, path: str, owned: bool) -> None:
        self.path = path
        self.owned = owned

    def words(self, application: Application) -> list[str]:
        """For the command line, which sets all three of these and would overrule them as -D."""
        words = ["--fromSavepoint", self.path, "--claimMode", "CLAIM" if self.owned else "NO_CLAIM"]
        return [*words, *(["--allowNonRestoredState"] if application.allow_non_restored_state else [])]


def checkpoints(found: Runtime, application: str) -> Path:
    return found.folder / "checkpoints" / application


def _checkpointing(application: Application) -> dict[str, str]:
    if application.checkpoint_milliseconds is None:
        return {}
    interval, pause = application.checkpoint_milliseconds
    return {
        "execution.checkpointing.interval": f"{interval} ms",
        "execution.checkpointing.min-pause": f"{pause} ms",
    }


def reason(lines: Sequence[str], status: int, file: Path) -> str:
    """What a program's output says of its failure: Python's exception, with Java's innermost cause where it has one."""
    starts = [number for number, line in enumerate(lines) if line.strip() == _TRACEBACK]
    own = [number for number, line in enumerate(lines) if _EXCEPTION.match(line)]
    first = next((number for number in own if not starts or number > starts[-1]), None)
    if first is None:
        return f"The program ended with status {status} without a job. Its log: {file}"
    sentence = lines[first]
    if sentence.startswith(("py4j.", "pyflink.util.exceptions.")):
        # Java's trace of it; what Flink's command line says of the program as a whole comes after.
        end = next((number for number in own if number > first), len(lines))
        following = [line.removeprefix(": ") for line in lines[first + 1 : end]]
        sentence = root_cause("\n".join(following)) or sentence
    return sentence[:LONGEST_REASON]


def is_too_fast(lines: Sequence[str]) -> bool:
    """Whether Flink's words are those of PythonEnvUtils.startPythonProcess for a program that had ended already."""
    return any(line.endswith(TOO_FAST) for line in lines)


def run(start: Callable[[], Driver], wait_for_cluster: Callable[[], None], cancelled: threading.Event) -> Driver:
    """Runs a program until it has ended or is not wanted any more; again where it failed before Flink could hear why.

    start: starts it. wait_for_cluster: returns when the cluster takes jobs; the program is ended where it raises.
    """
    for _ in range(MOST_TRIES):
        program = start()
        try:
            wait_for_cluster()
            while program.exit_status() is None and not cancelled.wait(0.2):
                pass
        finally:
            program.end()
        if cancelled.is_set() or not program.was_too_fast:
            break
    return program
