"""The platform is killed, or its disk full, while a data set is uploaded: nothing half is there, and a repeat heals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.airflow_environment import ROOT
from tests.conftest import Platform, start_platform, stop_platform
from tests.plugins.upload.conftest import Bucket, Write, rows

NOVEMBER = "2019-11"
NOVEMBER_CSV = "ecomm_user_activity_uncompressed/p_year=2019/p_month=11/2019-Nov.csv"
MEGABYTE = 1 << 20
# A file system of its own for the platform alone, which goes when the platform does.
SMALL_DISK = (
    "unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs -o size=64m none "$LOCAL_VAR" && exec "$@"',
)


@pytest.fixture
def own_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Platform]]:
    """Starts a platform of the test's own, to which the plugin then talks."""
    from ecomm import aws

    running: list[Platform] = []

    def start(port: int | None = None, through: tuple[str, ...] = ()) -> Platform:
        running.append(start_platform(tmp_path / "var", port, through))
        monkeypatch.setenv("AWS_ENDPOINT_URL", running[-1].endpoint)
        aws.client.cache_clear()
        return running[-1]

    yield start
    aws.client.cache_clear()
    for platform in running:
        if platform.process.poll() is None:
            stop_platform(platform)


def bucket() -> Bucket:
    from ecomm import aws

    return Bucket(aws)


def upload(bucket: Bucket, path: str) -> Any:
    from ecomm.upload.months import upload_months
    from ecomm.upload.sources import open_sources

    return upload_months(bucket.name, open_sources("files", [path], 1, 1), replace=False)


def upload_apart(bucket: Bucket, path: str) -> subprocess.Popen[str]:
    program = (
        "from ecomm.upload.months import upload_months; from ecomm.upload.sources import open_sources; "
        f"upload_months({bucket.name!r}, open_sources('files', [{path!r}], 1, 1), replace=False)"
    )
    # Without botocore's own repetitions, which would end alike after half a minute.
    environment = {**os.environ, "AWS_MAX_ATTEMPTS": "1"}
    command = [sys.executable, "-c", program]
    return subprocess.Popen(command, cwd=ROOT / "plugins", env=environment, stderr=subprocess.PIPE, text=True)


def test_a_platform_killed_midway_leaves_no_object_and_the_repeated_task_completes(
    own_platform: Callable[..., Platform], write: Write
) -> None:
    platform = own_platform()
    path = write("a.csv", rows(NOVEMBER, 400_000))
    target = bucket()
    task = upload_apart(target, path)
    deadline = time.monotonic() + 300
    while not target.open_uploads():
        assert task.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    stop_platform(platform, signal.SIGKILL)
    _, errors = task.communicate(timeout=120)
    assert task.returncode == 1
    assert f'Could not connect to the endpoint URL: "{platform.endpoint}/{target.name}/' in errors

    own_platform(int(platform.endpoint.rpartition(":")[2]))
    assert target.listing() == []
    assert upload(target, path)[NOVEMBER].rows == 400_000
    assert target.read(NOVEMBER_CSV) == Path(path).read_bytes()
    assert target.open_uploads() == []


def test_a_full_disk_is_named_nothing_is_stored_and_the_repeated_task_completes(
    own_platform: Callable[..., Platform], write: Write
) -> None:
    from botocore.exceptions import ClientError

    own_platform(through=(*SMALL_DISK, "sh"))
    path = write("a.csv", rows(NOVEMBER, 150_000))
    target = bucket()
    target.put("filler", bytes(38 * MEGABYTE))
    with pytest.raises(ClientError, match=r"InsufficientStorage.*The disk of .* is nearly full: .* free some space"):
        upload(target, path)
    # The zip, which is complete before the CSV is, may be there; it is replaced by the next try.
    assert NOVEMBER_CSV not in target.listing()
    assert target.open_uploads() == []
    with pytest.raises(ClientError, match=r"The disk of .* is nearly full"):
        for number in range(30):
            target.put(f"small/{number}", bytes(MEGABYTE))
    kept = target.listing()
    assert "small/0" in kept
    assert len(kept) < 30

    target.delete("filler")
    assert upload(target, path)[NOVEMBER].rows == 150_000
    assert target.read(NOVEMBER_CSV) == Path(path).read_bytes()
