"""What a killed platform has left is ended by the next one, and nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil

from local.sessions import Session, end_orphans

# Its first process ends, the second stays: as spark-submit leaves a worker.
LEAVES_ONE = "sleep 600 & echo $!"


def test_orphans_are_ended_whatever_session_they_are_in_by_then(tmp_path: Path) -> None:
    record = tmp_path / "records" / "run"
    program = "import os, time; os.fork() or os.setsid(); os.write(1, b'%d\\n' % os.getpid()); time.sleep(600)"
    session = Session([sys.executable, "-c", program], os.environ, tmp_path, record)
    left = [psutil.Process(int(session.stdout.readline())) for _ in "12"]
    assert end_orphans(record.parent) == ["run"]
    assert session.wait(5) < 0
    assert not [process for process in left if lives(process)]
    assert not record.exists()


def test_a_session_of_somebody_else_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    words = ["bash", "-c", LEAVES_ONE]
    leader = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert leader.stdout
    stranger = psutil.Process(int(leader.stdout.readline()))
    leader.wait()
    # As after a restart of the machine, whose processes are numbered anew.
    (tmp_path / "run").write_text(json.dumps({"pid": leader.pid, "created": stranger.create_time() - 86400}))
    try:
        end_orphans(tmp_path)
        assert lives(stranger)
    finally:
        stranger.kill()


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
