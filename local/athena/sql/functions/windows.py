"""Functions that need OVER."""

from __future__ import annotations

from local.athena.sql.signatures import Builder

DECLARED = {
    "row_number() -> bigint": "<row_number>",
    "rank() -> bigint": "<rank>",
    "dense_rank() -> bigint": "<dense_rank>",
    "percent_rank() -> double": "<percent_rank>",
    "cume_dist() -> double": "<cume_dist>",
    "ntile(bigint) -> bigint": "<ntile|{0}>",
    "lag(T) -> T": "<lag|{0}>",
    "lag(T, bigint) -> T": "<lag|{0}, {1}>",
    "lag(T, bigint, T) -> T": "<lag|{0}, {1}, {2}>",
    "lead(T) -> T": "<lead|{0}>",
    "lead(T, bigint) -> T": "<lead|{0}, {1}>",
    "lead(T, bigint, T) -> T": "<lead|{0}, {1}, {2}>",
    "first_value(T) -> T": "<first_value|{0}>",
    "last_value(T) -> T": "<last_value|{0}>",
    "nth_value(T, bigint) -> T": "<nth_value|{0}, {1}>",
}
NAMES = {declaration.partition("(")[0] for declaration in DECLARED}
BUILT: dict[str, Builder] = {}
