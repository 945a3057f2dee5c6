"""Each role may do what the runs of the suites before did under it, and nothing else.

The platform has written down which right each call needed and who made it (local/calls.py). So this comes after
tests/plugins and tests/dags in one session, as `make test-airflow` runs them; alone, it has seen nothing.
"""

from __future__ import annotations

import json
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.conftest import Platform
from tests.privileges.roles import ROLES_OF, Roles, Statement

UNSEEN = Path(__file__).with_name("not_seen_here.toml")
# Whose work is done by processes of their own, which call as it is done on AWS.
SEEN = {"GlueJobRole", "FlinkRole", "FunctionRole", "SimulatorPolicy", "OperatorPolicy", *ROLES_OF["airflow"]}


# What tests made for themselves: streams and code of their own applications, data of their own for the deployed job, a
# queue that is missing on purpose. No role of the stacks is about them.
NOBODYS = ("*:stream/counts-*", "*:::artifacts-*", "*:ecommerce-raw-*/killed*", "*:nowhere")


@pytest.fixture(scope="module")
def roles(platform: Platform) -> Roles:
    return Roles(platform)


@pytest.fixture(scope="module")
def calls(platform: Platform, roles: Roles) -> list[dict[str, str]]:
    """Those of the roles; what tests call for themselves is nobody's."""
    record = platform.var / "calls.jsonl"
    every = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
    found = [call for call in every if roles.of(call["principal"]) and not _is_nobodys(call["resource"])]
    missing = SEEN - {role for call in found for role in roles.of(call["principal"])}
    assert not missing, f"Nothing was run under {', '.join(sorted(missing))}: run tests/plugins and tests/dags before."
    return found


def test_a_role_may_do_whatever_is_done_under_it(calls: list[dict[str, str]], roles: Roles) -> None:
    refused = {
        f"{'/'.join(roles.of(call['principal']))}: {call['action']} on {call['resource']}"
        for call in calls
        if not any(roles.allowing(call))
    }
    assert not refused, "\n".join(sorted(refused))


def test_what_a_role_may_do_is_done(calls: list[dict[str, str]], roles: Roles) -> None:
    """Each action and each resource of each statement is used, or stands in not_seen_here.toml with its reason."""
    assert sorted(unused(calls, roles)) == sorted(f"{role}: {right}" for role, right, _ in unseen())


def test_whatever_is_not_seen_has_a_reason() -> None:
    assert [(role, right) for role, right, reason in unseen() if len(reason) < 20] == []


def _is_nobodys(resource: str) -> bool:
    return any(fnmatchcase(resource, pattern) for pattern in NOBODYS)


def unused(calls: list[dict[str, str]], roles: Roles) -> set[str]:
    """A statement nothing of which is used by its Sid; else the single actions and resources."""
    used: set[tuple[str, str, str | int]] = set()
    for call in calls:
        for statement, place in roles.allowing(call):
            used |= {(statement.role, statement.sid, call["action"]), (statement.role, statement.sid, place)}
    return {f"{statement.role}: {right}" for statement in roles.statements for right in _unused(statement, used)}


def _unused(statement: Statement, used: set[tuple[str, str, str | int]]) -> list[str]:
    def is_used(what: str | int) -> bool:
        return (statement.role, statement.sid, what) in used

    if not any(map(is_used, statement.actions)):
        return [statement.sid]
    actions = [f"{statement.sid}, {action}" for action in statement.actions if not is_used(action)]
    places = range(len(statement.resources))
    return actions + [f"{statement.sid}, resource {place + 1}" for place in places if not is_used(place)]


def unseen() -> list[tuple[str, str, str]]:
    """Role, right and reason."""
    listed = tomllib.loads(UNSEEN.read_text())
    return [(role, right, reason) for role, rights in listed.items() for right, reason in rights.items()]
