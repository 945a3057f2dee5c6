"""What an alert mail says: plain text in short lines, so that it can be read on a phone at night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ecomm_detect_high_event_volume.alerts import DRILL_USERS, SEVERITIES, Alert
from ecomm_detect_high_event_volume.settings import Settings

# SNS takes no longer subject, and only ASCII.
SUBJECT_CHARACTERS = 100

_WHAT = {"events": "events", "new_users": "new users"}


@dataclass(frozen=True)
class Mail:
    subject: str
    body: str


def write(alerts: Sequence[Alert], settings: Settings) -> Mail:
    """One mail about all of the alerts; there is at least one."""
    worst = sorted(
        alerts, key=lambda alert: (-SEVERITIES.index(alert.severity), alert.user_id is not None, -alert.measured)
    )
    users = [alert for alert in worst if alert.user_id is not None]
    surges = [alert for alert in worst if alert.user_id is None]
    if surges:
        headline, what = _traffic(surges[0])
    elif len(users) == 1:
        headline, what = _one_user(users[0])
    else:
        headline, what = _many_users(users, settings)
    drills = sum(alert.is_drill for alert in users)
    if drills == len(alerts):
        headline = f"Drill: {headline}"
    parts = [_drill(drills, len(alerts)), what]
    if users and (surges or len(users) > 1):
        parts.append(_list(users))
    to_do = "WHAT TO DO\nNothing: it was a drill." if drills == len(alerts) else _to_do(users, surges)
    parts += [_done(users, settings), to_do, _links(settings)]
    subject = f"[{worst[0].severity}] {headline}"[:SUBJECT_CHARACTERS]
    return Mail(subject, "\n\n".join(filter(None, parts)) + "\n")


def _drill(drills: int, alerts: int) -> str:
    """Says that the mail is about a drill, or that one is among the users."""
    if not drills:
        return ""
    if drills == alerts:
        return "This is a drill of ecomm_streaming_drill, no attack."
    first = DRILL_USERS.start
    return f"Users from {first} on are of a drill, no attack."


def _one_user(alert: Alert) -> tuple[str, str]:
    more = "" if alert.complete else " and goes on"
    headline = f"User {alert.user_id} acted {_measured(alert)} times in {alert.window_seconds} s"
    return headline, "\n".join(
        (
            f"One user acts like a machine{more}.",
            "",
            f"User:        {alert.user_id}",
            f"Actions:     {_measured(alert)} in {alert.window_seconds} seconds",
            f"Threshold:   {alert.usual:.0f}",
            f"Window:      {_span(alert)}",
            f"First seen:  {_clock(alert.window_start)}",
            f"Last seen:   {_clock(alert.last_seen)}",
            f"Severity:    {alert.severity}",
        )
    )


def _many_users(alerts: Sequence[Alert], settings: Settings) -> tuple[str, str]:
    first = min(alert.window_start for alert in alerts)
    last = max(alert.last_seen for alert in alerts)
    headline = f"{len(alerts)} users acted more than {settings.threshold} times in {alerts[0].window_seconds} s"
    return headline, "\n".join(
        (
            f"{len(alerts)} users act like machines.",
            "",
            f"Worst user:  {alerts[0].user_id}, {_measured(alerts[0])} actions",
            f"Threshold:   {settings.threshold} in {alerts[0].window_seconds} seconds",
            f"First seen:  {_clock(first)}",
            f"Last seen:   {_clock(last)}",
            f"Severity:    {alerts[0].severity}",
        )
    )


def _traffic(alert: Alert) -> tuple[str, str]:
    what = _WHAT[alert.signal]
    headline = f"{alert.measured} {what} in {alert.window_seconds} s, usually {alert.usual:.1f}"
    return headline, "\n".join(
        (
            f"The shop gets far more {what} than a few minutes ago.",
            "Many users at once, each of them quiet, may be an",
            "attack from many machines. A sale or an advertisement",
            "looks the same.",
            "",
            f"Counted:     {alert.measured} {what}",
            f"Usual:       {alert.usual:.1f} in a window",
            f"Window:      {_span(alert)}",
            f"First seen:  {_clock(alert.window_start)}",
            f"Last seen:   {_clock(alert.last_seen)}",
            f"Severity:    {alert.severity}",
        )
    )


def _list(users: Sequence[Alert]) -> str:
    lines = [f"{'User':<14}{'Actions':>8}  Window"]
    lines += [f"{alert.user_id:<14}{_measured(alert):>8}  {_time(alert.window_start)}" for alert in users]
    return "\n".join(lines)


def _done(users: Sequence[Alert], settings: Settings) -> str:
    lines = ["WHAT WAS DONE"]
    if users:
        whom = "the user is" if len(users) == 1 else "the users are"
        lines.append(f"- Stored; {whom} on the block list for {_duration(settings.block_seconds)}.")
    else:
        lines.append("- Stored. Nobody is blocked: no single user is loud.")
    lines.append(f"- No other mail about this for {_duration(settings.cooldown_seconds)}.")
    return "\n".join(lines)


def _to_do(users: Sequence[Alert], surges: Sequence[Alert]) -> str:
    if users and not surges:
        steps = (
            "1. Look at what they did (runbook, section 2).",
            "2. A bot or an attack: block them in the shop.",
            "3. A partner or a test of ours: put them on the",
            "   allow-list (runbook, section 3).",
        )
    else:
        steps = (
            "1. Is a sale or a campaign on? Then all is well.",
            "2. Look at the newest clicks: one product, one",
            "   category, one kind of action (runbook, section 4)?",
            "3. An attack: limit the rate at the shop's entrance.",
        )
    return "\n".join(("WHAT TO DO", *steps))


def _links(settings: Settings) -> str:
    links = (("Dashboard", settings.dashboard_url), ("Logs", settings.logs_url), ("Runbook", settings.runbook_url))
    lines = [f"{name}: {url}" for name, url in links if url]
    return "\n".join(("LINKS", *lines)) if lines else ""


def _measured(alert: Alert) -> str:
    """A window that is not over may have seen more by now."""
    return f"{alert.measured}" if alert.complete else f"{alert.measured}+"


def _span(alert: Alert) -> str:
    return f"{_clock(alert.window_start).removesuffix(' UTC')} to {_time(alert.window_end)} UTC"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S}"


def _duration(seconds: int) -> str:
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"
