"""What goes to the artifacts bucket, and that an application for one machine does not go to AWS."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from infra import assets
from infra.deploy import main
from infra.failures import DeployError
from tests.conftest import ROOT


def application(folder: Path, *classes: str) -> Path:
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        for name in classes:
            archive.writestr(name, b"")
    path = folder / "flink" / assets.FLINK_ZIP
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("main.py", "")
        archive.writestr(assets.FLINK_JAR, jar.getvalue())
    return path


def test_the_key_of_the_application_follows_from_its_bytes(tmp_path: Path) -> None:
    path = application(tmp_path, "ecomm/flink/One.class")
    key, found = assets.flink_application(tmp_path)
    assert found == path
    path.write_bytes(path.read_bytes() + b"\0")
    other, _ = assets.flink_application(tmp_path)
    assert key != other
    assert key.startswith("flink/flink-application-")


def test_an_application_that_was_not_built_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"flink-application.zip is missing; `make setup` builds it"):
        assets.flink_application(tmp_path)


def test_an_application_with_the_official_connector_is_for_aws(tmp_path: Path) -> None:
    assets.require_connector(application(tmp_path, "ecomm/flink/One.class", f"{assets.CONNECTOR_CLASSES}Source.class"))


def test_an_application_without_a_connector_is_not_for_aws(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `make setup` builds it; refused before AWS is asked anything."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(DeployError, match=r"its lib/flink-application.jar has no Kinesis connector"):
        assets.require_connector(ROOT / "include" / "flink" / assets.FLINK_ZIP)
    assert main(["--yes", "--region", "us-east-1"]) == 1
    assert "mvn -f include/flink/pom.xml -P aws package" in capsys.readouterr().err
