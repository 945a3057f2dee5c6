"""What a name stands for: a column, a field of a row, a parameter of a lambda."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql import operators
from local.athena.sql.coercion import Typed

if TYPE_CHECKING:
    from local.athena.sql.expressions import Expressions


def column(compiler: Expressions, node: exp.Column) -> Typed:
    parts = [part.name.lower() for part in node.parts]
    where = compiler.place(node)
    if len(parts) == 1 and parts[0] in compiler.aliases:
        named = {value.sql: value for value in compiler.aliases[parts[0]]}
        if len(named) > 1:
            raise QueryError("AMBIGUOUS_NAME", f"Column '{parts[0]}' is ambiguous", where)
        return next(iter(named.values()))
    found = compiler.scope.find(parts, where)
    if found is None:
        raise QueryError(
            "COLUMN_NOT_FOUND", f"Column '{'.'.join(part.name for part in node.parts)}' cannot be resolved", where
        )
    field, length, scope = found
    if field.sql not in scope.grouped:
        scope.loose.add(field.sql)
    value = field.typed
    for name in parts[length:]:
        value = _member(value, name, where)
    return value


def _member(value: Typed, name: str, where: tuple[int, int] | None) -> Typed:
    if value.type.name != "row":
        raise operators.mismatch(f"Expression {name} is not of type ROW", where)
    names = [field.lower() for field in value.type.fields]
    if name not in names:
        raise QueryError("COLUMN_NOT_FOUND", f"Field '{name}' cannot be resolved in {value.type}", where)
    number = names.index(name)
    return Typed(f"struct_extract_at({value.sql}, {number + 1})", value.type.children[number])


def dot(compiler: Expressions, node: exp.Dot) -> Typed:
    return _member(compiler.compile(node.this), node.expression.name.lower(), compiler.place(node))


def variable(compiler: Expressions, node: exp.Identifier) -> Typed:
    if node.name.lower() not in compiler.variables:
        raise QueryError("COLUMN_NOT_FOUND", f"Column '{node.name}' cannot be resolved", compiler.place(node))
    return compiler.variables[node.name.lower()]
