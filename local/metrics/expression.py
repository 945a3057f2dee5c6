"""Metric math as text, and the tree that it stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<text>\"[^\"]*\"|'[^']*')|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>()\[\],]))"
)
_LOGIC = {"AND": "AND", "&&": "AND", "OR": "OR", "||": "OR"}
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")


class ExpressionError(ValueError):
    """A sentence that names what is not understood."""


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Text:
    value: str


@dataclass(frozen=True)
class Name:
    """The Id of a metric or of another expression, or a word such as REPEAT."""

    value: str


@dataclass(frozen=True)
class Array:
    members: tuple[Node, ...]


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Operation:
    """sign: one of + - * / ^, a comparison, AND or OR; a minus before a term is 0 - it."""

    sign: str
    left: Node
    right: Node


type Node = Number | Text | Name | Array | Call | Operation


@lru_cache(maxsize=1000)
def parse(text: str) -> Node:
    """Raises ExpressionError."""
    parser = _Parser(text)
    tree = parser.logic("OR")
    parser.expect("")
    return tree


def names(node: Node) -> Iterator[str]:
    """Those of metrics and expressions in it; words in capitals are not among them."""
    if isinstance(node, Name) and not node.value.isupper():
        yield node.value
    for child in _children(node):
        yield from names(child)


def _children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Operation):
        return node.left, node.right
    if isinstance(node, Array):
        return node.members
    return node.arguments if isinstance(node, Call) else ()


class _Parser:
    """Descends from what binds least (OR) to what binds most (a call)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def expect(self, token: str) -> None:
        if self._peek() != token:
            found = self._peek() or "its end"
            wanted = token or "its end"
            raise ExpressionError(f"The expression {self._text!r} has {found} where {wanted} was expected.")
        self._at += 1

    def logic(self, word: str) -> Node:
        inner: Callable[[], Node] = (lambda: self.logic("AND")) if word == "OR" else self._comparison
        left = inner()
        while _LOGIC.get(self._peek()) == word:
            self._next()
            left = Operation(word, left, inner())
        return left

    def _comparison(self) -> Node:
        left = self._sum()
        while self._peek() in _COMPARISONS:
            left = Operation(self._next(), left, self._sum())
        return left

    def _sum(self) -> Node:
        left = self._product()
        while self._peek() in ("+", "-"):
            left = Operation(self._next(), left, self._product())
        return left

    def _product(self) -> Node:
        left = self._signed()
        while self._peek() in ("*", "/"):
            left = Operation(self._next(), left, self._signed())
        return left

    def _signed(self) -> Node:
        if self._peek() == "-":
            self._next()
            return Operation("-", Number(0), self._signed())
        base = self._atom()
        if self._peek() == "^":
            self._next()
            return Operation("^", base, self._signed())
        return base

    def _atom(self) -> Node:
        token = self._next()
        if token == "(":
            inner = self.logic("OR")
            self.expect(")")
            return inner
        if token == "[":
            return Array(self._list("]"))
        if token[:1] in "\"'" and token:
            return Text(token[1:-1])
        if token[:1].isdigit() or (token[:1] == "." and len(token) > 1):
            return Number(float(token))
        if token[:1].isalpha() or token[:1] == "_":
            if self._peek() == "(":
                self._next()
                return Call(token, self._list(")"))
            return Name(token)
        raise ExpressionError(f"The expression {self._text!r} has {token or 'its end'} where a value was expected.")

    def _list(self, end: str) -> tuple[Node, ...]:
        members: list[Node] = []
        while self._peek() != end:
            members.append(self.logic("OR"))
            if self._peek() != end:
                self.expect(",")
        self._next()
        return tuple(members)

    def _peek(self) -> str:
        return self._tokens[self._at]

    def _next(self) -> str:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(f"The expression {text!r} cannot be read from {text[at:].strip()[:20]!r} on.")
        yield match.group(match.lastgroup or 0)
        at = match.end()
    yield ""
