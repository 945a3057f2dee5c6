"""The page of the KPIs says what the tables' descriptions say."""

from __future__ import annotations

from docs import generate_kpis_page


def test_the_page_is_up_to_date() -> None:
    assert generate_kpis_page.PAGE.read_text() == generate_kpis_page.page(), "run `make docs`"
