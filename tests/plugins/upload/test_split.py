"""Rows go to their months, whatever the blocks they come in."""

from __future__ import annotations

from collections import defaultdict

import pytest
from ecomm.errors import DataError
from ecomm.upload.split import by_month

from tests.plugins.upload.conftest import HEADER, rows

OCTOBER, NOVEMBER = "2019-10", "2019-11"


def split(text: str | bytes, block: int) -> tuple[dict[str, bytes], dict[str, int]]:
    """The text after the header, cut into blocks of so many bytes and sorted by month, and the rows counted."""
    data = text.encode() if isinstance(text, str) else text
    data = HEADER.encode() + data
    blocks = [data[start : start + block] for start in range(0, len(data), block)]
    found: dict[str, bytes] = defaultdict(bytes)
    counts: dict[str, int] = defaultdict(int)
    for piece in by_month(blocks, "the test"):
        found[piece.month] += piece.data
        counts[piece.month] += piece.rows
    return dict(found), dict(counts)


@pytest.mark.parametrize("block", [7, 100, 137, 1000, 1_000_000])
def test_rows_keep_their_order_within_a_month_for_any_size_of_block(block: int) -> None:
    october, november = rows(OCTOBER, 40), rows(NOVEMBER, 30)
    assert split(october + november, block) == (
        {OCTOBER: october.encode(), NOVEMBER: november.encode()},
        {OCTOBER: 40, NOVEMBER: 30},
    )


@pytest.mark.parametrize("block", [100, 1_000_000])
def test_months_that_alternate_are_taken_apart(block: int) -> None:
    pairs = [(rows(OCTOBER, 1, number), rows(NOVEMBER, 1, number)) for number in range(50)]
    found, counts = split("".join(first + second for first, second in pairs), block)
    assert found[OCTOBER].decode() == "".join(first for first, _ in pairs)
    assert found[NOVEMBER].decode() == "".join(second for _, second in pairs)
    assert counts == {OCTOBER: 50, NOVEMBER: 50}


@pytest.mark.parametrize("block", [50, 1_000_000])
@pytest.mark.parametrize("damaged", ["no time at all,view,1", "2019-13-01 00:00:00 UTC,view", "", "2019-1", "é,"])
def test_a_row_without_a_month_stays_with_the_row_before_it(damaged: str, block: int) -> None:
    text = rows(OCTOBER, 3) + rows(NOVEMBER, 2) + f"{damaged}\n" + rows(OCTOBER, 1, 3)
    found, counts = split(text, block)
    assert found[NOVEMBER].decode() == rows(NOVEMBER, 2) + f"{damaged}\n"
    # An empty line is no row, for the conversion neither.
    assert counts == {OCTOBER: 4, NOVEMBER: 3 if damaged else 2}


def test_rows_without_a_month_at_the_start_join_the_first_month() -> None:
    found, counts = split("damaged\n" + rows(NOVEMBER, 2) + rows(OCTOBER, 1), 1_000_000)
    assert found[NOVEMBER].decode() == "damaged\n" + rows(NOVEMBER, 2)
    assert counts == {NOVEMBER: 3, OCTOBER: 1}


@pytest.mark.parametrize("block", [10, 1_000_000])
def test_a_last_row_without_a_line_end_keeps_its_bytes(block: int) -> None:
    text = (rows(OCTOBER, 2) + rows(NOVEMBER, 1))[:-1]
    found, counts = split(text, block)
    assert found[NOVEMBER].decode() == rows(NOVEMBER, 1)[:-1]
    assert counts == {OCTOBER: 2, NOVEMBER: 1}


def test_windows_line_ends_and_bytes_that_are_no_text_are_kept() -> None:
    text = rows(OCTOBER, 2).replace("\n", "\r\n").encode() + b"2019-10-01 \xff\xfe\r\n"
    assert split(text, 60)[0] == {OCTOBER: text}


def test_text_without_any_month_is_refused_with_its_first_row() -> None:
    with pytest.raises(DataError, match=r"the test: rows 1 to 2 all lack a readable event_time.*'01/11/2019'"):
        split("01/11/2019\n02/11/2019\n", 1_000_000)


def test_a_row_without_end_is_refused() -> None:
    with pytest.raises(DataError, match="row 2 goes on for more than 16 MiB"):
        split(rows(OCTOBER, 1) + "x" * (17 * 1024 * 1024), 1_000_000)
