"""Planted attacks: each with its habits, the same for the same seed, and labelled as they are in the stream."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from simulator.dataset_generator import generate
from simulator.stream_data_simulator import Options, SimulatorError, stream_data_simulator
from simulator.stream_data_simulator.attacks import KINDS, PLANTED_USERS, parse_plants, plan_attacks
from tests.simulator.conftest import RealStream, row

CsvFile = Callable[[Sequence[str]], Path]
START = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """Rows of five hours."""
    return [line.rstrip("\n") for line in islice(generate(60_000, seed=2, months=["2019-11"]), 400)]


def plan(kind: str, seed: int = 1) -> tuple[list[int], list[tuple[float, list[str]]]]:
    """The attackers and their first 3,000 actions: the offset and the fields after event_time."""
    (attack,) = plan_attacks({kind: 0.0}, seed, [row(number, price=f"{number}.50").encode() for number in range(40)])
    return attack.label.user_ids, [
        (action.offset, action.row.decode().split(",")) for action in islice(attack.actions, 3_000)
    ]


def test_a_loud_user_repeats_one_cart_131_times_in_7_seconds() -> None:
    users, actions = plan("loud-user")
    assert len(actions) == 131
    assert actions[-1][0] - actions[0][0] <= 7
    assert {tuple(fields) for _, fields in actions} == {tuple(actions[0][1])}
    assert actions[0][1][0] == "cart"
    assert actions[0][1][6] == str(*users)


def test_a_flood_is_a_thousand_users_of_one_product_in_10_seconds() -> None:
    users, actions = plan("flood")
    assert {int(fields[6]) for _, fields in actions} == set(users)
    assert len(set(users)) == 1000
    assert len({fields[1] for _, fields in actions}) == 1
    assert max(Counter(fields[6] for _, fields in actions).values()) <= 3
    assert actions[-1][0] <= 10


def test_a_slow_bot_is_awake_in_every_hour_and_never_loud() -> None:
    _, actions = plan("slow-bot")
    hours = {int(offset // 3600) for offset, _ in actions}
    assert hours == set(range(max(hours) + 1))
    assert max(hours) > 24 * 7
    assert min(later[0] - earlier[0] for earlier, later in pairwise(actions)) >= 7 * 60


def test_a_scraper_goes_from_product_to_product_and_buys_nothing() -> None:
    _, actions = plan("scraper")
    assert {fields[0] for _, fields in actions} == {"view"}
    assert [int(fields[1]) for _, fields in actions[:80]] == [*range(40), *range(40)]
    # Below the rule of more than ten events in ten seconds.
    assert all(later[0] - earlier[0] > 1 for earlier, later in zip(actions, actions[9:], strict=False))
    assert actions[1500][0] < 3600


def test_a_card_tester_buys_cheaply_in_session_after_session() -> None:
    users, actions = plan("card-tester")
    assert len(actions) == 200
    assert {fields[0] for _, fields in actions} == {"purchase"}
    assert {int(fields[6]) for _, fields in actions} == set(users)
    assert len({fields[7] for _, fields in actions}) == 200
    assert all(0.5 <= float(fields[5]) <= 2 for _, fields in actions)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_plants_the_same(kind: str) -> None:
    assert plan(kind, seed=3) == plan(kind, seed=3)
    assert plan(kind, seed=3) != plan(kind, seed=4)


def test_attackers_of_different_kinds_are_different_users() -> None:
    everybody = [user for kind in KINDS for user in plan(kind)[0]]
    assert len(everybody) == len(set(everybody)) == 1004
    assert all(user in PLANTED_USERS for user in everybody)


def test_what_to_plant_is_read_from_text() -> None:
    assert parse_plants("loud-user@30.5, flood") == {"loud-user": 30.5, "flood": 1.0}
    assert set(parse_plants("all@2")) == set(KINDS)
    assert parse_plants("all@2,flood@9")["flood"] == 9
    for wrong in ("burst", "flood@", "flood@soon", ""):
        with pytest.raises(ValueError, match="write one of loud-user, flood, slow-bot, scraper, card-tester, all"):
            parse_plants(wrong)


def planted(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["user_id"] in PLANTED_USERS]


def test_labels_are_what_is_in_the_stream(
    stream: RealStream, csv_file: CsvFile, lines: list[str], tmp_path: Path
) -> None:
    labels = tmp_path / "labels.jsonl"
    summary = stream_data_simulator(
        Options(
            source=str(csv_file(lines)),
            stream=stream.name,
            plants=parse_plants("all@60"),
            labels=labels,
            replay_from=START,
        )
    )
    by_user = defaultdict(list)
    for event in planted(stream.events()):
        by_user[event["user_id"]].append(event)
    written = [json.loads(line) for line in labels.read_text().splitlines()]
    assert [label["kind"] for label in written] == list(KINDS)
    for label in written:
        events = [event for user in label["user_ids"] for event in by_user.pop(user)]
        assert len(events) == label["events"] > 0
        assert min(event["txn_timestamp"] for event in events) == label["first_txn_timestamp"]
        assert max(event["txn_timestamp"] for event in events) == label["last_txn_timestamp"]
        assert min(event["event_time"] for event in events) == label["first_event_time"]
        assert max(event["event_time"] for event in events) == label["last_event_time"]
    assert not by_user
    assert summary.events_sent == len(lines) + sum(label["events"] for label in written)
    assert len(written[0]["user_ids"]) == 1
    assert written[0]["first_txn_timestamp"] >= "2026-11-24T00:01:00.000Z"
    assert written[0]["last_txn_timestamp"] <= "2026-11-24T00:01:07.000Z"


def test_a_replay_with_attacks_is_the_same_every_time_but_for_the_sessions_of_the_rows(
    new_stream: Callable[..., RealStream], csv_file: CsvFile, lines: list[str]
) -> None:
    path = csv_file(lines[:200])
    found = []
    for _ in range(2):
        stream = new_stream(1)
        stream_data_simulator(
            Options(source=str(path), stream=stream.name, plants=parse_plants("all"), replay_from=START, in_flight=1)
        )
        found.append(stream.events())
    assert planted(found[0]) == planted(found[1])
    first, second = ([event | {"user_session": None} for event in events] for events in found)
    assert first == second
    assert len(planted(found[0])) > 2_000


def test_attackers_use_the_datas_own_products(stream: RealStream, csv_file: CsvFile, lines: list[str]) -> None:
    stream_data_simulator(
        Options(source=str(csv_file(lines)), stream=stream.name, plants=parse_plants("scraper"), replay_from=START)
    )
    events = stream.events()
    columns = ("product_id", "category_id", "category_code", "brand", "price")
    products = {tuple(event[name] for name in columns) for event in events if event["user_id"] not in PLANTED_USERS}
    attackers = planted(events)
    assert len({event["product_id"] for event in attackers}) > 100
    assert all(tuple(event[name] for name in columns) in products for event in attackers)


def test_on_the_wall_clock_a_burst_is_a_burst(stream: RealStream, csv_file: CsvFile) -> None:
    plants = parse_plants("loud-user@0")
    stream_data_simulator(Options(source=str(csv_file([row(1)])), stream=stream.name, plants=plants))
    times = sorted(
        datetime.strptime(event["txn_timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
        for event in planted(stream.events())
    )
    assert len(times) == 131
    assert 5 < times[-1] - times[0] < 60


def test_a_source_without_products_cannot_be_attacked(stream: RealStream, csv_file: CsvFile) -> None:
    with pytest.raises(SimulatorError, match="shows no product that an attack could use"):
        stream_data_simulator(
            Options(source=str(csv_file(["broken"])), stream=stream.name, plants=parse_plants("flood"))
        )
