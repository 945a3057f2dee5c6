"""Attacks planted among the events, and the labels that a detection is measured by.

Each has the habits of one kind of abuser. The same seed and source give the same users, products, sessions and moments.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple
from uuid import UUID

from .errors import SimulatorError

# Part of the contract's reserved users, beyond every id of a shop and still exact in a JavaScript number; a test holds
# the copy equal.
PLANTED_USERS = range(9_000_000_000_000, 9_001_000_000_000)
DEFAULT_START = 1.0

# "stream": seconds between the events as they are sent. "data": seconds between their event times.
Clock = Literal["stream", "data"]


class Action(NamedTuple):
    """One event of an attack: seconds after the attack's start, and the CSV row after its event_time."""

    offset: float
    row: bytes


@dataclass
class Label:
    """What was planted; times are those of the first and the last event that was handed to the stream."""

    kind: str
    user_ids: list[int]
    events: int = 0
    first_txn_timestamp: str | None = None
    last_txn_timestamp: str | None = None
    first_event_time: str | None = None
    last_event_time: str | None = None

    def count(self, txn_timestamp: str, seconds: int) -> None:
        """seconds: the event's time, since 1970."""
        event_time = time_text(seconds)
        self.events += 1
        self.first_txn_timestamp = self.first_txn_timestamp or txn_timestamp
        self.first_event_time = self.first_event_time or event_time
        self.last_txn_timestamp, self.last_event_time = txn_timestamp, event_time


@dataclass
class Attack:
    """An attack, ready to be merged into the events; `actions` come in the order of their offsets."""

    start: float
    clock: Clock
    actions: Iterator[Action]
    label: Label


class _Plan(NamedTuple):
    """What an attack draws from: its own random numbers, the ids it may use, and products of the data."""

    random: Random
    users: range
    products: Sequence[bytes]

    def session(self) -> bytes:
        return str(UUID(int=self.random.getrandbits(128), version=4)).encode()

    def action(self, offset: float, event_type: str, product: bytes, user: int, session: bytes) -> Action:
        return Action(offset, b"%b,%b,%d,%b" % (event_type.encode(), product, user, session))


def _loud_user(plan: _Plan) -> tuple[list[int], Iterator[Action]]:
    """One product into the cart 131 times within 7 seconds, as user 518642416 of the data did."""
    user, session, product = plan.random.choice(plan.users), plan.session(), plan.random.choice(plan.products)
    moments = sorted(plan.random.uniform(0, 7) for _ in range(131))
    return [user], (plan.action(moment, "cart", product, user, session) for moment in moments)


def _flood(plan: _Plan) -> tuple[list[int], Iterator[Action]]:
    """A thousand users never seen before look at one product, one to three times each, within 10 seconds."""
    first = plan.random.choice(plan.users[:-1000])
    users = list(range(first, first + 1000))
    product = plan.random.choice(plan.products)
    actions = [
        plan.action(plan.random.uniform(0, 10), "view", product, user, session)
        for user in users
        for session in [plan.session()]
        for _ in range(plan.random.randint(1, 3))
    ]
    return users, iter(sorted(actions))


def _slow_bot(plan: _Plan) -> tuple[list[int], Iterator[Action]]:
    """One view every 7 to 13 minutes, day and night, as long as the data goes on."""
    user, session = plan.random.choice(plan.users), plan.session()

    def actions() -> Iterator[Action]:
        moment = 0.0
        while True:
            yield plan.action(moment, "view", plan.random.choice(plan.products), user, session)
            moment += plan.random.uniform(7 * 60, 13 * 60)

    return [user], actions()


def _scraper(plan: _Plan) -> tuple[list[int], Iterator[Action]]:
    """Views of product after product in the order of their ids, about 50 a minute, never a cart."""
    user, session = plan.random.choice(plan.users), plan.session()

    def actions() -> Iterator[Action]:
        moment = 0.0
        for product in itertools.cycle(sorted(plan.products, key=lambda product: int(product.split(b",")[0]))):
            yield plan.action(moment, "view", product, user, session)
            moment += plan.random.uniform(1.1, 1.3)

    return [user], actions()


def _card_tester(plan: _Plan) -> tuple[list[int], Iterator[Action]]:
    """200 purchases for small change, 5 to 15 seconds apart and each in a session of its own: a card each."""
    user = plan.random.choice(plan.users)

    def actions() -> Iterator[Action]:
        moment = 0.0
        for _ in range(200):
            unpriced = plan.random.choice(plan.products).rsplit(b",", 1)[0]
            product = b"%b,%.2f" % (unpriced, plan.random.uniform(0.5, 2))
            yield plan.action(moment, "purchase", product, user, plan.session())
            moment += plan.random.uniform(5, 15)

    return [user], actions()


_KINDS: dict[str, tuple[Clock, Callable[[_Plan], tuple[list[int], Iterator[Action]]]]] = {
    "loud-user": ("stream", _loud_user),
    "flood": ("stream", _flood),
    "slow-bot": ("data", _slow_bot),
    "scraper": ("data", _scraper),
    "card-tester": ("data", _card_tester),
}
KINDS = tuple(_KINDS)


def time_text(seconds: int) -> str:
    """Seconds since 1970 as the data writes a time."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S UTC}"


def parse_plants(text: str) -> dict[str, float]:
    """The kinds of `loud-user@30,flood` and when each starts, in seconds; `all` stands for every kind.

    Raises ValueError for anything else.
    """
    plants = {}
    for word in text.split(","):
        kind, at, start = word.strip().partition("@")
        if kind not in (*KINDS, "all") or (at and not re.fullmatch(r"\d+(\.\d+)?", start)):
            raise ValueError(f"{word.strip()!r} is no attack; write one of {', '.join(KINDS)}, all, as in loud-user@30")
        for name in KINDS if kind == "all" else [kind]:
            plants[name] = float(start) if at else DEFAULT_START
    return plants


def plan_attacks(plants: Mapping[str, float], seed: int, lines: Sequence[bytes]) -> list[Attack]:
    """The attacks of `parse_plants`. lines: events of the data, whose products the attackers use.

    Raises SimulatorError where none of the lines shows a product.
    """
    products = sorted(
        {b",".join(line.split(b",")[2:7]) for line in lines if line.count(b",") == 8 and b'"' not in line}
    )
    if not products:
        raise SimulatorError("The source shows no product that an attack could use; its first rows must be events.")
    share = len(PLANTED_USERS) // len(KINDS)
    attacks = []
    for kind, start in plants.items():
        clock, make = _KINDS[kind]
        place = KINDS.index(kind) * share
        users, actions = make(_Plan(Random(f"{seed}/{kind}"), PLANTED_USERS[place : place + share], products))
        attacks.append(Attack(start, clock, actions, Label(kind, users)))
    return attacks


def write_labels(path: Path, labels: Sequence[Label]) -> None:
    """One JSON object a line, one line an attack."""
    path.write_text("".join(json.dumps(asdict(label)) + "\n" for label in labels))
