"""Values as Athena prints them into result files, as DuckDB expressions."""

from __future__ import annotations

from local.athena.types import Type, quote

# Java's Double.toString over DuckDB's shortest digits: plain from 1e-3 up to 1e7, else d.dddE±n.
MACROS = r"""
CREATE MACRO java_scientific(negative, digits, exponent) AS
  CASE WHEN negative THEN '-' ELSE '' END || digits[1] || '.' ||
  CASE WHEN length(digits) > 1 THEN substring(digits, 2) ELSE '0' END || 'E' || CAST(exponent AS VARCHAR);
CREATE MACRO java_split(shown, negative) AS
  CASE
    WHEN contains(shown, 'e') THEN java_scientific(
      negative,
      coalesce(nullif(rtrim(replace(split_part(shown, 'e', 1), '.', ''), '0'), ''), '0'),
      CAST(split_part(shown, 'e', 2) AS INTEGER))
    WHEN starts_with(shown, '0.') THEN java_scientific(
      negative,
      rtrim(ltrim(substring(shown, 3), '0'), '0'),
      length(ltrim(substring(shown, 3), '0')) - length(substring(shown, 3)) - 1)
    ELSE java_scientific(
      negative,
      rtrim(replace(shown, '.', ''), '0'),
      length(split_part(shown, '.', 1)) - 1)
  END;
CREATE MACRO java_text(x) AS
  CASE
    WHEN x IS NULL THEN NULL
    WHEN isnan(x) THEN 'NaN'
    WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
    WHEN x = 0 OR (abs(x) >= 1e-3::DOUBLE AND abs(x) < 1e7::DOUBLE) THEN CAST(x AS VARCHAR)
    ELSE java_split(CAST(abs(x) AS VARCHAR), x < 0)
  END;
"""


def as_text(expression: str, type_: Type) -> str:
    """The DuckDB expression that prints this one; NULL stays NULL."""
    if type_.is_text or type_.name in ("json", "unknown", "ipaddress"):
        return f"CAST({expression} AS VARCHAR)"
    if type_.is_floating:
        return f"java_text({expression})"
    if type_.name == "timestamp":
        return f"strftime({expression}, '%Y-%m-%d %H:%M:%S.%g')"
    if type_.name == "timestamp with time zone":
        return f"strftime(timezone('UTC', {expression}), '%Y-%m-%d %H:%M:%S.%g') || ' UTC'"
    if type_.name == "time":
        return f"strftime(DATE '1970-01-01' + {expression}, '%H:%M:%S.%g')"
    if type_.name == "varbinary":
        return f"rtrim(regexp_replace(lower(hex({expression})), '(..)', '\\1 ', 'g'))"
    if type_.children:
        return _nested(expression, type_)
    return f"CAST({expression} AS VARCHAR)"


def _nested(expression: str, type_: Type) -> str:
    variable = f"v{_depth(type_)}"
    if type_.name == "array":
        inner = _element(variable, type_.children[0])
        printed = f"'[' || array_to_string(list_transform({expression}, lambda {variable}: {inner}), ', ') || ']'"
    elif type_.name == "map":
        key = _element(f"{variable}.key", type_.children[0])
        value = _element(f"{variable}.value", type_.children[1])
        entries = f"list_transform(map_entries({expression}), lambda {variable}: {key} || '=' || {value})"
        printed = f"'{{' || array_to_string({entries}, ', ') || '}}'"
    else:
        fields = [
            f"'{name}=' || " * bool(name) + _element(f"struct_extract({expression}, {number})", child)
            for number, (name, child) in enumerate(zip(type_.fields, type_.children, strict=True), 1)
        ]
        printed = "'{' || " + " || ', ' || ".join(fields) + " || '}'"
        if all(type_.fields):
            printed = printed.replace(f"struct_extract({expression}, ", f"struct_extract_at({expression}, ")
    return f"CASE WHEN {expression} IS NOT NULL THEN {printed} END"


def _element(expression: str, type_: Type) -> str:
    return f"coalesce({as_text(expression, type_)}, 'null')"


def _depth(type_: Type) -> int:
    return 1 + max((_depth(child) for child in type_.children), default=0)


def columns(types: list[Type]) -> str:
    """The printed columns c0, c1, … of a relation whose columns have these names."""
    return ", ".join(as_text(quote(f"c{number}"), type_) for number, type_ in enumerate(types))
