"""What is left of a table after pruning: partitions by their keys, row groups by their smallest and largest values; and
its bytes."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from local.athena import relation, tables
from local.athena.relation import PARQUET, Source, file_format
from local.athena.scan import Scan, holds_for
from local.athena.session import Session
from local.athena.tables import Lister, Partition, Table
from local.athena.types import Type, text

Values = tuple[Any, Any]


def kept_partitions(session: Session, table: Table, partitions: Sequence[Partition], scan: Scan) -> set[Partition]:
    """The partitions that a scan's conditions on the partition keys do not rule out."""
    keys = [key.name for key in table.keys]
    kept = list(partitions)
    for condition in scan.conditions if keys else ():
        named = {column.name.lower() for column in condition.find_all(exp.Column)}
        if kept and named and named <= set(keys):
            rows = [
                [relation.partition_literal(key, value) for key, value in zip(table.keys, one.values, strict=True)]
                for one in kept
            ]
            answers = holds_for(session, condition, keys, rows)
            kept = [partition for partition, holds in zip(kept, answers, strict=True) if holds]
    return set(kept)


def sources(lister: Lister, partitions: Iterable[Partition]) -> list[Source]:
    return [Source(partition, tuple(tables.files(lister, partition.location))) for partition in partitions]


def scanned_bytes(table: Table, kept: Sequence[Source], scan: Scan) -> int:
    """The bytes that one scan reads of these partitions: text files whole, of Parquet the column chunks that are
    needed."""
    total = 0
    for source in kept:
        if file_format(table, source.partition) != PARQUET:
            total += sum(stored.size for stored in source.files)
            continue
        for stored in source.files:
            total += _chunk_bytes(table, row_groups(stored.path), scan)
    return total


def _chunk_bytes(table: Table, groups: Sequence[RowGroup], scan: Scan) -> int:
    types = {column.name: column.type for column in table.columns}
    return sum(
        sum(size for name, size in group.sizes.items() if name in scan.columns)
        for group in groups
        if all(may_hold(condition, group.limits, types) for condition in scan.conditions)
    )


@dataclass
class RowGroup:
    """The compressed sizes of a row group's columns, and their smallest and largest values as Parquet's statistics
    print them."""

    sizes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    limits: dict[str, tuple[str, str]] = field(default_factory=dict)


def row_groups(path: Path) -> list[RowGroup]:
    """The row groups of a Parquet file, from its footer."""
    return _row_groups(path, path.stat().st_mtime_ns)


@functools.cache
def _reader() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@functools.lru_cache(maxsize=2048)
def _row_groups(path: Path, changed: int) -> list[RowGroup]:
    with _reader().cursor() as connection:
        rows = connection.execute(
            "SELECT row_group_id, path_in_schema, total_compressed_size, coalesce(stats_min_value, stats_min), "
            f"coalesce(stats_max_value, stats_max) FROM parquet_metadata({text(str(path))})"
        ).fetchall()
    groups: dict[int, RowGroup] = defaultdict(RowGroup)
    for number, place, size, smallest, largest in rows:
        name = str(place).partition(",")[0].lower()
        groups[number].sizes[name] += size
        if smallest is not None and largest is not None and "," not in str(place):
            groups[number].limits[name] = (smallest, largest)
    return list(groups.values())


# ---- statistics ---------------------------------------------------------------------------------------------------

_COMPARE: dict[type[exp.Expr], Callable[[Any, Any, Any], bool]] = {
    exp.EQ: lambda low, high, value: low <= value <= high,
    exp.LT: lambda low, high, value: low < value,
    exp.LTE: lambda low, high, value: low <= value,
    exp.GT: lambda low, high, value: high > value,
    exp.GTE: lambda low, high, value: high >= value,
}


def may_hold(condition: exp.Expr, limits: dict[str, tuple[str, str]], types: dict[str, Type]) -> bool:
    """Whether a row within these limits can meet the condition; true for a condition that is not understood."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        return all(may_hold(part, limits, types) for part in condition.flatten())
    if isinstance(condition, exp.Or):
        return any(may_hold(part, limits, types) for part in condition.flatten())
    column = condition.this
    if not isinstance(column, exp.Column) or column.name.lower() not in limits or column.name.lower() not in types:
        return True
    type_ = types[column.name.lower()]
    if isinstance(condition, exp.In) and condition.args.get("query") is None:
        wanted, compare = condition.expressions, _COMPARE[exp.EQ]
    elif type(condition) in _COMPARE:
        wanted, compare = [condition.expression], _COMPARE[type(condition)]
    else:
        return True
    try:
        low, high = (_value(limit, type_) for limit in limits[column.name.lower()])
        return any(compare(low, high, _value(_literal(one), type_)) for one in wanted)
    except (ValueError, ArithmeticError):
        return True


def _literal(node: exp.Expr) -> str:
    """A literal as DuckDB's plans print it. Raises ValueError for anything else."""
    node = node.unnest()
    if isinstance(node, exp.Cast):
        return _literal(node.this)
    if isinstance(node, exp.Neg):
        return "-" + _literal(node.this)
    if isinstance(node, (exp.Literal, exp.Boolean)):
        return str(node.this)
    raise ValueError(f"{node.sql()} is no literal")


def _value(printed: str, type_: Type) -> Any:
    """A printed value in an order that Python and Parquet agree on. Raises ValueError."""
    if type_.is_integer:
        return int(printed)
    if type_.name == "decimal":
        return Decimal(printed)
    if type_.is_floating:
        return float(printed)
    if type_.is_text:
        return printed.encode()
    if type_.name == "date":
        return date.fromisoformat(printed)
    if type_.name == "timestamp":
        return datetime.fromisoformat(printed).replace(tzinfo=None)
    raise ValueError(f"{type_} has no order here")
