"""ORDER BY's positions, LIMIT, OFFSET and FETCH."""

from __future__ import annotations

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql.parser import place


def ordinal(text: str, node: exp.Expr, count: int) -> int | None:
    if not isinstance(node, exp.Literal) or node.is_string or not node.this.isdigit():
        return None
    number = int(node.this)
    if not 1 <= number <= count:
        raise QueryError(
            "INVALID_COLUMN_REFERENCE", f"ORDER BY position {number} is not in select list", place(text, node)
        )
    return number


def limit(text: str, node: exp.Expr) -> str:
    written = ""
    given, offset = node.args.get("limit"), node.args.get("offset")
    if isinstance(given, exp.Fetch):
        options = given.args.get("limit_options")
        if options is not None and options.args.get("with_ties"):
            raise QueryError(
                "NOT_SUPPORTED", "FETCH FIRST … WITH TIES is not supported on this machine", place(text, node)
            )
        count = given.args.get("count")
        written += f" LIMIT {_count(text, count) if count is not None else 1}"
    elif given is not None and not (isinstance(given.expression, exp.Var) and given.expression.name.upper() == "ALL"):
        written += f" LIMIT {_count(text, given.expression)}"
    return written + (f" OFFSET {_count(text, offset.expression)}" if offset is not None else "")


def _count(text: str, node: exp.Expr) -> int:
    if not isinstance(node, exp.Literal) or not node.this.isdigit():
        raise QueryError("SYNTAX_ERROR", "mismatched input. Expecting: 'ALL', <integer>", place(text, node))
    return int(node.this)
