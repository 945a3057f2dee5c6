"""A program that fails before Flink looks at it the first time is run again, since its own words are lost."""

from __future__ import annotations

import zipfile

from local.flink.driver import TOO_FAST, is_too_fast
from tests.conftest import ROOT


def test_the_words_are_those_of_the_flink_that_runs_here() -> None:
    (jar,) = (ROOT / ".venv" / "flink").glob("lib/python*/site-packages/pyflink/opt/flink-python-*.jar")
    with zipfile.ZipFile(jar) as content:
        assert TOO_FAST.encode() in content.read("org/apache/flink/client/python/PythonEnvUtils.class")


def test_it_is_told_from_a_program_that_was_heard() -> None:
    start = "org.apache.flink.client.program.ProgramAbortException: java.lang.RuntimeException: "
    assert is_too_fast(["Job has been prepared", f"{start}{TOO_FAST}", "\tat java.lang.reflect.Method.invoke"])
    assert not is_too_fast(["Traceback (most recent call last):", "ValueError: Set early.threshold.", start])
