"""How functions are declared: Trino's own signature and the DuckDB expression that gives its value.

    "substr(varchar, bigint) -> varchar": "athena_substr({0}, {1})"

A capital letter (T, K, V, …) stands for any type; the same letter for the same type, to which arguments are converted.
`T...` takes one or more; `lambda(T, U)` takes an expression over T that gives U; `T:varchar` is any kind of text, which
keeps its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.athena.errors import QueryError
from local.athena.sql.coercion import Typed, coerce, coercible, common
from local.athena.types import UNKNOWN, VARCHAR, Type
from local.athena.types import parse as parse_type

if TYPE_CHECKING:
    from local.athena.sql.calls import Call

Builder = Callable[["Call"], Typed]
_LETTER = re.compile(r"[A-Z][0-9]?")


@dataclass(frozen=True)
class Signature:
    """One declared form of a function. lambdas: which parameters are lambdas, with their parameters' and result's
    types."""

    name: str
    parameters: tuple[str, ...]
    result: str
    template: str
    variadic: bool = False

    @property
    def shown(self) -> str:
        shown = [
            parameter.partition(":")[2] or parameter.replace("lambda(", "function(") for parameter in self.parameters
        ]
        return f"{self.name}({', '.join(shown)}{'...' if self.variadic else ''})"


@dataclass
class Binding:
    """What the letters of a signature stand for in one call."""

    types: dict[str, Type] = field(default_factory=dict)

    def resolve(self, declared: str) -> Type:
        """A declared type with its letters replaced."""
        declared = declared.partition(":")[0]
        if _LETTER.fullmatch(declared):
            return self.types.get(declared, UNKNOWN)
        name, inner = _split(declared)
        if inner:
            children = tuple(map(self.resolve, inner))
            return Type(name, (), children, ("",) * len(children) if name == "row" else ())
        return parse_type(declared)

    def accept(self, declared: str, given: Type) -> bool:
        """Whether an argument fits, widening what its letters stand for."""
        if _LETTER.fullmatch(declared):
            known = self.types.get(declared)
            found = given if known is None else common(known, given)
            if found is None:
                return False
            self.types[declared] = found
            return True
        letter, colon, kind = declared.partition(":")
        if colon:
            return coercible(given, parse_type(kind)) and given != UNKNOWN and self.accept(letter, given)
        name, inner = _split(declared)
        if inner:
            if given == UNKNOWN:
                return True
            return given.name == name and all(map(self.accept, inner, given.children))
        return coercible(given, parse_type(declared))


def _split(declared: str) -> tuple[str, list[str]]:
    """`map(K, array(V))` as `map` and [`K`, `array(V)`]; a type with plain numbers inside has no parts."""
    found = re.fullmatch(r"(array|map|row|lambda)\((.*)\)", declared)
    return (found.group(1), split_list(found.group(2))) if found else (declared, [])


def split_list(text: str) -> list[str]:
    """The parts between commas that stand in no parentheses."""
    parts, depth, current = [], 0, ""
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    return [*parts, current.strip()] if current.strip() else parts


def declare(table: dict[str, str]) -> dict[str, list[Signature]]:
    """Signatures by function name, in the order in which they are tried."""
    found: dict[str, list[Signature]] = {}
    for declaration, template in table.items():
        matched = re.fullmatch(r"(\w+)\((.*)\) -> (.+)", declaration)
        assert matched, declaration
        name, inside, result = matched.groups()
        parameters = split_list(inside)
        variadic = bool(parameters) and parameters[-1].endswith("...")
        parameters = [parameter.removesuffix("...") for parameter in parameters]
        found.setdefault(name, []).append(Signature(name, tuple(parameters), result, template, variadic))
    return found


def bind(signature: Signature, given: Sequence[Typed | None]) -> Binding | None:
    """What the letters stand for, or None where the call does not fit; None among the arguments is a lambda."""
    parameters = list(signature.parameters)
    if signature.variadic and len(given) >= len(parameters):
        parameters += [parameters[-1]] * (len(given) - len(parameters))
    if len(parameters) != len(given):
        return None
    binding = Binding()
    for declared, argument in zip(parameters, given, strict=True):
        if (argument is None) != declared.startswith("lambda("):
            return None
        if argument is not None and not binding.accept(declared, argument.type):
            return None
    return binding


def lambda_types(declared: str) -> tuple[list[str], str]:
    """`lambda(T, U)` as its parameters' types and its result's."""
    *parameters, result = _split(declared)[1]
    return parameters, result


def converted(signature: Signature, binding: Binding, given: Sequence[Typed]) -> list[Typed]:
    """The arguments as the signature's types."""
    parameters = list(signature.parameters)
    parameters += [parameters[-1]] * (len(given) - len(parameters)) if parameters else []
    result = []
    for declared, argument in zip(parameters, given, strict=True):
        wanted = binding.resolve(declared)
        if wanted == VARCHAR and argument.type.is_text:
            result.append(argument)
        else:
            result.append(coerce(argument, wanted) if wanted != UNKNOWN else argument)
    return result


def unexpected(
    name: str, given: Sequence[Typed | None], known: Sequence[Signature], where: tuple[int, int] | None
) -> QueryError:
    """Trino's error for a function that exists, but not for these arguments."""
    types = ", ".join("<function>" if argument is None else str(argument.type) for argument in given)
    expected = ", ".join(signature.shown for signature in known)
    return QueryError(
        "FUNCTION_NOT_FOUND", f"Unexpected parameters ({types}) for function {name}. Expected: {expected}", where
    )
