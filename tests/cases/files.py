"""The table of cases and readers: made-up rows of a month in every dress that files come in, and what each must end as.

The upload's cell is what it makes of the file as a source; those of the other readers are what they make of the same
bytes in a month's folder of the raw bucket, where the upload need not have put them.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

COLUMNS = (
    *("event_time", "event_type", "product_id", "category_id", "category_code"),
    *("brand", "price", "user_id", "user_session"),
)
HEADER = ",".join(COLUMNS)
ROWS = 20

NINE = "the line has not nine fields"
NUL = "the line has a NUL byte"
QUOTE = "a quoted field is not closed within the line"
UTF_8 = "the line is not UTF-8"
EXPONENT = "category_id is written with an exponent and has lost digits"
PRICE = "price is not a number with at most two decimals"
TYPE = "event_type is none of view, cart, purchase, remove_from_cart"

OTHER_COLUMNS = "expected the columns"


@dataclass(frozen=True)
class Rows:
    """Rows of which a reader takes some: `lines` in all, those set aside by their reason."""

    lines: int = ROWS
    aside: Mapping[str, int] = field(default_factory=dict)

    @property
    def curated(self) -> int:
        return self.lines - sum(self.aside.values())


@dataclass(frozen=True)
class Refused:
    """A file that is refused with a sentence in which these words stand."""

    words: str


@dataclass(frozen=True)
class Case:
    """One dress. `content` makes the bytes for a month such as 2019-11.

    conversion: what csv_to_parquet makes of it. profile: rows profiled and lines left out; None if the file is left out
    as one of other columns. crawler: whether its table has the contract's columns. upload: rows of the month that are
    uploaded, or the words of the refusal.
    """

    name: str
    content: Callable[[str], bytes]
    conversion: Rows | Refused
    profile: tuple[int, int] | None
    crawler: bool
    upload: int | Refused
    file: str = "events.csv"


def rows(month: str, count: int = ROWS) -> list[str]:
    """Rows without anything special; every brand, code and session is of letters, digits and hyphens."""
    return [
        f"{month}-{number % 28 + 1:02} 10:00:{number % 60:02} UTC,view,{1000 + number},205301355563188{2000 + number},"
        f"electronics.audio,brand{number},{number}.50,{500000 + number},72d76fde-8bb3-4e00-8c23-{number:012}"
        for number in range(count)
    ]


def _text(month: str) -> str:
    return "\n".join([HEADER, *rows(month), ""])


def _dressed(change: Callable[[str], str | bytes]) -> Callable[[str], bytes]:
    """Content whose bytes are the plain file's, changed."""

    def content(month: str) -> bytes:
        changed = change(_text(month))
        return changed.encode() if isinstance(changed, str) else changed

    return content


def _each_line(change: Callable[[list[str]], list[str]], header: Callable[[str], str] = str) -> Callable[[str], bytes]:
    """Content whose rows' fields are changed, and whose header is."""

    def content(month: str) -> bytes:
        lines = [",".join(change(line.split(","))) for line in rows(month)]
        return "\n".join([header(HEADER), *lines, ""]).encode()

    return content


def _with(position: int, value: Callable[[str], str]) -> Callable[[list[str]], list[str]]:
    return lambda fields: [*fields[:position], value(fields[position]), *fields[position + 1 :]]


def quoted(text: str) -> str:
    """Lines with every field in quotes."""
    return "".join(f'"{line.replace(",", '","')}"\n' for line in text.splitlines())


def _texts_quoted(fields: list[str]) -> list[str]:
    texts = {0, 1, 4, 5, 8}
    return [f'"{value}"' if number in texts else value for number, value in enumerate(fields)]


def _taken(name: str, change: Callable[[str], str | bytes]) -> Case:
    """A dress that changes nothing for any reader."""
    return Case(name, _dressed(change), Rows(), (ROWS, 0), True, ROWS)


def _aside(
    name: str,
    content: Callable[[str], bytes],
    reason: str,
    count: int,
    *,
    profile: tuple[int, int],
    crawler: bool = True,
    upload: str = "",
) -> Case:
    """A file of which some lines are set aside; `upload`: the words with which it is refused there."""
    lines = sum(profile)
    return Case(name, content, Rows(lines, {reason: count}), profile, crawler, Refused(upload) if upload else lines)


def _refused(
    name: str,
    change: Callable[[str], str | bytes],
    words: str,
    *,
    profile: tuple[int, int] | None = None,
    crawler: bool = False,
    upload: str = "",
    file: str = "events.csv",
) -> Case:
    return Case(name, _dressed(change), Refused(words), profile, crawler, Refused(upload or words), file)


def _second_half_quoted(text: str) -> str:
    half = text.index("\n", len(text) // 2) + 1
    return text[:half] + quoted(text[half:])


def _body(text: str) -> str:
    return text.split("\n", 1)[1]


CASES = [
    # Line ends
    _taken("line feeds", str),
    _taken("CRLF", lambda text: text.replace("\n", "\r\n")),
    _taken("CRLF, last line open", lambda text: text.rstrip("\n").replace("\n", "\r\n")),
    _taken("last line open", lambda text: text.rstrip("\n")),
    _taken("line feeds, then CRLF", lambda text: text[:1000] + text[1000:].replace("\n", "\r\n")),
    _taken("CRLF, then line feeds", lambda text: text[:1000].replace("\n", "\r\n") + text[1000:]),
    _taken("two carriage returns and a line feed", lambda text: text.replace("\n", "\r\r\n")),
    _taken("blank lines", lambda text: text.replace("\n", "\n\n \t\r\n")),
    _refused(
        "carriage returns alone",
        lambda text: text.replace("\n", "\r"),
        "carriage returns alone",
        profile=(ROWS, 0),
        crawler=True,
        upload="carriage return",
    ),
    # Marks and headers
    _taken("byte order mark", lambda text: "\ufeff" + text),
    _taken("byte order mark and CRLF", lambda text: "\ufeff" + text.replace("\n", "\r\n")),
    _taken("header quoted", lambda text: quoted(HEADER) + _body(text)),
    _taken("header repeated", lambda text: text + "\ufeff" + HEADER + "\r\n" + quoted(HEADER) + HEADER),
    Case("no header", _dressed(_body), Rows(), (ROWS, 0), False, Refused("header")),
    _refused(
        "header in upper case",
        lambda text: HEADER.upper() + "\n" + _body(text),
        OTHER_COLUMNS,
        crawler=True,
        upload="capitals",
    ),
    _refused("header only", lambda _: HEADER + "\r\n", "hold no row", profile=(0, 0), upload="no row"),
    # Quotes
    _taken("every field quoted", quoted),
    _taken("every field quoted, CRLF", lambda text: quoted(text).replace("\n", "\r\n")),
    _taken("second half quoted", _second_half_quoted),
    Case(
        "texts quoted", _each_line(_texts_quoted, lambda header: quoted(header).strip()), Rows(), (ROWS, 0), True, ROWS
    ),
    Case("commas in quotes", _each_line(_with(5, lambda brand: f'"{brand}, ltd"')), Rows(), (ROWS, 0), True, ROWS),
    Case("doubled quotes", _each_line(_with(5, lambda brand: f'"{brand} ""x"""')), Rows(), (ROWS, 0), True, ROWS),
    _aside(
        "a line break in quotes",
        _dressed(lambda text: text.replace("brand7", '"brand\n7"')),
        QUOTE,
        2,
        profile=(ROWS - 1, 2),
    ),
    _aside(
        "a quote never closed",
        _dressed(lambda text: text.replace("brand7", '"brand7')),
        QUOTE,
        1,
        profile=(ROWS - 1, 1),
    ),
    # Bytes
    _aside("a NUL byte", _dressed(lambda text: text.replace("brand7", "brand\0007")), NUL, 1, profile=(ROWS - 1, 1)),
    _aside("a tail of NUL bytes", _dressed(lambda text: text + "\0" * 4096), NUL, 1, profile=(ROWS, 1)),
    _aside(
        "a byte of Latin-1",
        _dressed(lambda text: text.replace("brand7", "caf\xe9").encode("latin-1")),
        UTF_8,
        1,
        profile=(ROWS - 1, 1),
        upload="is not UTF-8 in line",
    ),
    _refused("UTF-16", lambda text: text.encode("utf-16"), "UTF-16", upload="UTF-8"),
    _refused(
        "gzip named .csv", lambda text: gzip.compress(text.encode()), "is compressed", crawler=True, upload="gzip"
    ),
    # Spreadsheets and libraries
    _refused("semicolons", lambda text: text.replace(",", ";"), OTHER_COLUMNS, crawler=True, upload="by semicolons"),
    _refused(
        "sep=, before the header", lambda text: "sep=,\n" + text, OTHER_COLUMNS, upload="'sep=,', which Excel adds"
    ),
    _refused(
        "an index column",
        lambda text: "".join(f"{n},{line}\n" for n, line in enumerate(text.splitlines()))[1:],
        OTHER_COLUMNS,
        upload="an index perhaps",
    ),
    _refused(
        "a comma at the end of every line",
        lambda text: text.replace("\n", ",\n"),
        OTHER_COLUMNS,
        upload="ends its header line in a comma",
    ),
    _aside(
        "a decimal comma",
        _each_line(_with(6, lambda price: price.replace(".", ","))),
        NINE,
        ROWS,
        profile=(0, ROWS),
        crawler=False,
    ),
    Case(
        "a decimal comma in quotes",
        _each_line(_with(6, lambda price: f'"{price.replace(".", ",")}"')),
        Rows(ROWS, {PRICE: ROWS}),
        (ROWS, 0),
        True,
        ROWS,
    ),
    Case(
        "ids with an exponent",
        _each_line(_with(3, lambda _: "2.05301E+18")),
        Rows(ROWS, {EXPONENT: ROWS}),
        (ROWS, 0),
        True,
        ROWS,
    ),
    Case(
        "spaces around fields",
        _each_line(_with(1, lambda kind: f" {kind} ")),
        Rows(ROWS, {TYPE: ROWS}),
        (ROWS, 0),
        True,
        ROWS,
    ),
]

# Objects beside a month's files that are none: their keys below the folder of a month, and their bytes.
NO_DATA: dict[str, bytes] = {
    "": b"",
    "empty.csv": b"",
    ".DS_Store": b"\0\0\0\1Bud1",
    "._events.csv": b"\0\5\x16\7",
    "__MACOSX/._events.csv": b"\0\5\x16\7",
    "_SUCCESS": b"1",
    "_temporary/0/part.csv": b"a,b\n1,2\n",
}


def months(cases: list[Case]) -> dict[str, Case]:
    """Gives each case a month of its own, from 2001-01 on."""
    return {f"{2001 + number // 12}-{number % 12 + 1:02}": case for number, case in enumerate(cases)}
