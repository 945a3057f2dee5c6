"""JSON texts and values."""

from __future__ import annotations

import re

from local.athena.errors import QueryError
from local.athena.sql.calls import Call
from local.athena.sql.coercion import Typed
from local.athena.sql.signatures import Builder
from local.athena.types import BIGINT, JSON, VARCHAR, text

DECLARED = {
    "json_parse(varchar) -> json": "json({0})",
    "json_format(json) -> varchar": "CAST({0} AS VARCHAR)",
    "is_json_scalar(varchar) -> boolean": "(json_type({0}) NOT IN ('OBJECT', 'ARRAY'))",
    "is_json_scalar(json) -> boolean": "(json_type({0}) NOT IN ('OBJECT', 'ARRAY'))",
    "json_array_contains(varchar, T) -> boolean": "athena_json_contains({0}, {1})",
    "json_array_contains(json, T) -> boolean": "athena_json_contains({0}, {1})",
    "json_array_length(varchar) -> bigint": "athena_json_length({0})",
    "json_array_length(json) -> bigint": "athena_json_length({0})",
}

_STEP = re.compile(
    r"""\.(?P<name>[A-Za-z_][\w-]*|\*)|\[(?P<number>\d+)\]|\[(?P<quote>["'])(?P<quoted>.*?)(?P=quote)\]"""
)


def _path(call: Call, number: int) -> str:
    """A literal JSONPath ($.a["b c"][0]) in DuckDB's spelling."""
    written = call.word(number)
    if not written.startswith("$"):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Invalid JSON path: '{written}'", call.where)
    shown, end = "$", 1
    while end < len(written):
        found = _STEP.match(written, end)
        if found is None or found.group("name") == "*":
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Invalid JSON path: '{written}'", call.where)
        end = found.end()
        if found.group("number"):
            shown += f"[{found.group('number')}]"
        else:
            name = found.group("name") or found.group("quoted") or ""
            shown += '."' + name.replace('"', '\\"') + '"'
    return text(shown)


def _subject(call: Call) -> str:
    value = call.expect(2)[0]
    if not value.type.is_text and value.type != JSON:
        raise call.unexpected("a JSON value or text, and a path")
    return value.sql


def _extract_scalar(call: Call) -> Typed:
    """NULL for objects, arrays, what is missing, and texts that are no JSON; a number keeps its digits."""
    subject = _subject(call)
    return Typed(f"athena_json_scalar(json_extract(athena_json({subject}), {_path(call, 1)}))", VARCHAR)


def _extract(call: Call) -> Typed:
    subject = _subject(call)
    return Typed(f"json_extract(athena_json({subject}), {_path(call, 1)})", JSON)


def _size(call: Call) -> Typed:
    subject = _subject(call)
    return Typed(f"athena_json_size(json_extract(athena_json({subject}), {_path(call, 1)}))", BIGINT)


BUILT: dict[str, Builder] = {
    "json_extract_scalar": _extract_scalar,
    "json_extract": _extract,
    "json_size": _size,
}
