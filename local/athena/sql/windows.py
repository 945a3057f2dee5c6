"""OVER: partitions, order and frame of a window function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from local.athena.errors import QueryError

if TYPE_CHECKING:
    from local.athena.sql.expressions import Expressions


def over(compiler: Expressions, window: exp.Window) -> str:
    """The OVER clause in DuckDB's words; a window named in WINDOW is written out."""
    partition, order, spec = window.args.get("partition_by") or [], window.args.get("order"), window.args.get("spec")
    name = window.args.get("alias")
    if name is not None:
        named = (compiler.windows or {}).get(name.name.lower())
        if named is None:
            raise QueryError(
                "INVALID_WINDOW_REFERENCE", f"Cannot resolve WINDOW name {name.name}", compiler.place(name)
            )
        partition = partition or named.args.get("partition_by") or []
        order = order or named.args.get("order")
        spec = spec or named.args.get("spec")
    parts = []
    if partition:
        parts.append("PARTITION BY " + ", ".join(compiler.compile(one).sql for one in partition))
    if order is not None:
        parts.append(compiler.order_by(order.expressions).strip())
    if spec is not None:
        parts.append(_frame(compiler, spec))
    return f" OVER ({' '.join(parts)})"


def _frame(compiler: Expressions, spec: exp.WindowSpec) -> str:
    def edge(which: str) -> str:
        value, side = spec.args.get(which), spec.args.get(f"{which}_side")
        if isinstance(value, exp.Expr):
            return f"{compiler.compile(value).sql} {str(side).upper()}"
        return f"{value} {side or ''}".strip().upper()

    kind = str(spec.args.get("kind") or "RANGE").upper()
    start = edge("start")
    return f"{kind} BETWEEN {start} AND {edge('end') if spec.args.get('end') else 'CURRENT ROW'}"
