"""From datapoints to a state, with AWS's rules for missing data.

Source: "Configuring how CloudWatch alarms treat missing data" of the CloudWatch user guide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

# More periods are looked at than are evaluated, so that a late or missing datapoint is no reason by itself.
FURTHER_PERIODS = 2

OK = "OK"
ALARM = "ALARM"
INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True)
class Rule:
    """breaches: whether a value does. wanted: of so many periods, how many must breach for an alarm."""

    breaches: Callable[[float], bool]
    periods: int
    wanted: int
    treatment: str


@dataclass(frozen=True)
class Verdict:
    """state: None where the alarm stays what it is.

    times: of the datapoints that it rests on, the newest first. missing: how many were treated as something.
    """

    state: str | None
    times: Sequence[int]
    missing: int


def evaluate(rule: Rule, values: Mapping[int, float], range_times: Sequence[int]) -> Verdict:
    """values: by time, what is there. range_times: the evaluation range, the oldest first."""
    there = [at for at in reversed(range_times) if at in values][: rule.periods]
    breaching = sum(rule.breaches(values[at]) for at in there)
    missing = rule.periods - len(there)
    if missing == 0:
        return Verdict(ALARM if breaching >= rule.wanted else OK, there, 0)
    if rule.treatment in ("breaching", "notBreaching"):
        filled = breaching + (missing if rule.treatment == "breaching" else 0)
        return Verdict(ALARM if filled >= rule.wanted else OK, there, missing)
    if breaching >= rule.wanted:
        return Verdict(ALARM, there, missing)
    if breaching < len(there):
        return Verdict(OK, there, missing)
    if rule.treatment == "ignore":
        return Verdict(None, there, missing)
    # All that is there breaches: an alarm once the first of it is as old as the datapoints that an alarm needs.
    age = len(range_times) - range_times.index(there[-1]) if there else 0
    return Verdict(ALARM if age >= rule.wanted else INSUFFICIENT_DATA, there, missing)
