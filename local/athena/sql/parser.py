"""Text to syntax tree: sqlglot's Trino parser, with function names kept as written and its leniency taken away."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.trino import TrinoParser

from local.athena.errors import QueryError
from local.athena.lexer import Token, position, tokenize

_OWN_SYNTAX = ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", "LISTAGG")


def _decimal_literal(parser: TrinoParser, this: exp.Expr, kind: exp.DataType) -> exp.Expr:
    """decimal '1.50' is decimal(3,2), where CAST('1.50' AS decimal) is decimal(38,0)."""
    whole, _, fraction = this.name.lstrip("+-").partition(".")
    precision = max(1, len(whole.lstrip("0")) + len(fraction))
    return exp.Cast(this=this, to=exp.DataType.build(f"decimal({precision},{len(fraction)})", dialect="trino"))


class _Parser(TrinoParser):
    # Each function keeps its own name, so that one table of ours decides which exist and what they do.
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    TYPE_LITERAL_PARSERS = {**TrinoParser.TYPE_LITERAL_PARSERS, exp.DType.DECIMAL: _decimal_literal}  # noqa: RUF012
    FUNCTION_PARSERS = {name: TrinoParser.FUNCTION_PARSERS[name] for name in _OWN_SYNTAX}  # noqa: RUF012


class AthenaDialect(Trino):
    """Trino's syntax without sqlglot's own ideas of functions and subscripts."""

    INDEX_OFFSET = 0
    Parser = _Parser


_RESERVED_WORDS = """
    alter and as between by case cast constraint create cross cube current_catalog current_date
    current_path current_role current_schema current_time current_timestamp current_user deallocate
    delete describe distinct drop else end escape except execute exists extract false for from full
    group grouping having in inner insert intersect into is join json_array json_exists json_object
    json_query json_table json_value left like listagg localtime localtimestamp natural normalize not
    null on or order outer prepare recursive right rollup select skip table then trim true uescape union
    unnest using values when where with
"""
_RESERVED = set(_RESERVED_WORDS.split())
# What sqlglot takes from other dialects and Trino does not know.
_FOREIGN = {
    TokenType.DCOLON: "::",
    TokenType.QUALIFY: "QUALIFY",
    TokenType.ILIKE: "ILIKE",
    TokenType.RLIKE: "RLIKE",
    TokenType.DIV: "DIV",
    TokenType.DQMARK: "??",
    TokenType.DAMP: "&&",
}


def parse_query(sql: str) -> exp.Expr:
    """The syntax tree of one query. Raises QueryError (SYNTAX_ERROR) with the position."""
    _refuse_foreign_signs(sql)
    dialect = AthenaDialect()
    try:
        tokens = dialect.tokenize(sql)
        for token in tokens:
            if token.token_type in _FOREIGN:
                raise _mismatch(sql, token.start)
        trees = dialect.parser(error_level=sqlglot.ErrorLevel.IMMEDIATE).parse(tokens, sql)
    except TokenError as error:
        raise QueryError("SYNTAX_ERROR", str(error).splitlines()[0], (1, 1)) from error
    except ParseError as error:
        found = error.errors[0]
        offset = _offset(sql, found["line"], found["col"], found["highlight"])
        last = tokenize(sql)[-1]
        # Where the text ends too early, sqlglot points at its last word and Trino behind it.
        raise _mismatch(sql, last.end if offset >= last.start and last.text != ")" else offset) from error
    tree = trees[0]
    if not isinstance(tree, (exp.Query, exp.Values)):
        raise _mismatch(sql, tokenize(sql)[0].start)
    _refuse_reserved_names(sql, tree)
    return tree


def _offset(sql: str, line: int, column: int, highlight: str) -> int:
    """sqlglot counts a column to the token's end; Trino to its start."""
    start = sum(len(text) + 1 for text in sql.split("\n")[: line - 1])
    return max(0, start + column - len(highlight))


def _mismatch(sql: str, offset: int) -> QueryError:
    token = next((token for token in tokenize(sql) if token.start >= offset), None)
    text, start = (token.text, token.start) if token else ("<EOF>", len(sql.rstrip()))
    return QueryError("SYNTAX_ERROR", f"mismatched input '{text}'", position(sql, start))


def _refuse_foreign_signs(sql: str) -> None:
    tokens = tokenize(sql)
    closing = {"(": ")", "[": "]"}
    opened: list[Token] = []
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.kind == "quoted" and token.text[0] == "`":
            raise QueryError(
                "SYNTAX_ERROR",
                "backquoted identifiers are not supported; use double quotes to quote identifiers",
                position(sql, token.start),
            )
        after = following.text.lower() if following else "<eof>"
        if token.text == "," and (
            after in (")", "]", ",", "<eof>") or (after == "from" and following and following.kind == "word")
        ):
            raise _mismatch(sql, following.start if following else len(sql))
        if token.kind == "word" and token.text.lower() == "select" and after in ("from", "where", ")", "<eof>", ","):
            raise _mismatch(sql, following.start if following else len(sql))
        if token.kind == "punctuation" and token.text in closing:
            opened.append(token)
        elif token.kind == "punctuation" and token.text in (")", "]"):
            if not opened or closing[opened.pop().text] != token.text:
                raise _mismatch(sql, token.start)
        elif token.kind == "punctuation" and token.text in ("'", '"', "{", "}", "$", "#", "&", "\\", "~", "^"):
            raise _mismatch(sql, token.start)
    if opened:
        raise _mismatch(sql, len(sql))


def _refuse_reserved_names(sql: str, tree: exp.Expr) -> None:
    for name in tree.find_all(exp.Identifier):
        if not name.args.get("quoted") and name.meta.get("start") is not None:
            written = sql[name.meta["start"] : name.meta["end"] + 1]
            if written.lower() in _RESERVED:
                raise _mismatch(sql, name.meta["start"])
            if re.match(r"\d", written):
                raise QueryError(
                    "SYNTAX_ERROR",
                    "identifiers must not start with a digit; surround the identifier with double quotes",
                    position(sql, name.meta["start"]),
                )


def start_of(node: exp.Expr) -> int | None:
    """Where a node begins in its text, as far as its names and literals tell."""
    starts = [found.meta["start"] for found in node.walk() if found.meta.get("start") is not None]
    return min(starts, default=None)


def place(sql: str, node: exp.Expr) -> tuple[int, int] | None:
    """Line and column of a node."""
    start = start_of(node)
    return None if start is None else position(sql, start)


def set_operator_place(sql: str, node: exp.SetOperation) -> tuple[int, int] | None:
    """Line and column of UNION, INTERSECT or EXCEPT."""
    start = start_of(node.expression)
    before = [
        token
        for token in tokenize(sql)
        if token.end <= (start or 0) and token.text.upper() in ("UNION", "INTERSECT", "EXCEPT")
    ]
    return position(sql, before[-1].start) if before else place(sql, node)


def operator_place(sql: str, node: exp.Binary) -> tuple[int, int] | None:
    """Line and column of a binary node's sign, where Trino points at when its types do not fit."""
    start = start_of(node.expression)
    if start is None:
        return place(sql, node)
    before = [token for token in tokenize(sql) if token.end <= start]
    while (
        before
        and before[-1].text in ("(", "-", "+")
        and len(before) > 1
        and before[-2].text in ("=", "<", ">", "(", "+", "-", "*", "/", "%")
    ):
        before.pop()
    while before and before[-1].text == "(":
        before.pop()
    if (
        len(before) > 1
        and before[-1].start == before[-2].end
        and before[-2].text + before[-1].text in ("<>", "!=", "<=", ">=", "||")
    ):
        before.pop()
    return position(sql, before[-1].start) if before else place(sql, node)
