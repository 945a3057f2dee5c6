"""Which statement a text is, and the parts that its execution needs; queries inside keep their place in the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.athena.errors import QueryError
from local.athena.hive import grammar
from local.athena.hive import statements as hive_statements
from local.athena.lexer import Cursor, position

Name = tuple[str | None, str]


@dataclass(frozen=True)
class Statement:
    """A statement that reads rows. sql: the query, standing where it stood in the text, so that positions hold."""

    sql: str


@dataclass(frozen=True)
class Select(Statement):
    pass


@dataclass(frozen=True)
class Explain(Statement):
    analyze: bool


@dataclass(frozen=True)
class CreateTableAs(Statement):
    name: Name
    if_not_exists: bool
    properties: dict[str, Any]
    with_data: bool


@dataclass(frozen=True)
class CreateView(Statement):
    name: Name
    replace: bool


@dataclass(frozen=True)
class Insert(Statement):
    name: Name
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Unload(Statement):
    location: str
    properties: dict[str, Any]


@dataclass(frozen=True)
class Prepare:
    name: str
    statement: str


@dataclass(frozen=True)
class Execute:
    name: str
    parameters: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Deallocate:
    name: str


AnyStatement = Statement | Prepare | Execute | Deallocate | hive_statements.Statement


def parse(sql: str) -> AnyStatement:
    """The statement of this text. Raises QueryError (SYNTAX_ERROR with the position), also for more than one
    statement."""
    cursor = Cursor(_single(sql))
    sql = cursor.sql
    for words, parser in _STATEMENTS:
        if cursor.peek(*words):
            return parser(cursor)
    if cursor.peek_punctuation("("):
        return Select(sql)
    statement = grammar.parse(cursor)
    if statement is None:
        raise cursor.mismatch(
            "'ALTER', 'CREATE', 'DEALLOCATE', 'DESCRIBE', 'DROP', 'EXECUTE', 'EXPLAIN', 'INSERT', 'MSCK', 'PREPARE', "
            "'SHOW', 'UNLOAD', <query>"
        )
    return statement


def kind(statement: AnyStatement) -> tuple[str, str]:
    """StatementType and SubstatementType of GetQueryExecution."""
    if isinstance(statement, hive_statements.Statement):
        return statement.kind, statement.substatement
    return {
        Select: ("DML", "SELECT"),
        Explain: ("UTILITY", "EXPLAIN"),
        CreateTableAs: ("DDL", "CREATE_TABLE_AS_SELECT"),
        CreateView: ("DDL", "CREATE_VIEW"),
        Insert: ("DML", "INSERT"),
        Unload: ("DML", "UNLOAD"),
        Prepare: ("UTILITY", "PREPARE"),
        Execute: ("DML", "SELECT"),
        Deallocate: ("UTILITY", "DEALLOCATE"),
    }[type(statement)]


def _single(sql: str) -> str:
    """The text without a last semicolon."""
    cursor = Cursor(sql)
    ends = [token for token in cursor.tokens if token.text == ";"]
    if not cursor.tokens or (ends and ends[0] is cursor.tokens[0]):
        raise QueryError("SYNTAX_ERROR", "The query is empty", (1, 1))
    if ends and ends[0] is not cursor.tokens[-1]:
        raise QueryError(
            "SYNTAX_ERROR",
            "Only one sql statement is allowed. Got more after the semicolon",
            position(sql, ends[0].start),
        )
    return sql[: ends[0].start] if ends else sql


def _rest(cursor: Cursor) -> str:
    """What follows the cursor, with everything before blanked out: lines and columns stay those of the whole text."""
    before = "".join(character if character == "\n" else " " for character in cursor.sql[: cursor.offset])
    return before + cursor.sql[cursor.offset :]


def _select(cursor: Cursor) -> Select:
    return Select(cursor.sql)


def _explain(cursor: Cursor) -> Explain:
    cursor.expect("EXPLAIN")
    analyze = cursor.take("ANALYZE")
    cursor.take("VERBOSE")
    if cursor.peek_punctuation("(") and not _opens_query(cursor):
        cursor.group()
    return Explain(_rest(cursor), analyze)


def _opens_query(cursor: Cursor) -> bool:
    following = cursor.tokens[cursor.index + 1 : cursor.index + 2]
    return bool(following) and following[0].text.upper() in ("SELECT", "WITH", "VALUES", "(", "TABLE")


def _create_table_as(cursor: Cursor) -> AnyStatement:
    cursor.expect("CREATE", "TABLE")
    if_not_exists = cursor.take("IF", "NOT", "EXISTS")
    name = cursor.table_name()
    properties = _properties(cursor) if cursor.take("WITH") else {}
    if not cursor.take("AS"):
        if not properties and (cursor.current is None or cursor.peek_punctuation("(")):
            raise QueryError(
                "SYNTAX_ERROR",
                "CREATE TABLE needs EXTERNAL and a LOCATION, or AS and a query; there are no managed tables",
                position(cursor.sql, cursor.offset),
            )
        raise cursor.mismatch("'AS'")
    sql, with_data = _without_data_clause(cursor)
    return CreateTableAs(sql, name, if_not_exists, properties, with_data)


def _without_data_clause(cursor: Cursor) -> tuple[str, bool]:
    sql = _rest(cursor)
    last = [token.text.upper() for token in cursor.tokens[-3:]]
    if last[1:] == ["WITH", "DATA"]:
        return sql[: cursor.tokens[-2].start], True
    if last == ["WITH", "NO", "DATA"]:
        return sql[: cursor.tokens[-3].start], False
    return sql, True


def _create_view(cursor: Cursor) -> CreateView:
    cursor.expect("CREATE")
    replace = cursor.take("OR", "REPLACE")
    cursor.expect("VIEW")
    name = cursor.table_name()
    cursor.expect("AS")
    return CreateView(_rest(cursor), name, replace)


def _insert(cursor: Cursor) -> Insert:
    cursor.expect("INSERT", "INTO")
    name = cursor.table_name()
    columns: tuple[str, ...] = ()
    if cursor.peek_punctuation("(") and not _opens_query(cursor):
        cursor.expect_punctuation("(")
        columns = (cursor.identifier(),)
        while cursor.take_punctuation(","):
            columns += (cursor.identifier(),)
        cursor.expect_punctuation(")")
    return Insert(_rest(cursor), name, columns)


def _unload(cursor: Cursor) -> Unload:
    cursor.expect("UNLOAD")
    start = cursor.offset + 1
    inner = cursor.group()
    before = "".join(character if character == "\n" else " " for character in cursor.sql[:start])
    cursor.expect("TO")
    location = cursor.string()
    properties = _properties(cursor) if cursor.take("WITH") else {}
    cursor.end()
    return Unload(before + inner, location, properties)


def _properties(cursor: Cursor) -> dict[str, Any]:
    """(name = 'text' | number | ARRAY['a', …], …), names in lower case."""
    found: dict[str, Any] = {}
    cursor.expect_punctuation("(")
    while not cursor.take_punctuation(")"):
        name = cursor.identifier()
        cursor.expect_punctuation("=")
        found[name] = _property_value(cursor)
        if not cursor.peek_punctuation(")"):
            cursor.expect_punctuation(",")
    return found


def _property_value(cursor: Cursor) -> Any:
    token = cursor.current
    if token is not None and token.kind == "string":
        return cursor.string()
    if token is not None and token.kind == "number":
        cursor.index += 1
        return int(token.text)
    if cursor.take("TRUE"):
        return True
    if cursor.take("FALSE"):
        return False
    cursor.expect("ARRAY")
    cursor.expect_punctuation("[")
    values = []
    while not cursor.take_punctuation("]"):
        values.append(cursor.string())
        if not cursor.peek_punctuation("]"):
            cursor.expect_punctuation(",")
    return values


def _prepare(cursor: Cursor) -> Prepare:
    cursor.expect("PREPARE")
    name = cursor.identifier()
    cursor.expect("FROM")
    return Prepare(name, cursor.sql[cursor.offset :])


def _execute(cursor: Cursor) -> Execute:
    cursor.expect("EXECUTE")
    name = cursor.identifier()
    parameters: list[str] = []
    if cursor.take("USING"):
        start, depth = cursor.offset, 0
        for token in cursor.tokens[cursor.index :]:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0)
            if token.text == "," and depth == 0:
                parameters.append(cursor.sql[start : token.start].strip())
                start = token.end
        parameters.append(cursor.sql[start:].strip())
        cursor.index = len(cursor.tokens)
    cursor.end()
    return Execute(name, parameters)


def _deallocate(cursor: Cursor) -> Deallocate:
    cursor.expect("DEALLOCATE", "PREPARE")
    name = cursor.identifier()
    cursor.end()
    return Deallocate(name)


_STATEMENTS: list[tuple[tuple[str, ...], Any]] = [
    (("SELECT",), _select),
    (("WITH",), _select),
    (("VALUES",), _select),
    (("TABLE",), _select),
    (("EXPLAIN",), _explain),
    (("CREATE", "TABLE"), _create_table_as),
    (("CREATE", "VIEW"), _create_view),
    (("CREATE", "OR", "REPLACE", "VIEW"), _create_view),
    (("INSERT",), _insert),
    (("UNLOAD",), _unload),
    (("PREPARE",), _prepare),
    (("EXECUTE",), _execute),
    (("DEALLOCATE",), _deallocate),
]
