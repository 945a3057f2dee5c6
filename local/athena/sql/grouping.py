"""GROUP BY: plain, by position, and by sets, ROLLUP and CUBE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql.expressions import Expressions
from local.athena.sql.parser import place
from local.athena.sql.scope import Scope

if TYPE_CHECKING:
    from local.athena.sql.queries import Queries
    from local.athena.sql.relations import Item


@dataclass(frozen=True)
class Groups:
    """The clause in DuckDB's words and the SQL of all that is grouped by; written: whether there is one."""

    sql: str = ""
    expressions: frozenset[str] = frozenset()
    written: bool = False


def groups(queries: Queries, node: exp.Select, scope: Scope, items: Sequence[Item]) -> Groups:
    clause = node.args.get("group")
    if clause is None:
        return Groups()
    compiler = Expressions(queries, scope, "GROUP BY clause")
    found: set[str] = set()

    def one(expression: exp.Expr) -> str:
        if isinstance(expression, exp.Literal) and not expression.is_string and expression.this.isdigit():
            sql = by_position(int(expression.this), expression)
        else:
            sql = compiler.compile(expression).sql
        found.add(sql)
        return sql

    def by_position(number: int, expression: exp.Expr) -> str:
        if not 1 <= number <= len(items):
            raise QueryError(
                "INVALID_COLUMN_REFERENCE",
                f"GROUP BY position {number} is not in select list",
                place(queries.text, expression),
            )
        item = items[number - 1]
        return item.value.sql if item.value is not None else compiler.compile(item.node).sql

    def several(expression: exp.Expr) -> str:
        """One grouping set: (a, b), (a), or a."""
        inner = expression.expressions if isinstance(expression, exp.Tuple) else [expression.unnest()]
        for part in inner:
            if not isinstance(part, (exp.Column, exp.Literal)):
                raise QueryError(
                    "INVALID_COLUMN_REFERENCE",
                    f"GROUP BY expression must be a column reference: {part.sql(dialect='trino').lower()}",
                    place(queries.text, part),
                )
        return f"({', '.join(map(one, inner))})"

    def element(expression: exp.Expr) -> str:
        if isinstance(expression, exp.GroupingSets):
            sets = [element(inner) if _is_set(inner) else several(inner) for inner in expression.expressions]
            return f"GROUPING SETS ({', '.join(sets)})"
        if isinstance(expression, (exp.Cube, exp.Rollup)):
            return f"{type(expression).__name__.upper()} ({', '.join(map(several, expression.expressions))})"
        if isinstance(expression, exp.Tuple):
            return ", ".join(map(one, expression.expressions)) or "GROUPING SETS (())"
        return one(expression)

    shown = [element(expression) for expression in clause.expressions]
    for name in ("grouping_sets", "cube", "rollup"):
        shown += [element(expression) for expression in clause.args.get(name) or []]
    return Groups(f" GROUP BY {', '.join(shown)}", frozenset(found), True)


def _is_set(expression: exp.Expr) -> bool:
    return isinstance(expression, (exp.GroupingSets, exp.Cube, exp.Rollup))
