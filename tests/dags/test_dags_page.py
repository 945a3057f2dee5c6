"""The page of the DAGs says what the DAGs say."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from tests.airflow_environment import ROOT


def generator() -> Any:
    spec = spec_from_file_location("generate_dags_page", ROOT / "docs" / "generate_dags_page.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date() -> None:
    generate = generator()
    assert generate.PAGE.read_text() == generate.page(), f"run {generate.COMMAND}"
