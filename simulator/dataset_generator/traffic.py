"""When things happen: the rows of each hour of a month, and how many of its visits buy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from . import calibration
from .calibration import NOVEMBER, OCTOBER, Month

OCTOBER_START, NOVEMBER_START = datetime(2019, 10, 1, tzinfo=UTC), datetime(2019, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Hour(NamedTuple):
    """One UTC hour of a month, of visits to a category that sells as the average does.

    rows: in the real month. buys: share of the visits that end with a purchase. carts_first: share of those that put it
    into the cart before. carts: share of the other visits that leave something in the cart.
    """

    rows: float
    buys: float
    carts_first: float
    carts: float


class _Mix(NamedTuple):
    """Shares of carts and of purchases among rows."""

    carts: float
    purchases: float


def real_month(start: datetime) -> Month:
    """The counts of the real month; of any other those of October, in proportion to its days."""
    if start == NOVEMBER_START:
        return NOVEMBER
    days = (next_month(start) - start).days
    return Month(*(count * days // 31 for count in OCTOBER))


def next_month(start: datetime) -> datetime:
    return (start + timedelta(days=31)).replace(day=1)


def views_a_visit(start: datetime) -> float:
    """Mean number of a visit's views."""
    month = real_month(start)
    return (month.rows - month.carts - month.purchases) / month.sessions


def hours_of(start: datetime) -> list[Hour]:
    """Every hour of the month, in order."""
    moments = [start + number * HOUR for number in range((next_month(start) - start).days * 24)]
    rows = _rows(start, moments)
    mixes = _mixes(start, dict(zip(moments, rows, strict=True)))
    return [_hour(*parts, views_a_visit(start)) for parts in zip(rows, mixes, strict=True)]


def _rows(start: datetime, moments: list[datetime]) -> list[float]:
    """Rows by hour: the weekdays' usual ones, and above them the surge's own."""
    usual = _usual_rows()
    surging = [_surge_rows(moment) for moment in moments]
    month_usual = [usual[moment.weekday()][moment.hour] for moment in moments]
    # A surge day is given as a whole, the evening before it as what comes on top.
    on_top = sum(extra for extra, moment in zip(surging, moments, strict=True) if not _is_surge_day(moment))
    whole = sum(extra for extra, moment in zip(surging, moments, strict=True) if _is_surge_day(moment))
    ordinary = sum(rows for rows, moment in zip(month_usual, moments, strict=True) if not _is_surge_day(moment))
    level = (real_month(start).rows - on_top - whole) / ordinary
    return [
        extra if _is_surge_day(moment) else rows * level + extra
        for rows, extra, moment in zip(month_usual, surging, moments, strict=True)
    ]


def _usual_rows() -> list[list[float]]:
    """By weekday and hour, what both months have beside the surge, a day at October's level.

    November's ordinary days have more rows than October's, so each month's days count by their own level.
    """
    surge = sum(calibration.SURGE_EVENING_THOUSANDS) * 1000 + 3 * calibration.SURGE_ROWS_A_DAY
    november_level = (NOVEMBER.rows - surge) / (30 - 3) / (OCTOBER.rows / 31)
    days = [0.0] * 7
    extra = [[0.0] * 24 for _ in days]
    moment = OCTOBER_START
    while moment < next_month(NOVEMBER_START):
        if not _is_surge_day(moment):
            days[moment.weekday()] += (1 if moment < NOVEMBER_START else november_level) / 24
        extra[moment.weekday()][moment.hour] += _surge_rows(moment)
        moment += HOUR
    return [
        [(1000 * thousands - more) / level for thousands, more in zip(events, mores, strict=True)]
        for events, mores, level in zip(calibration.EVENTS_BY_WEEKDAY_AND_HOUR, extra, days, strict=True)
    ]


def _is_surge_day(moment: datetime) -> bool:
    return calibration.SURGE_DAYS[0] <= moment < calibration.SURGE_DAYS[1]


def _surge_rows(moment: datetime) -> float:
    """Of a surge day all rows of the hour, of the evening before it those on top of the usual ones, else none."""
    if _is_surge_day(moment):
        events = calibration.EVENTS_BY_WEEKDAY_AND_HOUR[moment.weekday()]
        return calibration.SURGE_ROWS_A_DAY * events[moment.hour] / sum(events)
    evening = (moment - calibration.SURGE_EVENING) // HOUR
    more = calibration.SURGE_EVENING_THOUSANDS
    return 1000.0 * more[evening] if 0 <= evening < len(more) else 0.0


def _mixes(start: datetime, rows: dict[datetime, float]) -> list[_Mix]:
    """What each hour's rows are; over the month the carts and purchases are the real month's."""
    month = real_month(start)
    if start != NOVEMBER_START:
        phases = [(list(rows), _Mix(month.carts / month.rows, month.purchases / month.rows))]
    else:
        phases = _november(rows)
    mixes = {}
    for moments, mix in phases:
        carts, purchases = (
            {moment: by_hour[moment.hour] for moment in moments}
            for by_hour in (calibration.CARTS_BY_HOUR, calibration.PURCHASES_BY_HOUR)
        )
        total = sum(rows[moment] for moment in moments)
        cart_level, purchase_level = (
            total / sum(rows[moment] * by_hour[moment] for moment in moments) for by_hour in (carts, purchases)
        )
        for moment in moments:
            mixes[moment] = _Mix(
                mix.carts * carts[moment] * cart_level, mix.purchases * purchases[moment] * purchase_level
            )
    return [mixes[moment] for moment in rows]


def _november(rows: dict[datetime, float]) -> list[tuple[list[datetime], _Mix]]:
    """The month's phases with their mixes: few carts, about 4 %, the surge without purchases, and with them."""
    bought_again = calibration.HOLE[1].replace(minute=0, second=0) + HOUR
    few = [moment for moment in rows if moment < calibration.CARTS_RECORDED_FROM]
    hole = [moment for moment in rows if calibration.SURGE_EVENING <= moment < bought_again]
    after = [moment for moment in rows if bought_again <= moment < calibration.SURGE_DAYS[1]]
    apart = {*few, *hole, *after}
    usual = [moment for moment in rows if moment not in apart]

    def total(moments: list[datetime]) -> float:
        return sum(rows[moment] for moment in moments)

    purchases = (NOVEMBER.purchases - calibration.PURCHASES_AFTER_HOLE) / total(few + usual)
    few_carts = purchases * calibration.CARTS_OF_PURCHASES_BEFORE
    surge_carts = NOVEMBER.carts - few_carts * total(few) - calibration.CARTS_OF_ROWS * total(usual)
    surge_share = surge_carts / total(hole + after)
    return [
        (few, _Mix(few_carts, purchases)),
        (usual, _Mix(calibration.CARTS_OF_ROWS, purchases)),
        # The hole begins and ends within an hour; what falls into it is left out there.
        (hole, _Mix(surge_share, 0.0)),
        (after, _Mix(surge_share, calibration.PURCHASES_AFTER_HOLE / total(after))),
    ]


def _hour(rows: float, mix: _Mix, views: float) -> Hour:
    """From shares of rows to shares of visits."""
    rows_a_visit = views / (1 - mix.carts - mix.purchases)
    carts_a_visit_with = 1 / (1 - calibration.ANOTHER_CART)
    buys = mix.purchases * rows_a_visit * (1 - calibration.ANOTHER_PURCHASE)
    ratio = mix.carts / mix.purchases if mix.purchases else 0.0
    carts_first = ratio / (ratio + calibration.CART_BEFORE_PURCHASE)
    others = mix.carts * rows_a_visit / carts_a_visit_with - buys * carts_first
    return Hour(rows, buys, carts_first, others / (1 - buys))
