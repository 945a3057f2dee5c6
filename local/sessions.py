"""An engine's processes: started in a session of their own, ended with all they started, found again after a crash.

For a Glue run the first process is spark-submit, which becomes the JVM, which starts Python, whose workers leave the
process group but not the session. So the session is what is ended. After a crash the processes are known by a mark in
their environment: the numbers of a session and its processes may be somebody else's by then.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from local.processes import end_all, environment_of

MARK = "LOCAL_SESSION_MARK"
END_SECONDS = 5.0


class Session:
    """A program and all it starts; `folder` is its working directory.

    record: a file that tells the next platform of them should this one be killed.
    """

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], folder: Path, record: Path) -> None:
        self._record = record
        record.parent.mkdir(parents=True, exist_ok=True)
        record.touch()
        self._popen = subprocess.Popen(
            words,
            cwd=folder,
            env={**environment, MARK: str(record)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._popen.stdout is not None
        assert self._popen.stderr is not None
        self.stdout, self.stderr = self._popen.stdout, self._popen.stderr

    def wait(self, seconds: float) -> int:
        """The exit status (negative: the signal that ended it). Raises subprocess.TimeoutExpired."""
        return self._popen.wait(seconds)

    def exit_status(self) -> int | None:
        """As `wait` returns it; None while the program runs."""
        return self._popen.poll()

    def end(self) -> None:
        """Asks all processes to end, kills those that do not within five seconds, and returns when none is left."""
        end_session(self._popen.pid)
        self._popen.wait()

    def forget(self) -> None:
        self._record.unlink(missing_ok=True)


def end_session(session: int) -> None:
    """Ends every process of a session and returns when none is left; none is no error."""
    for signal in (psutil.Process.terminate, psutil.Process.kill):
        for member in _members(session):
            with contextlib.suppress(psutil.NoSuchProcess):
                signal(member)
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            if not _members(session):
                return
            time.sleep(0.05)
    raise RuntimeError(f"The processes of session {session} do not end: {_members(session)}.")


def end_orphans(records: Path) -> list[str]:
    """Ends what a platform that was killed has left; the names of the records."""
    ended = []
    for record in sorted(records.glob("*")):
        orphans = [one for one in psutil.process_iter() if environment_of(one).get(MARK) == str(record)]
        end_all(orphans, END_SECONDS)
        record.unlink()
        ended.append(record.name)
    return ended


def _members(session: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (OSError, psutil.Error):
            continue
    return found
