"""Data types under their three names: Trino's (queries), Hive's (catalogue), DuckDB's (execution)."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Type:
    """One data type, named as in Trino.

    arguments: precision and scale of a decimal, the length of a varchar or char, the precision of a timestamp.
    children: the types inside an array (one), a map (two) or a row. fields: the names of a row's fields, beside its
    children; an unnamed field is "".
    """

    name: str
    arguments: tuple[int, ...] = ()
    children: tuple[Type, ...] = ()
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.name == "row":
            inner = ", ".join(f"{name} {child}".strip() for name, child in zip(self.fields, self.children, strict=True))
            return f"row({inner})"
        if self.children:
            return f"{self.name}({', '.join(map(str, self.children))})"
        if self.name == "timestamp with time zone":
            return f"timestamp({(self.arguments or (3,))[0]}) with time zone"
        if self.arguments:
            return f"{self.name}({','.join(map(str, self.arguments))})"
        return self.name

    @property
    def is_integer(self) -> bool:
        return self.name in INTEGERS

    @property
    def is_number(self) -> bool:
        return self.name in INTEGERS or self.name in ("decimal", "real", "double")

    @property
    def is_floating(self) -> bool:
        return self.name in ("real", "double")

    @property
    def is_text(self) -> bool:
        return self.name in ("varchar", "char")


INTEGERS = ("tinyint", "smallint", "integer", "bigint")
BOOLEAN, SMALLINT, INTEGER, BIGINT = map(Type, ("boolean", "smallint", "integer", "bigint"))
REAL, DOUBLE, VARCHAR, VARBINARY, DATE, JSON = map(Type, ("real", "double", "varchar", "varbinary", "date", "json"))
UNKNOWN = Type("unknown")
TIMESTAMP, TIMESTAMP_TZ = Type("timestamp", (3,)), Type("timestamp with time zone", (3,))
INTERVAL_DAY, INTERVAL_YEAR = Type("interval day to second"), Type("interval year to month")


def decimal(precision: int, scale: int) -> Type:
    return Type("decimal", (min(precision, 38), scale))


def array(element: Type) -> Type:
    return Type("array", children=(element,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", children=(key, value))


_SYNONYMS = {
    "string": VARCHAR, "text": VARCHAR, "int": INTEGER, "float": REAL, "binary": VARBINARY, "blob": VARBINARY,
    "bytea": VARBINARY,
    "timestamptz": TIMESTAMP_TZ, "timestamp_ms": TIMESTAMP, "timestamp_ns": TIMESTAMP, "timestamp_s": TIMESTAMP,
    "bool": BOOLEAN,
    "hugeint": decimal(38, 0), "uhugeint": decimal(38, 0), "ubigint": decimal(20, 0), "uinteger": BIGINT,
    "usmallint": INTEGER,
    "utinyint": SMALLINT, "interval": INTERVAL_DAY, "numeric": decimal(38, 0), "\"null\"": UNKNOWN, "null": UNKNOWN,
}  # fmt: skip
_TOKEN = re.compile(r'\s*("(?:[^"]|"")*"|`[^`]*`|[A-Za-z_][\w$]*|\d+|\[\]|[<>(),:])')


def parse(text: str) -> Type:
    """The type that this text names, in the spelling of Hive, Trino or DuckDB. Raises ValueError."""
    reader = _Reader(text)
    found = reader.type()
    if reader.rest:
        raise ValueError(f"{text!r} is not a data type.")
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.rest = [found.group(1) for found in _TOKEN.finditer(text)]
        # A quoted name may hold spaces; anything else that is no token is a mistake.
        if '"' not in text and "".join(self.rest) != re.sub(r"\s+", "", text):
            raise ValueError(f"{text!r} is not a data type.")

    def next(self) -> str:
        if not self.rest:
            raise ValueError(f"{self.text!r} is not a data type.")
        return self.rest.pop(0)

    def take(self, *tokens: str) -> bool:
        if [token.lower() for token in self.rest[: len(tokens)]] != list(tokens):
            return False
        del self.rest[: len(tokens)]
        return True

    def type(self) -> Type:
        name = self.next().lower()
        found = self._nested(name) if name in ("array", "map", "row", "struct") and self.rest else self._simple(name)
        while self.take("[]"):
            found = array(found)
        return found

    def _nested(self, name: str) -> Type:
        opening = self.next()
        closing = {"<": ">", "(": ")"}[opening]
        children, fields = [], []
        while not self.take(closing):
            if name in ("row", "struct"):
                fields.append(self._field_name())
                self.take(":")
            children.append(self.type())
            self.take(",")
        return Type("row" if fields else name, (), tuple(children), tuple(fields))

    def _field_name(self) -> str:
        # An unnamed field of a row is its type alone: row(bigint, varchar).
        if len(self.rest) > 1 and self.rest[1] in (",", ")", "("):
            return ""
        return self.next().strip('"`').replace('""', '"')

    def _simple(self, name: str) -> Type:
        arguments: tuple[int, ...] = ()
        if name == "double":
            self.take("precision")
        if self.take("("):
            while not self.take(")"):
                arguments += (int(self.next()),)
                self.take(",")
        if name in ("timestamp", "time"):
            if self.take("with", "time", "zone"):
                name += " with time zone"
            else:
                self.take("without", "time", "zone")
            return Type(name, arguments or (3,))
        if name in ("decimal", "numeric"):
            precision, scale = (*arguments, *(38, 0)[len(arguments) :])
            return decimal(precision, scale)
        if name == "interval":
            return INTERVAL_YEAR if self.take("year", "to", "month") else self._day_interval()
        if name in _SYNONYMS:
            return _SYNONYMS[name]
        if name not in _PLAIN:
            raise ValueError(f"{self.text!r} is not a data type.")
        return Type(name, arguments)

    def _day_interval(self) -> Type:
        self.take("day", "to", "second")
        return INTERVAL_DAY


_PLAIN = {
    *INTEGERS,
    "boolean",
    "real",
    "double",
    "varchar",
    "char",
    "varbinary",
    "date",
    "json",
    "unknown",
    "uuid",
    "ipaddress",
}

_HIVE = {
    "varchar": "string",
    "integer": "int",
    "real": "float",
    "varbinary": "binary",
    "json": "string",
    "timestamp with time zone": "timestamp",
}


def to_hive(type_: Type) -> str:
    """The type's name in the catalogue, as Athena writes it there."""
    if type_.name == "row":
        return (
            "struct<" + ",".join(f"{n}:{to_hive(c)}" for n, c in zip(type_.fields, type_.children, strict=True)) + ">"
        )
    if type_.children:
        return f"{type_.name}<{','.join(map(to_hive, type_.children))}>"
    if type_.name in ("decimal", "char") or (type_.name == "varchar" and type_.arguments):
        return f"{type_.name}({','.join(map(str, type_.arguments))})"
    return _HIVE.get(type_.name, type_.name)


_DUCKDB = {
    "varbinary": "BLOB", "timestamp with time zone": "TIMESTAMPTZ", "unknown": "INTEGER", "char": "VARCHAR",
    "real": "FLOAT", "ipaddress": "VARCHAR",
    "interval day to second": "INTERVAL", "interval year to month": "INTERVAL", "time with time zone": "TIMETZ",
}  # fmt: skip


def to_duckdb(type_: Type) -> str:
    if type_.name == "row":
        names = [name or f"field{number}" for number, name in enumerate(type_.fields)]
        return (
            "STRUCT("
            + ", ".join(f"{quote(n)} {to_duckdb(c)}" for n, c in zip(names, type_.children, strict=True))
            + ")"
        )
    if type_.name == "array":
        return f"{to_duckdb(type_.children[0])}[]"
    if type_.name == "map":
        return f"MAP({', '.join(map(to_duckdb, type_.children))})"
    if type_.name == "decimal":
        return f"DECIMAL({type_.arguments[0]},{type_.arguments[1]})"
    return _DUCKDB.get(type_.name, type_.name.upper())


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"
