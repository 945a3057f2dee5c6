"""Chooses the column by which a month's rows lie together, from the profile of the whole data set.

A month is written in row groups, sorted by the key, so that a query of one value reads the row groups of that value and
skips the rest. A key serves when most rows have it, when no value is most of the rows, and when a value fills at least
a row group: of finer values a row group holds many, and they separate nothing any more. Of the columns that serve, the
one of which a query reads least is the key. docs/partition-key.md tells the rules with their figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ecomm.batch.profile import ColumnProfile, Profile

# What the form says where the profile decides.
BY_PROFILE = "auto"
# What include/glue_scripts/csv_to_parquet.py makes of a megabyte of events.
ROW_GROUP_ROWS = 10_000
MOST_MISSING = 0.05
LARGEST_SHARE = 0.5
# The order that needs no reason: events as they happened.
TIME = "event_time"
CATALOGUE, TRAFFIC, MEASURE = "catalogue", "traffic", "measure"


@dataclass(frozen=True)
class Volume:
    """Rows, and their bytes as CSV."""

    rows: int
    bytes: int


# November 2019, the larger of the two months.
FULL_MONTH = Volume(67_501_979, 9_006_762_395)


@dataclass(frozen=True)
class Layout:
    """What a column makes of one month as its key.

    values: different ones. rows, bytes: of a value on average; bytes of CSV. row_groups: of the month.
    typical, largest: shares of the row groups that a query of one value reads; a typical one asks for each value as
    often as it occurs.
    """

    values: int
    rows: float
    bytes: float
    row_groups: int
    typical: float
    largest: float

    @property
    def fills_row_groups(self) -> bool:
        return self.rows >= ROW_GROUP_ROWS


@dataclass(frozen=True)
class Candidate:
    """A column as the key: here, in an average month of the data set, and in a full month.

    objections: sentences that say why it cannot be the key.
    """

    column: ColumnProfile
    largest: float
    missing: float
    here: Layout
    full: Layout
    objections: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """The key that the profile speaks for, why, and all candidates."""

    key: str
    reason: str
    candidates: tuple[Candidate, ...]


def choose_key(profile: Profile, domains: Mapping[str, str], month: Volume) -> Verdict:
    """The key among the columns that `domains` names, each with what its values are: catalogue, traffic or measure.

    month: an average one of the data set that was profiled.
    """
    columns = [column for column in profile.columns if column.name in domains]
    candidates = tuple(_candidate(column, profile, domains[column.name], month) for column in columns)
    fit = [candidate for candidate in candidates if not candidate.objections]
    filling = [candidate for candidate in fit if candidate.full.fills_row_groups]
    if filling:
        best = min(filling, key=lambda candidate: candidate.full.typical)
        reason = (
            f"of the {len(filling)} columns whose values fill row groups it is the one of which a query reads least"
            if len(filling) > 1
            else "it is the only column that most rows have, that no value dominates, and whose values fill row groups"
        )
    elif fit:
        best = max(fit, key=lambda candidate: candidate.full.rows)
        reason = "no column's values fill row groups; of those that serve otherwise its values have the most rows"
    else:
        reason = "no column divides the rows usefully, so they stay in the order of their time"
        return Verdict(TIME, reason, candidates)
    return Verdict(best.column.name, reason, candidates)


def _candidate(column: ColumnProfile, profile: Profile, domain: str, month: Volume) -> Candidate:
    largest, missing = profile.share(column.most), profile.share(column.missing)
    here, full = (_layout(column, profile, domain, volume) for volume in (month, FULL_MONTH))
    return Candidate(column, largest, missing, here, full, tuple(_objections(domain, largest, missing)))


def _objections(domain: str, largest: float, missing: float) -> Iterator[str]:
    if domain == MEASURE:
        yield "queries ask for ranges of it, not for one value"
    if missing > MOST_MISSING:
        yield f"{missing:.1%} of the rows have no value, at most {MOST_MISSING:.0%} may"
    if largest > LARGEST_SHARE:
        yield f"one value has {largest:.1%} of the rows, at most {LARGEST_SHARE:.0%} may be its share"


def _layout(column: ColumnProfile, profile: Profile, domain: str, volume: Volume) -> Layout:
    values = _values_in(column, profile.rows, domain, volume.rows)
    present = 1 - profile.share(column.missing)
    shares = [profile.share(count) for count in column.common]
    row_groups = max(math.ceil(volume.rows / ROW_GROUP_ROWS), 1)

    def read(share: float) -> float:
        # Its own row groups, and the part of one that it shares with its neighbours in the order.
        return min((math.ceil(share * row_groups) + 1) / row_groups, 1.0)

    others = max(values - len(shares), 0)
    rest = max(present - sum(shares), 0.0)
    known = sum(share * read(share) for share in shares)
    typical = (known + (rest * read(rest / others) if others else 0.0)) / (present or 1.0)
    return Layout(
        values,
        volume.rows * present / max(values, 1),
        volume.bytes * present / max(values, 1),
        row_groups,
        typical,
        read(shares[0]) if shares else 0.0,
    )


def _values_in(column: ColumnProfile, rows: int, domain: str, wanted: int) -> int:
    """How many different values so many rows have.

    Values of the traffic grow with the rows. Those of a catalogue follow the law of Heaps: they grow as a power of the
    rows, and the power is the share of the values that occur once, 0 where all values are known.
    """
    power = column.unique / max(column.distinct, 1) if domain == CATALOGUE else 1.0
    return round(column.distinct * max(wanted / max(rows, 1), 1.0) ** power)
