"""Names of objects: prefixes with expressions, and the name that Firehose gives to what is under them.

Source: "Understand custom prefixes for Amazon S3 objects", Data Firehose developer guide.
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Callable
from datetime import datetime

DEFAULT_TIMESTAMP = "yyyy/MM/dd/HH/"
NAME_TIMESTAMP = "yyyy-MM-dd-HH-mm-ss"
ERROR_TYPE = "error-output-type"
_EXPRESSION = re.compile(r"!\{([^:}]*):([^}]*)\}")
_PATTERN_PART = re.compile(r"'(?P<quoted>[^']*)'|(?P<letters>([A-Za-z])\3*)|(?P<other>.)", re.DOTALL)
_LETTERS: dict[str, Callable[[datetime], int]] = {
    "y": lambda time: time.year,
    "M": lambda time: time.month,
    "d": lambda time: time.day,
    "D": lambda time: time.timetuple().tm_yday,
    "H": lambda time: time.hour,
    "m": lambda time: time.minute,
    "s": lambda time: time.second,
    "S": lambda time: time.microsecond // 1000,
}


class PrefixError(ValueError):
    """A prefix that Firehose refuses, in a sentence."""


def java_time(pattern: str, time: datetime) -> str:
    """`time` in a pattern of Java's DateTimeFormatter, of years to milliseconds as numbers, and quoted text."""
    return "".join(_formatted(part, time) for part in _PATTERN_PART.finditer(pattern))


def _formatted(part: re.Match[str], time: datetime) -> str:
    if part["quoted"] is not None:
        return part["quoted"] or "'"
    if part["other"] is not None:
        return part["other"]
    letters: str = part["letters"]
    if letters[0] not in _LETTERS or (letters[0] == "M" and len(letters) > 2):
        raise PrefixError(f"The local platform does not know {letters} in a timestamp; use y M d D H m s S as numbers.")
    number = _LETTERS[letters[0]](time)
    return f"{number % 100:02d}" if letters == "yy" else str(number).zfill(len(letters))


def evaluate(prefix: str, time: datetime, error_type: str = "") -> str:
    """The prefix with its expressions filled in; one that names no time gets yyyy/MM/dd/HH/ at its end.

    error_type: of the error prefix, what kind of error its objects hold. Raises PrefixError.
    """
    timed = False

    def value(expression: re.Match[str]) -> str:
        nonlocal timed
        namespace, text = expression.groups()
        if namespace == "timestamp":
            timed = True
            return java_time(text, time)
        if (namespace, text) == ("firehose", "random-string"):
            return secrets.token_urlsafe(8)[:11]
        if (namespace, text) == ("firehose", ERROR_TYPE) and error_type:
            return error_type
        raise PrefixError(f"!{{{namespace}:{text}}} cannot be evaluated in the prefix {prefix!r}.")

    evaluated = _EXPRESSION.sub(value, prefix)
    return evaluated if timed else evaluated + java_time(DEFAULT_TIMESTAMP, time)


def check(prefix: str, error_prefix: str, now: datetime) -> None:
    """Raises PrefixError where Firehose would refuse the two."""
    evaluate(prefix, now)
    evaluate(error_prefix, now, "processing-failed")
    if _EXPRESSION.search(prefix) and not error_prefix:
        raise PrefixError("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions.")
    if _EXPRESSION.search(error_prefix) and f"!{{firehose:{ERROR_TYPE}}}" not in error_prefix:
        raise PrefixError(f"ErrorOutputPrefix with expressions must contain !{{firehose:{ERROR_TYPE}}}.")


def object_name(stream: str, version: int, time: datetime) -> str:
    """What follows the prefix: DeliveryStreamName-Version-yyyy-MM-dd-HH-mm-ss-RandomString."""
    return f"{stream}-{version}-{java_time(NAME_TIMESTAMP, time)}-{uuid.uuid4()}"
