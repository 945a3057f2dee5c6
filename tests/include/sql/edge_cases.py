"""Made-up events that hold every case in which a KPI could be counted in two ways."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

PHONE, CLOCK, SCARF = "electronics.smartphone", "electronics.clocks", "apparel.scarf"
# Whoever breaks a rule of thresholds.json by one, and whoever keeps it just so.
FAST, FAST_ENOUGH = 901, 801
CARTING, CARTING_ENOUGH = 902, 802
SLEEPLESS, LATE = 903, 803
READER, LONG_READER, BUYING_READER = 904, 804, 805
REPEATING, REPEATING_ENOUGH = 906, 806
# The first and the last reserved id, the user beside each, and one that breaks another rule too.
RESERVED, LAST_RESERVED, LOUD_RESERVED = 9_000_000_000_000, 9_299_999_999_999, 9_100_000_000_000
BEFORE_RESERVED, AFTER_RESERVED = RESERVED - 1, LAST_RESERVED + 1
SUSPICIOUS = {
    str(RESERVED): "reserved",
    str(LAST_RESERVED): "reserved",
    str(LOUD_RESERVED): "reserved",
    str(FAST): "events_per_hour",
    str(CARTING): "carts_per_hour",
    str(SLEEPLESS): "hours_per_day",
    str(READER): "views_without_end",
    str(REPEATING): "repeats_per_hour",
}
# Lines set aside, by the month of their folder: the day that one tells counts only where it is of that month.
QUARANTINE = {
    "2019-11": ["2019-11-01 00:00:00 UTC,view,cut", "2019-11-25 00:00:00 UTC", "2019-10-31 00:00:00 UTC", "no time"],
    "2019-10": ["2019-10-99 is no day"],
}
QUARANTINED = {"2019-11-01": 1, "2019-11-25": 1, None: 3}
_sessions = count(1)


def session() -> str:
    return f"00000000-0000-4000-8000-{next(_sessions):012}"


def line(time: str, kind: str, user: int, session: str = "", code: str = PHONE, *, price: str = "10.00") -> str:
    """An event at `time` of October or November, such as `11-01 10:00:00`."""
    return f"2019-{time} UTC,{kind},{user + 1000},2053013555631882655,{code},samsung,{price},{user},{session}\n"


def visits() -> Iterator[str]:
    """Sessions of ordinary users."""
    abandoned, bought, both_ways, uncarted, emptied = (session() for _ in range(5))
    yield line("11-01 10:00:00", "view", 1, abandoned)
    yield line("11-01 10:00:05", "cart", 1, abandoned, price="100.10")
    yield line("11-01 10:00:05", "cart", 1, abandoned, price="100.10")
    yield line("11-01 11:00:00", "cart", 2, bought, CLOCK, price="19.99")
    yield line("11-01 11:00:09", "purchase", 2, bought, CLOCK, price="19.99")
    # What is put into the cart after a purchase is not abandoned: the session has a purchase.
    yield line("11-02 09:00:00", "cart", 2, both_ways, CLOCK, price="5.00")
    yield line("11-02 09:01:00", "purchase", 2, both_ways, CLOCK, price="5.00")
    yield line("11-02 09:02:00", "cart", 2, both_ways, SCARF, price="7.50")
    yield line("11-02 10:00:00", "purchase", 3, uncarted, SCARF, price="83.00")
    yield line("11-02 10:30:00", "cart", 4, emptied, SCARF, price="1.00")
    yield line("11-02 10:31:00", "remove_from_cart", 4, emptied, SCARF, price="1.00")
    # Over midnight, and over the end of the month: the session is of the day it began on.
    late = session()
    yield line("10-31 23:59:59", "view", 5, late)
    yield line("11-01 00:00:00", "cart", 5, late, price="0.01")
    # A session of two users, one of them a machine: of the session nothing is human, of the other user all.
    shared, harmless = session(), session()
    yield line("11-03 08:00:00", "cart", 6, shared, price="2.00")
    yield line("11-03 08:00:01", "view", FAST, shared)
    yield line("11-03 08:10:00", "cart", 7, harmless, price="3.00")
    yield line("11-03 08:11:00", "purchase", 8, harmless, price="3.00")
    # No category, no session, no price; a day on which nothing else happens.
    yield line("11-04 00:00:00", "view", 1, code="", price="0.00")
    yield line("11-04 23:59:59", "purchase", 1, code="", price="0.00")
    yield line("11-04 12:00:00", "view", 9, code=SCARF)
    yield line("11-04 12:00:00", "view", 9, code=CLOCK)
    # The same session on two days, another category in between.
    returning = session()
    yield line("11-05 23:30:00", "view", 10, returning, CLOCK)
    yield line("11-06 00:30:00", "purchase", 10, returning, PHONE, price="123456.78")
    yield line("11-06 00:30:00", "purchase", 10, returning, PHONE, price="123456.78")


def reserved_users() -> Iterator[str]:
    """Users of tests who act as people do, on shared days and on days of their own; people with ids beside theirs."""
    for user in (BEFORE_RESERVED, RESERVED, LAST_RESERVED, AFTER_RESERVED):
        name = session()
        yield line("11-08 09:00:00", "cart", user, name, price="40.00")
        yield line("11-08 09:01:00", "purchase", user, name, SCARF, price="5.00")
    yield line("11-09 10:00:00", "view", RESERVED, session(), CLOCK)
    name = session()
    for number in range(101):
        yield line(f"11-10 16:{number % 60:02}:{number // 60:02}", "cart", LOUD_RESERVED, name, price="27.00")


def loud_users() -> Iterator[str]:
    """Each rule broken by one user and kept by another, by a single event."""
    for user, events in ((FAST, 601), (FAST_ENOUGH, 600)):
        name = session()
        for number in range(events):
            yield line(f"11-03 14:{number // 60:02}:{number % 60:02}", "view", user, name)
    for user, carts in ((CARTING, 101), (CARTING_ENOUGH, 100)):
        name = session()
        for number in range(carts):
            yield line(f"11-17 16:{number % 60:02}:{number // 60:02}", "cart", user, name, price="27.00")
    for user, copies in ((REPEATING, 32), (REPEATING_ENOUGH, 31)):
        name = session()
        for _ in range(copies):
            yield line("11-17 16:58:13", "purchase", user, name)
    for user, hours in ((SLEEPLESS, 22), (LATE, 21)):
        for hour in range(hours):
            yield line(f"11-18 {hour:02}:15:00", "view", user, session(), SCARF)
    for user, views in ((READER, 1501), (LONG_READER, 1500), (BUYING_READER, 1501)):
        name = session()
        for number in range(views):
            yield line(f"11-19 {number // 500:02}:{number % 60:02}:{number % 500 // 60:02}", "view", user, name, CLOCK)
    yield line("11-19 20:00:00", "cart", BUYING_READER, session(), CLOCK, price="9.00")


LINES = [*visits(), *reserved_users(), *loud_users()]
random.Random(1).shuffle(LINES)
