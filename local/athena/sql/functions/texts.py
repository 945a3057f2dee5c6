"""Text: strings, regular expressions, bytes and their hashes."""

from __future__ import annotations

import re

from local.athena.errors import QueryError
from local.athena.sql.calls import Call
from local.athena.sql.coercion import Typed, coerce
from local.athena.sql.printf import formatted
from local.athena.sql.signatures import Builder
from local.athena.types import UNKNOWN, VARBINARY, VARCHAR, Type, array, text

DECLARED = {
    "lower(T:varchar) -> T": "lower({0})",
    "upper(T:varchar) -> T": "upper({0})",
    "length(varchar) -> bigint": "length({0})",
    "length(varbinary) -> bigint": "octet_length({0})",
    "char_length(varchar) -> bigint": "length({0})",
    "character_length(varchar) -> bigint": "length({0})",
    "reverse(T:varchar) -> T": "reverse({0})",
    "reverse(array(T)) -> array(T)": "list_reverse({0})",
    "trim(T:varchar) -> T": "trim({0}, athena_spaces())",
    "trim(T:varchar, varchar) -> T": "trim({0}, {1})",
    "ltrim(T:varchar) -> T": "ltrim({0}, athena_spaces())",
    "ltrim(T:varchar, varchar) -> T": "ltrim({0}, {1})",
    "rtrim(T:varchar) -> T": "rtrim({0}, athena_spaces())",
    "rtrim(T:varchar, varchar) -> T": "rtrim({0}, {1})",
    "substr(T:varchar, bigint) -> T": "athena_substr({0}, {1})",
    "substr(T:varchar, bigint, bigint) -> T": "athena_substr_length({0}, {1}, {2})",
    "substring(T:varchar, bigint) -> T": "athena_substr({0}, {1})",
    "substring(T:varchar, bigint, bigint) -> T": "athena_substr_length({0}, {1}, {2})",
    "strpos(varchar, varchar) -> bigint": "strpos({0}, {1})",
    "position(varchar, varchar) -> bigint": "strpos({1}, {0})",
    "replace(T:varchar, varchar) -> T": "replace({0}, {1}, '')",
    "replace(varchar, varchar, varchar) -> varchar": "replace({0}, {1}, {2})",
    "translate(varchar, varchar, varchar) -> varchar": "translate({0}, {1}, {2})",
    "lpad(varchar, bigint, varchar) -> varchar": "lpad({0}, CAST({1} AS INTEGER), {2})",
    "rpad(varchar, bigint, varchar) -> varchar": "rpad({0}, CAST({1} AS INTEGER), {2})",
    "chr(bigint) -> varchar": "chr(CAST({0} AS INTEGER))",
    "codepoint(varchar) -> integer": "unicode({0})",
    "starts_with(varchar, varchar) -> boolean": "starts_with({0}, {1})",
    "split(varchar, varchar) -> array(varchar)": "athena_split({0}, {1})",
    "split(varchar, varchar, bigint) -> array(varchar)": "athena_split_limit({0}, {1}, {2})",
    "split_part(T:varchar, varchar, bigint) -> T": "athena_split_part({0}, {1}, {2})",
    "split_to_map(varchar, varchar, varchar) -> map(varchar, varchar)": "athena_split_to_map({0}, {1}, {2})",
    "levenshtein_distance(varchar, varchar) -> bigint": "levenshtein({0}, {1})",
    "hamming_distance(varchar, varchar) -> bigint": "hamming({0}, {1})",
    "concat_ws(varchar, array(varchar)) -> varchar": "athena_concat_ws({0}, {1})",
    "regexp_like(varchar, varchar) -> boolean": "regexp_matches({0}, {1})",
    "regexp_extract(T:varchar, varchar) -> T": "athena_regexp_extract({0}, {1}, 0)",
    "regexp_extract_all(T:varchar, varchar) -> array(T)": "regexp_extract_all({0}, {1})",
    "regexp_split(T:varchar, varchar) -> array(T)": "string_split_regex({0}, {1})",
    "regexp_count(varchar, varchar) -> bigint": "len(regexp_extract_all({0}, {1}))",
    "regexp_position(varchar, varchar) -> integer": "athena_regexp_position({0}, {1})",
    "regexp_replace(T:varchar, varchar) -> T": "regexp_replace({0}, {1}, '', 'g')",
    "to_utf8(varchar) -> varbinary": "encode({0})",
    "from_utf8(varbinary) -> varchar": "decode({0})",
    "to_hex(varbinary) -> varchar": "hex({0})",
    "from_hex(varchar) -> varbinary": "from_hex({0})",
    "to_base64(varbinary) -> varchar": "to_base64({0})",
    "from_base64(varchar) -> varbinary": "from_base64({0})",
    "md5(varbinary) -> varbinary": "unhex(md5({0}))",
    "sha1(varbinary) -> varbinary": "unhex(sha1({0}))",
    "sha256(varbinary) -> varbinary": "unhex(sha256({0}))",
    "uuid() -> uuid": "uuid()",
}


def _concat(call: Call) -> Typed:
    """Texts, arrays or bytes, at least two; NULL makes the whole NULL."""
    if len(call.arguments) < 2:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "There must be two or more concatenation arguments", call.where)
    values = call.values
    if all(value.type.is_text or value.type == UNKNOWN for value in values):
        return Typed(
            f"({' || '.join(f'CAST({v.sql} AS VARCHAR)' if v.type == UNKNOWN else v.sql for v in values)})", VARCHAR
        )
    if all(value.type == VARBINARY for value in values):
        return Typed(f"({' || '.join(value.sql for value in values)})", VARBINARY)
    from local.athena.sql.operators import concatenate

    joined = values[0]
    for value in values[1:]:
        if "array" not in (joined.type.name, value.type.name):
            raise call.unexpected("texts or arrays")
        joined = concatenate(joined, value, call.where)
    return joined


def _concat_ws(call: Call) -> Typed:
    separator, *values = call.values
    if len(values) == 1 and values[0].type.name == "array":
        return Typed(f"athena_concat_ws({separator.sql}, {coerce(values[0], array(VARCHAR)).sql})", VARCHAR)
    for value in (separator, *values):
        if not value.type.is_text and value.type != UNKNOWN:
            raise call.unexpected("texts, or an array of texts")
    listed = ", ".join(f"CAST({value.sql} AS VARCHAR)" for value in values)
    return Typed(f"athena_concat_ws({separator.sql}, [{listed}])", VARCHAR)


def _strpos(call: Call) -> Typed:
    """The place of a text in another, 0 where it is not; the n-th of them with a third argument."""
    values = call.expect(2, 3)
    if not all(value.type.is_text for value in values[:2]):
        raise call.unexpected("texts")
    if len(values) == 2:
        return Typed(f"strpos({values[0].sql}, {values[1].sql})", Type("bigint"))
    return Typed(f"athena_strpos({values[0].sql}, {values[1].sql}, {values[2].sql})", Type("bigint"))


def _regexp_group(function: str, result_is_array: bool) -> Builder:
    def build(call: Call) -> Typed:
        values = call.expect(2, 3)
        if not values[0].type.is_text:
            raise call.unexpected("a text and a pattern")
        result = array(values[0].type) if result_is_array else values[0].type
        group = 0
        if len(values) == 3:
            if not isinstance(values[2].literal, int):
                raise QueryError(
                    "NOT_SUPPORTED", f"The group of {call.name} must be a literal on this machine", call.where
                )
            group = values[2].literal
        return Typed(f"{function}({values[0].sql}, {values[1].sql}, {group})", result)

    return build


def _regexp_replace(call: Call) -> Typed:
    values = call.expect(2, 3)
    if not all(value.type.is_text for value in values):
        raise call.unexpected("texts")
    if len(values) == 2:
        return Typed(f"regexp_replace({values[0].sql}, {values[1].sql}, '', 'g')", values[0].type)
    replacement = values[2].literal
    if isinstance(replacement, str):
        shown = text(_references(replacement))
    else:
        shown = rf"regexp_replace(replace({values[2].sql}, '\', '\\'), '\$([0-9])', '\\\1', 'g')"
    return Typed(f"regexp_replace({values[0].sql}, {values[1].sql}, {shown}, 'g')", VARCHAR)


def _references(replacement: str) -> str:
    r"""Java's replacement ($1, \$ for a dollar) as RE2's (\1, $)."""
    parts = re.split(r"(\\.|\$\d)", replacement)
    shown = []
    for part in parts:
        if re.fullmatch(r"\$\d", part):
            shown.append("\\" + part[1])
        elif part.startswith("\\") and len(part) == 2:
            shown.append("\\\\" if part[1] == "\\" else part[1])
        else:
            shown.append(part)
    return "".join(shown)


def _format(call: Call) -> Typed:
    """Java's String.format for a literal format."""
    return Typed(formatted(call.word(0), call.values[1:], call.where), VARCHAR)


BUILT: dict[str, Builder] = {
    "concat": _concat,
    "concat_ws": _concat_ws,
    "strpos": _strpos,
    "regexp_extract": _regexp_group("athena_regexp_extract", False),
    "regexp_extract_all": _regexp_group("regexp_extract_all", True),
    "regexp_replace": _regexp_replace,
    "format": _format,
}
