"""Looks at the beginning of a source: whether it is a CSV of the contract, and if not, what it is and what to do."""

from __future__ import annotations

import codecs
import csv
import re

from ecomm.contract import COLUMNS
from ecomm.errors import DataError

FIRST_LOOK = 1024 * 1024
# Of what people take for a CSV: how it starts, and what it is.
FOREIGN_STARTS = {
    b"\x1f\x8b": "is gzip",
    b"BZh": "is bzip2",
    b"\xfd7zXZ\x00": "is xz",
    b"\x28\xb5\x2f\xfd": "is Zstandard",
    b"7z\xbc\xaf\x27\x1c": "is 7-Zip",
    b"PK\x03\x04": "is a zip in a zip",
    b"PK\x05\x06": "is an empty zip",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook",
    b"PAR1": "is Parquet",
    b"ORC": "is ORC",
    b"Obj\x01": "is Avro",
    b"%PDF": "is PDF",
    # UTF-32 begins as UTF-16 does, so it comes first.
    codecs.BOM_UTF32_LE: "is UTF-32",
    codecs.BOM_UTF32_BE: "is UTF-32",
    codecs.BOM_UTF16_LE: "is UTF-16",
    codecs.BOM_UTF16_BE: "is UTF-16",
}
_MARKUP = re.compile(rb"\s*(<(!doctype|html|\?xml)|[\[{])", re.IGNORECASE)
# A row after a carriage return alone, in a file whose other lines may well end otherwise.
_ROW_AFTER_CR = re.compile(rb'\r"?\d{4}-\d\d-\d\d ')
_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def check_beginning(beginning: bytes, name: str) -> None:
    """Raises DataError with the remedy if a source of this name does not begin with the contract's header and a row.

    beginning: its first bytes, FIRST_LOOK of them if it has so many.
    """
    for start, words in FOREIGN_STARTS.items():
        if beginning.startswith(start):
            raise DataError(f"{name} {words}; give it as CSV in UTF-8, plain or zipped.")
    if _MARKUP.match(beginning):
        raise DataError(f"{name} is a page or JSON, no CSV: its text begins {beginning[:40]!r}; fetch the CSV itself.")
    # Each Latin letter of UTF-16 has a NUL beside it.
    if beginning[:200].count(0) * 3 > len(beginning[:200]):
        raise DataError(f"{name} is UTF-16 or binary; give it as CSV in UTF-8, for example with iconv.")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError as error:
        line = beginning.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name} is not UTF-8 in line {line}; convert it, for example with iconv.") from error
    header, _, rows = beginning.partition(b"\n")
    if b"\r" in header.rstrip(b"\r") or _ROW_AFTER_CR.search(rows):
        raise DataError(
            f"{name} ends its lines in carriage returns alone, as old Macs did; give them line feeds: "
            "tr '\\r' '\\n' < old.csv > new.csv."
        )
    _check_header(header.decode(errors="replace").removeprefix("\ufeff").rstrip("\r"), name)
    if not rows.strip():
        raise DataError(f"{name} has a header but no row.")


def _check_header(line: str, name: str) -> None:
    if "\0" in line:
        raise DataError(f"{name} has a NUL byte in its header line; it is damaged, fetch it again.")
    try:
        columns = next(csv.reader([line]), [])
    except csv.Error as error:
        raise DataError(
            f"{name} has a header line that cannot be read ({error}): {line[:80]!r}; give a CSV with one header line."
        ) from error
    if columns != list(COLUMNS):
        raise DataError(f"{name} {_header_fault(line, columns)} The contract is: {','.join(COLUMNS)}.")


def _header_fault(line: str, columns: list[str]) -> str:
    """What is wrong with the header and what to do: the first rule that applies."""
    contract = list(COLUMNS)
    missing = [column for column in contract if column not in columns]
    unknown = [column[:40] for column in columns if column not in contract]
    wrong = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has the unknown {', '.join(unknown[:9])}"] * bool(
        unknown
    )
    delimiter = next((words for sign, words in _OTHER_DELIMITERS.items() if _plain(line.split(sign)) == contract), "")
    faults = (
        (
            line.lower().startswith("sep="),
            f"begins with {line[:10]!r}, which Excel adds; delete that line, and separate the fields by commas.",
        ),
        (delimiter, f"separates its fields by {delimiter}; save it with commas, and with points in its prices."),
        (
            len(columns) == len(contract) and columns[0][:2].isdigit(),
            "begins with a row; put the header line before it.",
        ),
        (
            columns[1:] == contract,
            f"has a column {(columns or [''])[0][:40]!r} before the contract's, an index perhaps; write it without.",
        ),
        (
            columns[:-1] == contract and not columns[-1],
            "ends its header line in a comma, so each row has a tenth field; write it without.",
        ),
        (
            _plain(columns) == contract,
            "spells its columns with capitals, blanks or other quotes; name them exactly as in the contract.",
        ),
        (wrong, f"has a wrong header: it {' and '.join(wrong)}; name the columns as in the contract."),
        (len(columns) > len(contract), "names a column twice; write each once."),
    )
    in_other_order = "has the contract's columns in another order; write them in the contract's."
    return next((fault for applies, fault in faults if applies), in_other_order)


def _plain(columns: list[str]) -> list[str]:
    return [re.sub(r"\s+", "_", column.strip().strip("\"'").strip().lower()) for column in columns]
