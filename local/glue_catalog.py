"""What Glue's Data Catalog does with a list before it answers: filters of partitions and tables, and pages.

Source: the Glue API reference, GetPartitions (Expression) and GetTables (Expression).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

_ALLOWED = (
    exp.And,
    exp.Or,
    exp.Not,
    exp.Paren,
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.In,
    exp.Between,
    exp.Like,
    exp.Is,
    exp.Null,
    exp.Neg,
    exp.Literal,
    exp.Column,
    exp.Identifier,
)
# Source: the types that GetPartitions can compare.
_COMPARED_AS = {
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "long": "BIGINT",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "decimal": "DECIMAL(38,10)",
}


class InvalidInputError(ValueError):
    """The caller's fault: Glue's InvalidInputException."""


def matching_partitions(
    partitions: Sequence[Mapping[str, Any]], keys: Sequence[Mapping[str, str]], expression: str
) -> list[Mapping[str, Any]]:
    """The partitions that a GetPartitions Expression selects, in their order; all of them for an empty expression.

    keys: the table's PartitionKeys. The expression is a WHERE clause of comparisons, IN, BETWEEN, LIKE, IS NULL, AND,
    OR and NOT over them. Raises InvalidInputError where it is not, or names another column.
    """
    if not expression.strip() or not partitions:
        return list(partitions)
    condition = _condition(expression, keys)
    columns = [
        f"try_cast(unnest($k{number}) as {_COMPARED_AS.get(_base(key), 'VARCHAR')}) as {_quoted(key['Name'])}"
        for number, key in enumerate(keys)
    ]
    values = {f"k{number}": [part["Values"][number] for part in partitions] for number in range(len(keys))}
    sql = (
        f"select position from (select unnest(range({len(partitions)})) as position, {', '.join(columns)}) "
        f"where {condition} order by position"
    )
    try:
        with duckdb.connect() as connection:
            return [partitions[row[0]] for row in connection.execute(sql, values).fetchall()]
    except duckdb.Error as error:
        raise InvalidInputError(f"Cannot evaluate the partition expression {expression!r}: {error}") from error


def _condition(expression: str, keys: Sequence[Mapping[str, str]]) -> str:
    try:
        tree = sqlglot.parse_one(expression, read="trino")
    except SqlglotError as error:
        reason = str(error).partition(". Line")[0]
        raise InvalidInputError(f"Cannot read the partition expression {expression!r}: {reason}.") from error
    types = {key["Name"].lower(): _base(key) for key in keys}
    for node in tree.walk():
        if not isinstance(node, _ALLOWED):
            raise InvalidInputError(f"The partition expression {expression!r} may not contain {node.sql()!r}.")
        if isinstance(node, exp.Column) and node.name.lower() not in types:
            raise InvalidInputError(f"{node.name!r} is not a partition key; the keys are {', '.join(types)}.")
    text = {name for name, kind in types.items() if kind not in _COMPARED_AS or kind == "string"}
    for literal in list(tree.find_all(exp.Literal)):
        compared = literal.parent and literal.parent.find(exp.Column)
        # A number beside a key of text is meant as that text: p_month = 10.
        if not literal.is_string and compared and compared.name.lower() in text:
            literal.replace(exp.Literal.string(literal.name))
    for column in tree.find_all(exp.Column):
        column.replace(exp.column(exp.to_identifier(column.name.lower(), quoted=True)))
    return tree.sql(dialect="duckdb")


def _base(key: Mapping[str, str]) -> str:
    return key.get("Type", "string").partition("(")[0].lower()


def _quoted(name: str) -> str:
    return exp.to_identifier(name.lower(), quoted=True).sql(dialect="duckdb")


def matches_table(name: str, expression: str) -> bool:
    """Whether a GetTables Expression means this table: `*` and `.*` for any characters, `|` between choices."""
    return any(fnmatch.fnmatchcase(name, choice.replace(".*", "*")) for choice in expression.lower().split("|"))


def page(items: Sequence[Any], token: str | None, size: int | None, largest: int) -> tuple[list[Any], dict[str, str]]:
    """One page of a list, and the NextToken member of the answer where there are more.

    size: the caller's MaxResults. largest: the service's own limit. Raises InvalidInputError for a token not given out.
    """
    if token and not token.isdigit():
        raise InvalidInputError(f"The NextToken {token!r} is not one that this service gave out.")
    start, number = int(token or 0), min(size or largest, largest)
    more = {"NextToken": str(start + number)} if start + number < len(items) else {}
    return list(items[start : start + number]), more
