"""The failures of a query, in Athena's words."""

from __future__ import annotations

import re

import duckdb

USER, SYSTEM = 2, 1


class QueryError(Exception):
    """A query failed for a reason that Athena would name, such as TABLE_NOT_FOUND.

    name: the error's name, as it stands before the colon of Athena's sentence. position: line and column of the query,
    from 1, where there is one.
    """

    def __init__(self, name: str, message: str, position: tuple[int, int] | None = None, category: int = USER) -> None:
        self.name = name
        self.message = message
        self.position = position
        self.category = category
        super().__init__(self.sentence)

    @property
    def type(self) -> int:
        """The number that Athena's error catalogue gives to errors of this kind."""
        if self.category == SYSTEM:
            return 200
        if self.name == "FAILED":
            return 1003
        if self.name.startswith("HIVE_") or self.name in (
            "INVALID_CAST_ARGUMENT",
            "DIVISION_BY_ZERO",
            "NUMERIC_VALUE_OUT_OF_RANGE",
        ):
            return 1001
        return 1006

    @property
    def sentence(self) -> str:
        where = f"line {self.position[0]}:{self.position[1]}: " if self.position else ""
        return f"{self.name}: {where}{self.message}"


class QueryCancelledError(Exception):
    """The query was stopped: by its user, or by a limit of the workgroup."""


class InvalidRequestError(Exception):
    """The request itself is refused (InvalidRequestException): no query was started."""


_OWN = re.compile("\x02([A-Z_]+): (.*?)['\"] to ", re.S)
_TEXT = re.compile(
    "(?:Could not convert string|invalid \\w+ field format:|\\w+ field value out of range:)\\s*"
    "['\"]\x01?(?P<value>.*?)['\"](?: to (?P<type>[\\w(), ]+)|,|$)",
    re.S | re.M,
)
_ON_DISK = re.compile(r"/[^\s\"']*/aws/s3/\d{12}/")
_TYPES = {"INT8": "TINYINT", "INT16": "SMALLINT", "INT32": "INT", "INT64": "BIGINT", "BOOL": "BOOLEAN", "FLOAT": "REAL"}
_NAMES = [
    ("Division by zero", "DIVISION_BY_ZERO", "Division by zero"),
    ("division by zero", "DIVISION_BY_ZERO", "Division by zero"),
    (
        "More than one row returned by a subquery",
        "SUBQUERY_MULTIPLE_ROWS",
        "Scalar sub-query has returned multiple rows",
    ),
    ("Map keys must be unique", "INVALID_FUNCTION_ARGUMENT", "Duplicate map keys are not allowed"),
    ("Map keys can not be NULL", "INVALID_FUNCTION_ARGUMENT", "map key cannot be null"),
    ("Unknown TimeZone", "INVALID_FUNCTION_ARGUMENT", "'{0}' is not a valid time zone"),
    ("Out of Memory Error", "EXCEEDED_LOCAL_MEMORY_LIMIT", "Query exhausted resources at this scale factor"),
]


def from_duckdb(error: duckdb.Error) -> QueryError:  # noqa: PLR0911 - one return a kind of error
    """DuckDB's error under the name that Athena gives to the same mistake; the text of an unknown one is kept."""
    whole = _ON_DISK.sub("s3://", str(error))
    if own := _OWN.search(whole):
        return QueryError(own.group(1), own.group(2))
    for piece, name, sentence in _NAMES:
        if piece in whole:
            quoted = re.search("'(.*?)'", whole)
            return QueryError(name, sentence.format(quoted.group(1) if quoted else ""))
    first = whole.splitlines()[0]
    if found := re.search('Could not parse string "(.*?)" according to format', whole):
        return QueryError("INVALID_FUNCTION_ARGUMENT", f'Invalid format: "{found.group(1)}"')
    if "CSV Error" in whole or "Malformed JSON" in whole:
        details = [line for line in whole.splitlines() if "Invalid unicode" in line or "Malformed JSON" in line]
        return QueryError("HIVE_BAD_DATA", (details or [first])[0].partition("Error: ")[2] or details[0])
    if isinstance(error, duckdb.ConversionException):
        return _conversion(whole, first)
    if isinstance(error, duckdb.OutOfRangeException):
        return QueryError("NUMERIC_VALUE_OUT_OF_RANGE", first.partition(": ")[2])
    if isinstance(error, duckdb.IOException):
        return QueryError("HIVE_CANNOT_OPEN_SPLIT", first)
    if isinstance(error, duckdb.InvalidInputException):
        return QueryError("INVALID_FUNCTION_ARGUMENT", first.partition(": ")[2] or first)
    return QueryError("GENERIC_INTERNAL_ERROR", first, category=SYSTEM)


def _conversion(whole: str, first: str) -> QueryError:
    found = _TEXT.search(whole)
    if unfit := re.search(r"Could not cast value (\S+) to (DECIMAL\(\d+),(\d+\))", whole):
        return QueryError("INVALID_CAST_ARGUMENT", f"Cannot cast '{unfit[1]}' to {unfit[2]}, {unfit[3]}")
    if found is None:
        name = "NUMERIC_VALUE_OUT_OF_RANGE" if "out of range" in whole else "INVALID_CAST_ARGUMENT"
        return QueryError(name, first.partition(": ")[2])
    value, wanted = found.group("value"), (found.group("type") or "").strip()
    if not wanted:
        kind = "date" if "date field" in whole else "timestamp"
        return QueryError("INVALID_CAST_ARGUMENT", f"Value cannot be cast to {kind}: {value}")
    if wanted.startswith("DECIMAL"):
        return QueryError(
            "INVALID_CAST_ARGUMENT",
            f"Cannot cast VARCHAR '{value}' to {wanted.replace(',', ', ')}. Value is not a number.",
        )
    return QueryError("INVALID_CAST_ARGUMENT", f"Cannot cast '{value}' to {_TYPES.get(wanted, wanted)}")
