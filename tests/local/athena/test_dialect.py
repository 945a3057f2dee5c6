"""Values, types and errors of Athena's SQL, held against what Trino 435 answered (expected/)."""

from __future__ import annotations

import json
import re
from itertools import batched

import pytest

from tests.local.athena.conftest import EXPECTED, Athena

EXPRESSIONS_A_QUERY = 40


def lines(name: str) -> list[list[str]]:
    text = (EXPECTED / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def test_expressions_have_the_type_and_value_that_trino_gives_them(athena: Athena) -> None:
    started = []
    for group in batched(lines("trino_values.tsv"), EXPRESSIONS_A_QUERY):
        selected = ", ".join(expression for expression, _, _ in group)
        started.append((group, athena.start(f"SELECT {selected}")))
    wrong = []
    for group, query_id in started:
        result = athena.wait(query_id)
        assert result.state == "SUCCEEDED", result.reason
        for (expression, type_, value), column, found in zip(group, result.columns, result.rows[1], strict=True):
            wanted = None if value == "\\N" else value
            if found != wanted or api_type(type_) != shown_type(column):
                wrong.append((expression, type_, value, shown_type(column), found))
    assert not wrong


def api_type(type_: str) -> str:
    """Trino's name of a type as GetQueryResults shows it: without what is inside, but for decimals."""
    if type_.startswith("decimal"):
        return type_
    name = type_.partition("(")[0].strip()
    if type_.startswith("timestamp") and "zone" in type_:
        return "timestamp with time zone"
    return {"real": "float", "interval day to second": "interval_day_to_second"}.get(
        name, name.replace("interval year to month", "interval_year_to_month")
    )


def shown_type(column: dict[str, object]) -> str:
    return f"decimal({column['Precision']},{column['Scale']})" if column["Type"] == "decimal" else str(column["Type"])


def test_queries_give_the_rows_that_trino_gives(events: Athena) -> None:
    cases = json.loads((EXPECTED / "trino_queries.json").read_text(encoding="utf-8"))
    started = [(case, events.start(case["sql"])) for case in cases]
    wrong = []
    for case, query_id in started:
        result = events.wait(query_id)
        if result.state != "SUCCEEDED":
            wrong.append((case["sql"], result.reason))
        elif (result.rows[1:], result.names) != (case["rows"], case["columns"]):
            wrong.append((case["sql"], str(result.rows[1:])[:300]))
        elif list(map(shown_type, result.columns)) != list(map(api_type, case["types"])):
            wrong.append((case["sql"], str(list(map(shown_type, result.columns)))))
    assert not wrong
    assert len(cases) > 100


def test_mistakes_are_named_as_trino_names_them(athena: Athena) -> None:
    started = [(sql, beginning, athena.start(sql)) for sql, beginning in lines("trino_errors.tsv")]
    wrong = []
    for sql, beginning, query_id in started:
        reason = athena.wait(query_id).reason
        if not reason.startswith(beginning):
            wrong.append((sql, beginning, reason))
    assert not wrong


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("no_such_function(1)", "FUNCTION_NOT_FOUND: line 1:8: Function 'no_such_function' not registered"),
        ("read_text('/etc/passwd')", "FUNCTION_NOT_FOUND"),
        ("soundex('a')", "FUNCTION_NOT_FOUND"),
        ("getenv('HOME')", "FUNCTION_NOT_FOUND"),
        ("1::integer", "SYNTAX_ERROR: line 1:9"),
        ("cast('2019-13-01' as date)", "INVALID_CAST_ARGUMENT: Value cannot be cast to date: 2019-13-01"),
        ("cast('x' as bigint)", "INVALID_CAST_ARGUMENT: Cannot cast 'x' to BIGINT"),
        ("cast(' 5 ' as integer)", "INVALID_CAST_ARGUMENT: Cannot cast ' 5 ' to INT"),
        ("array[1][2]", "INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: 2 > 1"),
        ("map(array['a'], array[1])['b']", "INVALID_FUNCTION_ARGUMENT: Key not present in map: b"),
        ("1 % 0", "DIVISION_BY_ZERO"),
        ("1.0 / 0", "DIVISION_BY_ZERO"),
        ("from_iso8601_timestamp(x) FROM (VALUES '2019-10-01T00:00:00+02:00') t(x)", "NOT_SUPPORTED"),
        ("date_format(now(), x) FROM (VALUES '%Y') t(x)", "NOT_SUPPORTED"),
        ("cast('a' as char(3))", "NOT_SUPPORTED"),
        ('a" FROM t', "SYNTAX_ERROR"),
        ("`a` FROM t", "SYNTAX_ERROR: line 1:8: backquoted identifiers are not supported"),
        ("1, FROM t", "SYNTAX_ERROR: line 1:11: mismatched input 'FROM'"),
        ("1 AS order", "SYNTAX_ERROR: line 1:13: mismatched input 'order'"),
    ],
)
def test_what_cannot_be_answered_is_an_error_never_a_guess(athena: Athena, expression: str, name: str) -> None:
    assert athena.fail(f"SELECT {expression}").startswith(name)


@pytest.mark.parametrize("function", ["read_csv", "read_parquet", "read_json", "glob", "range", "duckdb_settings"])
def test_no_function_of_duckdb_reaches_beyond_the_catalogue(athena: Athena, function: str) -> None:
    assert athena.fail(f"SELECT * FROM {function}('/etc/passwd')").startswith("FUNCTION_NOT_FOUND")


def test_a_file_named_like_a_table_is_not_read(athena: Athena) -> None:
    assert athena.fail('SELECT * FROM "/etc/passwd"').startswith("TABLE_NOT_FOUND")


def test_now_is_the_moment_of_the_query_in_utc(athena: Athena) -> None:
    row = athena.rows("SELECT now(), current_timestamp = now(), current_date = date(now()), cast(now() AS varchar)")[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC", row[0] or "")
    assert row[1:3] == ["true", "true"]
    assert row[3] == row[0]


def test_random_lies_between_zero_and_one(athena: Athena) -> None:
    sql = "SELECT min(r) >= 0, max(r) < 1, count(DISTINCT r) > 90 FROM (SELECT rand() r FROM UNNEST(sequence(1, 100)))"
    assert athena.rows(sql) == [["true"] * 3]
