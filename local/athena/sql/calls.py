"""One call of a function, as the builders of functions see it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql.coercion import Typed
from local.athena.types import Type

if TYPE_CHECKING:
    from local.athena.sql.expressions import Expressions

Place = tuple[int, int] | None
_MARK = re.compile(r"<(\w+)(?:\|([^<>]*))?>|\{(\d+)\}|\{\*\}|\{zone\}")


@dataclass
class Call:
    """A function's name and arguments with all that may follow them.

    suffix: FILTER and OVER in DuckDB's words, which belong behind every aggregate of the built expression.
    """

    name: str
    nodes: Sequence[exp.Expr]
    compiler: Expressions
    where: Place
    distinct: bool = False
    order: Sequence[exp.Ordered] = ()
    suffix: str = ""
    nulls: str = ""
    arguments: list[Typed | None] = field(default_factory=list)

    def compile(self) -> None:
        """Compiles the arguments once; a lambda stays None until its types are known."""
        self.arguments = [None if isinstance(node, exp.Lambda) else self.compiler.compile(node) for node in self.nodes]

    @property
    def values(self) -> list[Typed]:
        """The arguments of a function that takes no lambdas."""
        found = [argument for argument in self.arguments if argument is not None]
        if len(found) != len(self.arguments):
            raise self.unexpected("a lambda")
        return found

    def expect(self, *counts: int) -> list[Typed]:
        """The arguments, of which there must be one of these numbers."""
        if len(self.arguments) not in counts:
            raise self.unexpected(f"{len(self.arguments)} arguments")
        return self.values

    def unexpected(self, what: str) -> QueryError:
        types = ", ".join("<function>" if argument is None else str(argument.type) for argument in self.arguments)
        return QueryError(
            "FUNCTION_NOT_FOUND", f"Unexpected parameters ({types}) for function {self.name}: {what}", self.where
        )

    def word(self, number: int) -> str:
        """The value of an argument that must be a literal text, such as a unit or a format."""
        value = self.arguments[number]
        if value is None or not isinstance(value.literal, str):
            raise QueryError(
                "NOT_SUPPORTED",
                f"Argument {number + 1} of {self.name} must be a literal on this machine: it decides how the query is "
                "translated",
                self.where,
            )
        return value.literal

    def lambda_(self, number: int, parameters: Sequence[Type]) -> tuple[str, Typed]:
        """A lambda compiled for parameters of these types: DuckDB's lambda, and its body."""
        node = self.nodes[number]
        if not isinstance(node, exp.Lambda) or len(node.expressions) != len(parameters):
            raise self.unexpected(f"argument {number + 1} must be a lambda of {len(parameters)} parameters")
        names, body = self.compiler.lambda_body(node, parameters)
        return f"lambda {', '.join(names)}: {body.sql}", body

    def aggregate(self, function: str, arguments: str, ordered: bool = False) -> str:
        """One aggregate in DuckDB's words, with this call's DISTINCT, ORDER BY, FILTER and OVER."""
        distinct = "DISTINCT " if self.distinct and arguments else ""
        order = self.compiler.order_by(self.order) if ordered and self.order else ""
        return f"{function}({distinct}{arguments}{self.nulls}{order}){self.suffix}"

    def fill(self, template: str, arguments: Sequence[Typed]) -> str:
        """The template filled in.

        {0}, {1}, … are the arguments, {*} all of them, {zone} the first one's zone; <sum|{0}> is an aggregate, which
        takes this call's DISTINCT, ORDER BY, FILTER and OVER along.
        """
        shown = [argument.sql for argument in arguments]

        def replaced(found: re.Match[str]) -> str:
            if found.group(1):
                inner = _MARK.sub(replaced, found.group(2) or "")
                return self.aggregate(found.group(1), inner, ordered=True)
            if found.group(3):
                return shown[int(found.group(3))]
            return ", ".join(shown) if found.group() == "{*}" else arguments[0].zone

        return _MARK.sub(replaced, template)
