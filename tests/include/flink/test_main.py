"""What the application makes of its property groups; the counts are tested on a cluster, in tests/local/flink."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import ROOT

PROGRAM = ROOT / "include/flink/main.py"
EXAMPLE = ROOT / "include/flink/application_properties.json"

Groups = dict[str, dict[str, str]]


def program() -> ModuleType:
    specification = importlib.util.spec_from_file_location("flink_main", PROGRAM)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def main() -> ModuleType:
    return program()


@pytest.fixture
def groups(main: ModuleType) -> Groups:
    found: Groups = main.read_groups(EXAMPLE)
    return found


def test_properties_fill_in_the_statements(main: ModuleType, groups: Groups) -> None:
    groups["Detection"] |= {
        "watermark.seconds": "300",
        "early.threshold": "42",
        "traffic.minimum": "1001",
        "new.users.minimum": "1002",
        "traffic.factor": "7",
        "traffic.deviations": "9",
        "baseline.windows": "60",
        "baseline.warmup": "6",
    }
    rendered = main.statements(groups)
    assert list(rendered) == [
        "ecomm_user_activity_stream_1",
        "ecomm_user_activity_stream_2",
        "ecomm_traffic",
        "user_traffic",
        "window_traffic",
        "user_windows",
        "traffic_changes",
        "traffic_windows",
        "final_counts",
        "early_counts",
        "traffic",
    ]
    assert "interval '0 00:05:00' day to second" in rendered["ecomm_user_activity_stream_1"]
    assert "= 42 + 1" in rendered["early_counts"]
    assert "when 'events' then 1001 else 1002 end" in rendered["traffic"]
    assert "> 7 * mean" in rendered["traffic"]
    assert "mean + 9 * sqrt" in rendered["traffic"]
    assert "interval '0 00:05:00' day to second" in rendered["traffic"]
    assert "known_seconds >= 30" in rendered["traffic"]
    assert not [name for name, text in rendered.items() if "${" in text]


def test_options_of_the_connector_are_passed_on_and_no_others(main: ModuleType, groups: Groups) -> None:
    groups["InputStream0"] |= {"source.reader.type": "POLLING", "flink.inputstream.initpos": "LATEST", "aws.x": "it's"}
    rendered = main.statements(groups)["ecomm_user_activity_stream_1"]
    assert "'source.reader.type' = 'POLLING'" in rendered
    assert "'aws.x' = 'it''s'" in rendered
    assert "flink.inputstream" not in rendered


@pytest.mark.parametrize(
    ("group", "key", "value", "fault"),
    [
        ("Detection", "early.threshold", "many", "'many'"),
        ("Detection", "early.threshold", "1 or true", "'1 or true'"),
        ("Detection", "watermark.seconds", "-1", "'-1'"),
        ("Detection", "traffic.factor", "2.5", "'2.5'"),
        ("Detection", "new.users.minimum", "", "missing"),
        ("Detection", "baseline.warmup", "121", "'121'"),
        ("Detection", "baseline.warmup", "0", "'0'"),
        ("Detection", "baseline.windows", "17281", "'17281'"),
        ("InputStream0", "stream.arn", "stream-1", "'stream-1'"),
        ("OutputStream0", "aws.region", "", "missing"),
    ],
)
def test_a_wrong_property_is_named(groups: Groups, group: str, key: str, value: str, fault: str) -> None:
    main = program()
    groups[group][key] = value
    with pytest.raises(main.PropertyError) as caught:
        main.statements(groups)
    assert str(caught.value).startswith(f"Property {key} of group {group} is {fault}; give ")


@pytest.mark.parametrize("value", ["5", "5 seconds", "soon"])
def test_a_wrong_time_is_named(main: ModuleType, groups: Groups, value: str) -> None:
    groups["Detection"]["idle.timeout"] = value
    with pytest.raises(main.PropertyError, match=rf"Property idle.timeout of group Detection is '{value}'"):
        main.duration(groups, "Detection", "idle.timeout")


def test_a_missing_group_is_named_with_those_there_are(main: ModuleType, groups: Groups) -> None:
    del groups["OutputStream0"]
    with pytest.raises(main.PropertyError, match="The property group OutputStream0 is missing; the application has "):
        main.statements(groups)


@pytest.mark.parametrize("content", [None, "{", "[1]", '[{"PropertyGroupId": "InputStream0"}]'])
def test_a_file_without_groups_ends_the_program_with_a_sentence(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "groups.json"
    if content is not None:
        file.write_text(content)
    ended = run(file)
    assert ended.returncode == 1
    assert ended.stderr.startswith("PropertyError: ")
    assert str(file) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_tables_can_be_printed_for_a_sql_client() -> None:
    printed = run(EXAMPLE).stdout
    assert printed.count("create table") == printed.count(");\n") == 3
    assert "insert into" not in printed
    assert "view" not in printed
    assert "function" not in printed


def run(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), "--tables"],
        env={**os.environ, "APPLICATION_PROPERTIES": str(file)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_example_names_what_the_templates_fill_in() -> None:
    example: list[dict[str, Any]] = json.loads(EXAMPLE.read_text())
    found = {group["PropertyGroupId"]: set(group["PropertyMap"]) for group in example}
    assert found["kinesis.analytics.flink.run.options"] == {"python", "jarfile"}
    assert found["Detection"] == {
        "watermark.seconds",
        "idle.timeout",
        "early.threshold",
        "traffic.minimum",
        "new.users.minimum",
        "traffic.factor",
        "traffic.deviations",
        "baseline.windows",
        "baseline.warmup",
    }
