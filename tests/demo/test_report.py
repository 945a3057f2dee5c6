"""What the tables show: the latest days, sums of what adds up, categories by views."""

from __future__ import annotations

from datetime import date, timedelta
from io import StringIO

from rich.console import Console, RenderableType

from demo import report
from demo.kpis import Row


def text(shown: RenderableType) -> list[str]:
    console = Console(file=StringIO(), width=140)
    console.print(shown)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def line_of(shown: RenderableType, start: str) -> list[str]:
    found = [line for line in text(shown) if line.startswith(start)]
    assert len(found) == 1, text(shown)
    return found[0].removeprefix(start).split()


def test_the_choice_of_the_key_is_a_sentence_and_a_place() -> None:
    console = Console(file=StringIO(), width=50)
    address = f"s3://bucket/{'a' * 60}.json"
    report.partition_key(console, {"sentence": "category_id, as the profile of 17,434 rows says.", "report": address})
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line.rstrip() for line in lines] == [
        "Partition key  category_id, as the profile of",
        "17,434 rows says.",
        address,
    ]


def visitors(day: str, audience: str, factor: int = 1) -> Row:
    return {
        "day": day,
        "audience": audience,
        "visitors": 4504 * factor,
        "new_visitors": 4504 * factor,
        "returning_visitors": 0,
        "sessions": 5000 * factor,
        "sessions_with_purchase": 200 * factor,
        "views": 17055 * factor,
        "carts": 165 * factor,
        "purchases": 214 * factor,
        "revenue": 59442.63 * factor,
        "conversion_rate": 0.04,
    }


def test_a_day_s_line_and_the_sums_of_both_audiences() -> None:
    table = report.daily_visitors(
        [
            visitors("2019-10-01", "all"),
            visitors("2019-10-01", "human"),
            visitors("2019-10-02", "all", 3),
            visitors("2019-10-02", "human", 2),
        ]
    )
    assert line_of(table, "2019-10-01") == ["4,504", "4,504", "5,000", "4.00%", "17,055", "165", "214", "59,442.63"]
    # Visitors of two days are not the sum of the days' visitors, so none is shown.
    assert line_of(table, "all days") == ["20,000", "4.00%", "68,220", "660", "856", "237,770.52"]
    assert line_of(table, "people only") == ["15,000", "4.00%", "51,165", "495", "642", "178,327.89"]


def test_only_the_latest_days_are_shown_and_the_others_counted() -> None:
    days = [str(date(2019, 10, 25) + timedelta(days=number)) for number in range(report.DAYS_SHOWN + 5)]
    lines = text(report.daily_visitors([visitors(day, audience) for day in days for audience in ("all", "human")]))
    shown = [line[:10] for line in lines if line.startswith("2019-")]
    assert shown == days[5:]
    assert any(line.startswith("5 days before") for line in lines)


def test_the_abandonment_rate_over_days_weighs_each_day_by_its_sessions() -> None:
    def carts(day: str, with_cart: int, abandoned: int, rate: float | None) -> Row:
        return {
            "day": day,
            "audience": "all",
            "sessions_with_cart": with_cart,
            "sessions_abandoned": abandoned,
            "abandonment_rate": rate,
            "abandoned_value": 10.5,
        }

    table = report.cart_abandonment(
        [carts("2019-10-01", 118, 53, 0.4492), carts("2019-10-02", 2, 1, 0.5), carts("2019-10-03", 0, 0, None)]
    )
    assert line_of(table, "2019-10-01") == ["118", "53", "44.92%", "10.50"]
    assert line_of(table, "2019-10-03") == ["0", "0", "10.50"]
    assert line_of(table, "all days") == ["120", "54", "45.00%", "31.50"]
    assert line_of(table, "people only") == ["0", "0", "0.00%", "0.00"]


def test_categories_are_ordered_by_views_over_all_days() -> None:
    def category(day: str, audience: str, code: str | None, views: int) -> Row:
        row = {"day": day, "audience": audience, "category_code": code, "views": views, "carts": 1, "purchases": 2}
        return {**row, "events": views + 3, "revenue": 1000.5}

    rows = [
        category("2019-10-01", "all", "electronics.clocks", 600),
        category("2019-10-01", "all", "electronics.smartphone", 500),
        category("2019-10-01", "human", "electronics.clocks", 90_000),
        category("2019-10-01", "all", None, 80_000),
        category("2019-10-02", "all", "electronics.smartphone", 700),
    ]
    rows += [category("2019-10-02", "all", f"other.number_{number:02}", number) for number in range(1, 12)]
    table = report.popular_categories(rows)
    assert line_of(table, "electronics.smartphone")[:5] == ["1,206", "1,200", "2", "4", "2,001.00"]
    codes = [line.split()[0] for line in text(table)[2:]]
    assert codes[:3] == ["electronics.smartphone", "electronics.clocks", "other.number_11"]
    assert len(codes) == report.CATEGORIES_SHOWN


def test_each_query_says_what_it_read() -> None:
    row = {"table": "agg_activity", "reads": ["ecomm_user_activity"], "rows": 6132}
    table = report.scans([{**row, "bytes_scanned": 123456, "check_bytes_scanned": 789}])
    assert line_of(table, "agg_activity") == ["6,132", "123,456", "789", "ecomm_user_activity"]


def test_hours_are_bars_from_midnight() -> None:
    shown = report.hours([0] + [10] * 11 + [80] * 12)
    assert shown == "00  " + "▁" * 11 + "█" * 12 + " 23, most at 12:00 with 80"
    assert report.hours([0] * 24) == "no events"
