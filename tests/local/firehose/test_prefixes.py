"""Prefixes with expressions become the names that Firehose gives."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.firehose.prefixes import PrefixError, check, evaluate, java_time, object_name

TIME = datetime(2026, 3, 9, 5, 4, 3, 7_000, UTC)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy", "2026"),
        ("yy", "26"),
        ("y-M-d", "2026-3-9"),
        ("MM/dd/HH", "03/09/05"),
        ("DDD", "068"),
        ("HH:mm:ss.SSS", "05:04:03.007"),
        ("'day='dd", "day=09"),
        ("yyyy''MM", "2026'03"),
    ],
)
def test_java_patterns(pattern: str, text: str) -> None:
    assert java_time(pattern, TIME) == text


def test_a_prefix_without_a_time_gets_one() -> None:
    assert evaluate("clicks", TIME) == "clicks2026/03/09/05/"
    assert evaluate("", TIME) == "2026/03/09/05/"
    assert evaluate("y=!{timestamp:yyyy}/h=!{timestamp:HH}/", TIME) == "y=2026/h=05/"
    assert evaluate("e/!{firehose:error-output-type}/!{timestamp:dd}/", TIME, "processing-failed") == (
        "e/processing-failed/09/"
    )
    first, second = (evaluate("!{firehose:random-string}/!{timestamp:dd}", TIME) for _ in range(2))
    assert len(first) == len(second) == len("random-stri") + len("/09")
    assert first != second


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "words"),
    [
        ("!{timestamp:EEEE}/", "e/", "does not know EEEE"),
        ("!{timestamp:MMM}/", "e/", "does not know MMM"),
        ("!{partitionKeyFromQuery:user}/", "e/", "cannot be evaluated"),
        ("!{firehose:error-output-type}/", "e/", "cannot be evaluated"),
        ("!{timestamp:yyyy}/", "", "cannot be null or empty when Prefix contains expressions"),
        ("p/", "e/!{timestamp:yyyy}/", "must contain !{firehose:error-output-type}"),
    ],
)
def test_prefixes_that_firehose_refuses(prefix: str, error_prefix: str, words: str) -> None:
    with pytest.raises(PrefixError, match=words.replace("{", r"\{")):
        check(prefix, error_prefix, TIME)


def test_objects_are_named_after_stream_version_and_time() -> None:
    name, other = object_name("archive", 3, TIME), object_name("archive", 3, TIME)
    assert name.startswith("archive-3-2026-03-09-05-04-03-")
    assert name != other
