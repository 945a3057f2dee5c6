"""The words of a statement, with their places, and a cursor to read them one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from local.athena.errors import QueryError

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
      |(?P<string>'(?:[^']|'')*')
      |(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
      |(?P<word>[A-Za-z_][A-Za-z0-9_$]*)
      |(?P<number>[0-9]+(?:\.[0-9]+)?)
      |(?P<punctuation>.)""",
    re.X | re.S,
)


@dataclass(frozen=True)
class Token:
    """kind: word, quoted (an identifier), string, number or punctuation; value: the text without its quotes."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def value(self) -> str:
        if self.kind in ("string", "quoted"):
            quote = self.text[0]
            return self.text[1:-1].replace(quote * 2, quote)
        return self.text


def tokenize(sql: str) -> list[Token]:
    return [
        Token(str(found.lastgroup), found.group(), found.start(), found.end())
        for found in _TOKEN.finditer(sql)
        if found.lastgroup != "space"
    ]


def position(sql: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1."""
    before = sql[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


class Cursor:
    """Reads a statement's tokens from left to right; what it does not find is a SYNTAX_ERROR where it stands."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = tokenize(sql)
        self.index = 0

    @property
    def current(self) -> Token | None:
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    @property
    def offset(self) -> int:
        """Where the next token starts."""
        return self.current.start if self.current else len(self.sql)

    def peek(self, *words: str) -> bool:
        """Whether these keywords come next."""
        ahead = self.tokens[self.index : self.index + len(words)]
        return len(ahead) == len(words) and all(
            token.kind == "word" and token.text.upper() == word for token, word in zip(ahead, words, strict=True)
        )

    def take(self, *words: str) -> bool:
        if not self.peek(*words):
            return False
        self.index += len(words)
        return True

    def expect(self, *words: str) -> None:
        if not self.take(*words):
            raise self.mismatch(" ".join(words))

    def peek_punctuation(self, character: str) -> bool:
        token = self.current
        return token is not None and token.kind == "punctuation" and token.text == character

    def take_punctuation(self, character: str) -> bool:
        if not self.peek_punctuation(character):
            return False
        self.index += 1
        return True

    def expect_punctuation(self, character: str) -> None:
        if not self.take_punctuation(character):
            raise self.mismatch(f"'{character}'")

    def identifier(self) -> str:
        """A name, in lower case as the catalogue keeps it."""
        token = self.current
        if token is None or token.kind not in ("word", "quoted"):
            raise self.mismatch("<identifier>")
        self.index += 1
        return token.value.lower()

    def string(self) -> str:
        token = self.current
        if token is None or token.kind != "string":
            raise self.mismatch("<string>")
        self.index += 1
        return token.value

    def table_name(self) -> tuple[str | None, str]:
        """[catalog.][database.]table, as database (None where not given) and table."""
        parts = [self.identifier()]
        while self.take_punctuation("."):
            parts.append(self.identifier())
        return (parts[-2] if len(parts) > 1 else None), parts[-1]

    def end(self) -> None:
        if self.current is not None:
            raise self.mismatch("<EOF>")

    def group(self) -> str:
        """The text inside a pair of parentheses, which comes next."""
        start = self.offset + 1
        self.expect_punctuation("(")
        depth = 1
        while self.current is not None:
            token = self.current
            self.index += 1
            if token.kind == "punctuation":
                depth += {"(": 1, ")": -1}.get(token.text, 0)
                if depth == 0:
                    return self.sql[start : token.start]
        raise self.mismatch("')'")

    def mismatch(self, expected: str) -> QueryError:
        found = self.current.text if self.current else "<EOF>"
        return QueryError(
            "SYNTAX_ERROR", f"mismatched input '{found}'. Expecting: {expected}", position(self.sql, self.offset)
        )
