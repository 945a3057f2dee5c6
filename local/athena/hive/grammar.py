"""Hive's grammar, as far as Athena takes it."""

from __future__ import annotations

import re
from collections.abc import Callable

from local.athena.hive.statements import (
    AddColumns,
    AddPartitions,
    ColumnDefinition,
    CreateDatabase,
    CreateTable,
    Describe,
    DropDatabase,
    DropPartitions,
    DropTable,
    Name,
    RenamePartition,
    RepairTable,
    SetLocation,
    SetProperties,
    Show,
    Statement,
    Values,
)
from local.athena.lexer import Cursor
from local.athena.types import Type
from local.athena.types import parse as parse_type


def parse(cursor: Cursor) -> Statement | None:
    """The statement under the cursor, or None where it is none of Hive's. Raises QueryError (SYNTAX_ERROR)."""
    for words, parser in _STATEMENTS:
        if cursor.peek(*words):
            cursor.take(*words)
            statement = parser(cursor)
            cursor.end()
            return statement
    return None


# ---- databases ----------------------------------------------------------------------------------------------------


def _create_database(cursor: Cursor) -> Statement:
    if_not_exists = cursor.take("IF", "NOT", "EXISTS")
    name = cursor.identifier()
    comment = cursor.string() if cursor.take("COMMENT") else ""
    location = cursor.string() if cursor.take("LOCATION") else ""
    properties = _properties(cursor) if cursor.take("WITH", "DBPROPERTIES") else {}
    return CreateDatabase(name, if_not_exists, comment, location, properties)


def _drop_database(cursor: Cursor) -> Statement:
    if_exists = cursor.take("IF", "EXISTS")
    name = cursor.identifier()
    cascade = cursor.take("CASCADE")
    cursor.take("RESTRICT")
    return DropDatabase(name, if_exists, cascade)


# ---- tables -------------------------------------------------------------------------------------------------------


def _create_table(cursor: Cursor) -> Statement:
    if_not_exists = cursor.take("IF", "NOT", "EXISTS")
    name = cursor.table_name()
    columns = _columns(cursor)
    keys: tuple[ColumnDefinition, ...] = ()
    serde = stored_as = input_format = output_format = location = comment = ""
    serde_properties: dict[str, str] = {}
    properties: dict[str, str] = {}
    while cursor.current is not None:
        if cursor.take("COMMENT"):
            comment = cursor.string()
        elif cursor.take("PARTITIONED", "BY"):
            keys = _columns(cursor)
        elif cursor.take("ROW", "FORMAT", "SERDE"):
            serde = cursor.string()
        elif cursor.take("ROW", "FORMAT", "DELIMITED"):
            serde_properties.update(_delimiters(cursor))
        elif cursor.take("WITH", "SERDEPROPERTIES"):
            serde_properties.update(_properties(cursor))
        elif cursor.take("STORED", "AS", "INPUTFORMAT"):
            input_format = cursor.string()
            cursor.expect("OUTPUTFORMAT")
            output_format = cursor.string()
        elif cursor.take("STORED", "AS"):
            stored_as = cursor.identifier()
        elif cursor.take("LOCATION"):
            location = cursor.string()
        elif cursor.take("TBLPROPERTIES"):
            properties = _properties(cursor)
        else:
            raise cursor.mismatch("'COMMENT', 'PARTITIONED BY', 'ROW FORMAT', 'STORED AS', 'LOCATION', 'TBLPROPERTIES'")
    return CreateTable(
        name=name,
        if_not_exists=if_not_exists,
        columns=columns,
        keys=keys,
        comment=comment,
        serde=serde,
        serde_properties=serde_properties,
        stored_as=stored_as,
        input_format=input_format,
        output_format=output_format,
        location=location,
        properties=properties,
    )


_DELIMITERS = [
    (("FIELDS", "TERMINATED", "BY"), "field.delim"),
    (("ESCAPED", "BY"), "escape.delim"),
    (("LINES", "TERMINATED", "BY"), "line.delim"),
    (("COLLECTION", "ITEMS", "TERMINATED", "BY"), "collection.delim"),
    (("MAP", "KEYS", "TERMINATED", "BY"), "mapkey.delim"),
    (("NULL", "DEFINED", "AS"), "serialization.null.format"),
]


def _delimiters(cursor: Cursor) -> dict[str, str]:
    found = {}
    while True:
        for words, name in _DELIMITERS:
            if cursor.take(*words):
                found[name] = _unescape(cursor.string())
                break
        else:
            break
    if "field.delim" in found:
        found["serialization.format"] = found["field.delim"]
    return found


def _unescape(text: str) -> str:
    """A delimiter as Hive writes it: a tab, a newline, a backslash, or an octal code as in \\001."""
    text = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), text)
    return re.sub(r"\\(.)", lambda found: {"t": "\t", "n": "\n", "r": "\r"}.get(found.group(1), found.group(1)), text)


def _columns(cursor: Cursor) -> tuple[ColumnDefinition, ...]:
    cursor.expect_punctuation("(")
    found = []
    while not cursor.take_punctuation(")"):
        name = cursor.identifier()
        type_ = _type(cursor)
        comment = cursor.string() if cursor.take("COMMENT") else ""
        found.append(ColumnDefinition(name, type_, comment))
        if not cursor.peek_punctuation(")"):
            cursor.expect_punctuation(",")
    return tuple(found)


def _type(cursor: Cursor) -> Type:
    start, depth = cursor.offset, 0
    while (token := cursor.current) is not None:
        if depth == 0 and (token.text in (",", ")") or (token.start > start and cursor.peek("COMMENT"))):
            break
        depth += {"(": 1, "<": 1, ")": -1, ">": -1}.get(token.text, 0)
        cursor.index += 1
    written = cursor.sql[start : cursor.offset].strip()
    try:
        return parse_type(written)
    except ValueError:
        raise cursor.mismatch(f"a data type instead of {written!r}") from None


def _properties(cursor: Cursor) -> dict[str, str]:
    cursor.expect_punctuation("(")
    found = {}
    while not cursor.take_punctuation(")"):
        name = cursor.string()
        cursor.expect_punctuation("=")
        found[name] = _unescape(cursor.string())
        if not cursor.peek_punctuation(")"):
            cursor.expect_punctuation(",")
    return found


def _drop_table(cursor: Cursor) -> Statement:
    if_exists = cursor.take("IF", "EXISTS")
    name = cursor.table_name()
    cursor.take("PURGE")
    return DropTable(name, if_exists, view=False)


def _drop_view(cursor: Cursor) -> Statement:
    return DropTable(if_exists=cursor.take("IF", "EXISTS"), name=cursor.table_name(), view=True)


def _alter_table(cursor: Cursor) -> Statement:  # noqa: PLR0911 - one return a statement
    name = cursor.table_name()
    if cursor.take("ADD"):
        if cursor.take("COLUMNS"):
            return AddColumns(name, _columns(cursor), replace=False)
        return _add_partitions(cursor, name)
    if cursor.take("REPLACE", "COLUMNS"):
        return AddColumns(name, _columns(cursor), replace=True)
    if cursor.take("DROP"):
        return _drop_partitions(cursor, name)
    if cursor.take("SET", "TBLPROPERTIES"):
        return SetProperties(name, _properties(cursor))
    if cursor.take("SET", "LOCATION"):
        return SetLocation(name, None, cursor.string())
    cursor.expect("PARTITION")
    partition = _partition(cursor)
    if cursor.take("RENAME", "TO", "PARTITION"):
        return RenamePartition(name, partition, _partition(cursor))
    cursor.expect("SET", "LOCATION")
    return SetLocation(name, partition, cursor.string())


def _add_partitions(cursor: Cursor, name: Name) -> Statement:
    if_not_exists = cursor.take("IF", "NOT", "EXISTS")
    found = []
    cursor.expect("PARTITION")
    while True:
        values = _partition(cursor)
        found.append((values, cursor.string() if cursor.take("LOCATION") else ""))
        if not cursor.take("PARTITION"):
            return AddPartitions(name, if_not_exists, tuple(found))


def _drop_partitions(cursor: Cursor, name: Name) -> Statement:
    if_exists = cursor.take("IF", "EXISTS")
    found = []
    cursor.expect("PARTITION")
    while True:
        cursor.expect_punctuation("(")
        conditions = [_condition(cursor)]
        while cursor.take_punctuation(","):
            conditions.append(_condition(cursor))
        cursor.expect_punctuation(")")
        found.append(tuple(conditions))
        if not cursor.take_punctuation(","):
            return DropPartitions(name, if_exists, tuple(found))
        cursor.expect("PARTITION")


def _condition(cursor: Cursor) -> tuple[str, str, str | None]:
    key = cursor.identifier()
    operator = ""
    while cursor.current is not None and cursor.current.text in ("=", "<", ">", "!"):
        operator += cursor.current.text
        cursor.index += 1
    if operator not in ("=", "<", ">", "<=", ">=", "<>", "!="):
        raise cursor.mismatch("'='")
    return key, operator, _partition_value(cursor)


def _partition(cursor: Cursor) -> Values:
    """(key = value, …)"""
    cursor.expect_punctuation("(")
    found: Values = {}
    while not cursor.take_punctuation(")"):
        key = cursor.identifier()
        cursor.expect_punctuation("=")
        found[key] = _partition_value(cursor)
        if not cursor.peek_punctuation(")"):
            cursor.expect_punctuation(",")
    return found


def _partition_value(cursor: Cursor) -> str | None:
    token = cursor.current
    if token is None or token.kind == "punctuation":
        raise cursor.mismatch("<string>, <integer>")
    cursor.index += 1
    return token.value


def _repair(cursor: Cursor) -> Statement:
    return RepairTable(cursor.table_name())


# ---- SHOW and DESCRIBE ---------------------------------------------------------------------------------------------


def _show_databases(cursor: Cursor) -> Statement:
    cursor.take("LIKE")
    return Show("databases", pattern=cursor.string() if cursor.current else None)


def _show_tables(cursor: Cursor) -> Statement:
    return _show_relations(cursor, "tables")


def _show_views(cursor: Cursor) -> Statement:
    return _show_relations(cursor, "views")


def _show_relations(cursor: Cursor, what: str) -> Statement:
    database = cursor.identifier() if cursor.take("IN") or cursor.take("FROM") else None
    cursor.take("LIKE")
    return Show(what, database=database, pattern=cursor.string() if cursor.current else None)


def _show_partitions(cursor: Cursor) -> Statement:
    return Show("partitions", cursor.table_name())


def _show_columns(cursor: Cursor) -> Statement:
    if not cursor.take("IN"):
        cursor.expect("FROM")
    database, table = cursor.table_name()
    if cursor.take("IN") or cursor.take("FROM"):
        database = cursor.identifier()
    return Show("columns", (database, table))


def _show_create_table(cursor: Cursor) -> Statement:
    return Show("create table", cursor.table_name())


def _show_create_view(cursor: Cursor) -> Statement:
    return Show("create view", cursor.table_name())


def _show_properties(cursor: Cursor) -> Statement:
    name = cursor.table_name()
    pattern = None
    if cursor.take_punctuation("("):
        pattern = cursor.string()
        cursor.expect_punctuation(")")
    return Show("tblproperties", name, pattern=pattern)


def _describe(cursor: Cursor) -> Statement:
    extended = cursor.take("EXTENDED") or cursor.take("FORMATTED")
    return Describe(cursor.table_name(), extended)


_STATEMENTS: list[tuple[tuple[str, ...], Callable[[Cursor], Statement]]] = [
    (("CREATE", "DATABASE"), _create_database),
    (("CREATE", "SCHEMA"), _create_database),
    (("DROP", "DATABASE"), _drop_database),
    (("DROP", "SCHEMA"), _drop_database),
    (("CREATE", "EXTERNAL", "TABLE"), _create_table),
    (("DROP", "TABLE"), _drop_table),
    (("DROP", "VIEW"), _drop_view),
    (("ALTER", "TABLE"), _alter_table),
    (("MSCK", "REPAIR", "TABLE"), _repair),
    (("SHOW", "DATABASES"), _show_databases),
    (("SHOW", "SCHEMAS"), _show_databases),
    (("SHOW", "TABLES"), _show_tables),
    (("SHOW", "VIEWS"), _show_views),
    (("SHOW", "PARTITIONS"), _show_partitions),
    (("SHOW", "COLUMNS"), _show_columns),
    (("SHOW", "CREATE", "TABLE"), _show_create_table),
    (("SHOW", "CREATE", "VIEW"), _show_create_view),
    (("SHOW", "TBLPROPERTIES"), _show_properties),
    (("DESCRIBE",), _describe),
    (("DESC",), _describe),
]
