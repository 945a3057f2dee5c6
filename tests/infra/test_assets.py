"""What goes to the artifacts bucket, and that an application for one machine does not go to AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra import assets
from infra.failures import DeployError


def application(folder: Path, path: Path = assets.FLINK_ZIP) -> Path:
    built = folder / "flink" / path
    built.parent.mkdir(parents=True)
    built.write_bytes(b"a zip")
    return built


def test_the_key_of_the_application_follows_from_its_bytes(tmp_path: Path) -> None:
    path = application(tmp_path)
    key, found = assets.flink_application(tmp_path, for_aws=False)
    assert found == path
    path.write_bytes(path.read_bytes() + b"\0")
    other, _ = assets.flink_application(tmp_path, for_aws=False)
    assert key != other
    assert key.startswith("flink/flink-application-")


def test_an_application_that_was_not_built_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"flink-application.zip is missing; `make setup` builds it"):
        assets.flink_application(tmp_path, for_aws=False)


def test_aws_gets_the_application_with_the_official_connector(tmp_path: Path) -> None:
    application(tmp_path)
    with pytest.raises(DeployError, match=r"aws/flink-application.zip is missing; `mvn .* -P aws package` builds it"):
        assets.flink_application(tmp_path, for_aws=True)
    path = application(tmp_path, assets.FLINK_ZIP_FOR_AWS)
    assert assets.flink_application(tmp_path, for_aws=True)[1] == path
