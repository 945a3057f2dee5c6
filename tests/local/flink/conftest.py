"""One platform and one running application for all tests of this folder: a start takes longer than most tests."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, start_platform, stop_platform
from tests.local.flink.counting import Counting

HOUR = 3_600_000
REAL_ROWS = Path(os.environ.get("ECOMM_REAL_DATA", ROOT.parent / "shared" / "data")) / "2019-Oct-head.csv"
# The real rows are no part of the project; where they are, they are used.
collect_ignore = [] if REAL_ROWS.is_file() else ["test_real_rows.py"]


@pytest.fixture(scope="session")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counting]:
    """The application, created and started once; its platform is a new one where a test has replaced it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "local")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "local")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        found = Counting(start_platform(tmp_path_factory.mktemp("flink with blanks")), "counting")
        try:
            # A busy machine may let a task wait for seconds, which is not to be taken for an empty shard.
            found.create(idle_timeout="30 s")
            found.start()
            yield found
        finally:
            stop_platform(found.platform)


@pytest.fixture
def running(counting: Counting) -> Counting:
    """The application, running."""
    if counting.settled(seconds=150) != "RUNNING":
        counting.start()
    return counting


@pytest.fixture(scope="session")
def later() -> Callable[[], int]:
    """The beginning of a window, hours after the last that was asked for: no test's clicks are late for another's.

    All of them have passed: a window does not end before the clock says so.
    """
    hours = itertools.count(1_590_000_000_000, 5 * HOUR)
    return lambda: next(hours) // 10_000 * 10_000


@pytest.fixture
def port_of(counting: Counting) -> int:
    return int(counting.platform.endpoint.rpartition(":")[2])
