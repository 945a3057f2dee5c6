"""Missing data, by the tables of AWS's user guide: 0 is within the threshold, X over it, - missing."""

from __future__ import annotations

import pytest

from local.alarms.evaluation import ALARM, INSUFFICIENT_DATA, OK, Rule, evaluate

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
THREE_OF_THREE = {
    "0-X-X": (OK, OK, OK, OK),
    "0----": (OK, OK, OK, OK),
    "-----": (INSUFFICIENT_DATA, None, ALARM, OK),
    "0XX-X": (ALARM, ALARM, ALARM, ALARM),
    "----X": (INSUFFICIENT_DATA, None, ALARM, OK),
    "---X-": (INSUFFICIENT_DATA, None, ALARM, OK),
    "--X--": (ALARM, None, ALARM, OK),
    "X----": (ALARM, None, ALARM, OK),
    "XXX0X": (OK, OK, OK, OK),
    "00XXX": (ALARM, ALARM, ALARM, ALARM),
}
TWO_OF_THREE = {
    "0-X-X": (ALARM, ALARM, ALARM, ALARM),
    "00X0X": (ALARM, ALARM, ALARM, ALARM),
    "0-X--": (OK, OK, ALARM, OK),
    "----0": (OK, OK, ALARM, OK),
    "----X": (INSUFFICIENT_DATA, None, ALARM, OK),
}


@pytest.mark.parametrize(
    ("wanted", "points", "expected"),
    [(3, points, states) for points, states in THREE_OF_THREE.items()]
    + [(2, points, states) for points, states in TWO_OF_THREE.items()],
)
def test_states(wanted: int, points: str, expected: tuple[str | None, ...]) -> None:
    values = {at: {"0": 0.0, "X": 9.0}[point] for at, point in enumerate(points) if point != "-"}
    found = tuple(
        evaluate(Rule(lambda value: value > 1, 3, wanted, treatment), values, range(5)).state
        for treatment in TREATMENTS
    )
    assert found == expected


def test_one_of_one_alarms_at_the_first_datapoint() -> None:
    rule = Rule(lambda value: value > 1, 1, 1, "missing")
    assert evaluate(rule, {2: 9.0}, range(3)).state == ALARM
    assert evaluate(rule, {0: 9.0, 2: 0.0}, range(3)).state == OK
