"""Finds what a table must hold and what its checks must find: the module beside this one that has the table's name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tests.include.sql.faults import Faults
from tests.reference_model import Model, Table


def expected(table: str, model: Model) -> Table:
    """Returns the rows of the table, with values as Athena prints them."""
    return list(_module(table).expected(model))


def faults(table: str) -> Faults:
    """Returns for each check of the table a fault that it must find."""
    return dict(_module(table).FAULTS)


def planted(table: str) -> tuple[str, str] | None:
    """Returns a column and by how much its sums of `all` and `human` differ after 131 carts of a machine, if known."""
    return getattr(_module(table), "PLANTED", None)


def _module(table: str) -> Any:
    return import_module(f"tests.include.sql.{table}")
