"""The mails as the operator reads them, on a phone."""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import ROOT

from .conftest import NOON, WINDOW, Handle, Resources, batch, count

PHONE_CHARACTERS = 60


@pytest.fixture
def settings() -> Any:
    from ecomm_detect_high_event_volume.settings import Settings

    return Settings("t", "arn", "mails", "failed", 10, 900, 3600, 5, 7, "https://d.example", "", "https://r.example")


def alert(user: int, actions: int, complete: bool = True) -> Any:
    from ecomm_detect_high_event_volume.alerts import Alert

    end = NOON + WINDOW
    return Alert(f"user#{user}", "actions", actions, 10.0, complete, NOON, end, end + timedelta(seconds=1))


def surge(signal: str, observed: int, baseline: float) -> Any:
    from ecomm_detect_high_event_volume.alerts import Alert

    end = NOON + timedelta(seconds=5)
    return Alert("traffic", signal, observed, baseline, True, NOON, end, end + timedelta(seconds=1))


def test_one_user(settings: Any) -> None:
    from ecomm_detect_high_event_volume import mail_text

    mail = mail_text.write([alert(512_345_678, 11, complete=False)], settings)
    assert mail.subject == "[WARNING] User 512345678 acted 11+ times in 10 s"
    assert mail.body == (
        """\
One user acts like a machine and goes on.

User:        512345678
Actions:     11+ in 10 seconds
Threshold:   10
Window:      2019-11-01 12:00:00 to 12:00:10 UTC
First seen:  2019-11-01 12:00:00 UTC
Last seen:   2019-11-01 12:00:11 UTC
Severity:    WARNING

WHAT WAS DONE
- Stored; the user is on the block list for 1 hour.
- No other mail about this for 15 minutes.

WHAT TO DO
1. Look at what they did (runbook, section 2).
2. A bot or an attack: block them in the shop.
3. A partner or a test of ours: put them on the
   allow-list (runbook, section 3).

LINKS
Dashboard: https://d.example
Runbook: https://r.example
"""
    )


def test_the_worst_comes_first_and_gives_the_severity(settings: Any) -> None:
    from ecomm_detect_high_event_volume import mail_text

    mail = mail_text.write([alert(1, 11), alert(2, 400), alert(3, 60)], settings)
    assert mail.subject == "[CRITICAL] 3 users acted more than 10 times in 10 s"
    places = [mail.body.index(f"\n{user} ") for user in (2, 3, 1)]
    assert places == sorted(places)


def test_the_traffic_leads_and_the_users_of_the_same_moment_are_listed(settings: Any) -> None:
    from ecomm_detect_high_event_volume import mail_text

    mail = mail_text.write([alert(1, 11), surge("new_users", 1000, 4.5)], settings)
    assert mail.subject == "[CRITICAL] 1000 new users in 5 s, usually 4.5"
    assert "\n1 " in mail.body
    assert "Is a sale or a campaign on?" in mail.body


@pytest.mark.parametrize("users", [1, 2, 500])
def test_every_mail_fits_sns_and_a_phone(settings: Any, users: int) -> None:
    from ecomm_detect_high_event_volume import mail_text

    long_ago = dataclasses.replace(settings, block_seconds=3601, cooldown_seconds=60)
    alerts = [alert(2**62 + user, 10**9) for user in range(users)]
    for signal in ("events", "new_users"):
        for written in (alerts, [*alerts, surge(signal, 10**9, 123_456.7)]):
            mail = mail_text.write(written, long_ago)
            assert len(mail.subject) <= 100
            assert mail.subject.isascii()
            assert "\n" not in mail.subject
            assert len(mail.body.encode()) < 256 * 1024
            assert max(map(len, mail.body.splitlines())) <= PHONE_CHARACTERS


def test_a_drill_s_mail_says_that_it_is_one(handle: Handle, resources: Resources) -> None:
    drill = 9_100_000_000_007
    handle(batch(count(drill, 25)))
    (mail,) = resources.sent()
    assert mail["Subject"] == f"[WARNING] Drill: User {drill} acted 25 times in 10 s"
    assert mail["Message"].startswith("This is a drill of ecomm_streaming_drill, no attack.")
    assert "Nothing: it was a drill." in mail["Message"]


def test_a_mail_about_attackers_and_a_drill_is_no_drill(handle: Handle, resources: Resources) -> None:
    handle(batch(count(9_100_000_000_008, 25), count(5, 50)))
    (mail,) = resources.sent()
    assert "Drill" not in mail["Subject"]
    assert "Users from 9100000000000 on are of a drill" in mail["Message"]


def test_the_users_of_a_drill_are_those_of_the_contract(handle: Handle) -> None:
    contract = json.loads((ROOT / "include" / "contract" / "ecomm_user_activity.json").read_text())
    reserved = contract["reserved_users"]["drill"]
    users = sys.modules["ecomm_detect_high_event_volume.alerts"].DRILL_USERS
    assert (users[0], users[-1]) == (reserved["first"], reserved["last"])
