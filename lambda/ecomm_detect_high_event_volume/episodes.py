"""An episode: all alarming windows of one user that lie close together, of which one mail tells.

The item `episode` in a user's partition holds the latest one. Who opens it mails it. A window belongs to it when it
lies within the cooldown of its first one (a stream read again after an hour tells of the same attack), or when the
cooldown after the mail is not over (two clocks that disagree tell of the same attack too).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecomm_detect_high_event_volume.alerts import Alert
from ecomm_detect_high_event_volume.deadline import Deadline, OutOfTimeError
from ecomm_detect_high_event_volume.observations import timestamp
from ecomm_detect_high_event_volume.settings import Settings
from ecomm_detect_high_event_volume.table import Key, Table, WriteError
from ecomm_detect_high_event_volume.windows import ALERT, DAY_SECONDS

EPISODE = "episode"
# Items of a subject by the start of a window, which outlive the window and the episode: the mail about it was sent, or
# an episode took care of it. They end what a replay could begin: a stream or a queue that is read again mails no one.
MAILED, HANDLED = "mailed", "handled"
# A message of the queue of failures is 14 days old at most. Older records are stored and raise no alert, since no one
# knows any more whether they did before.
REPLAY_SECONDS = 14 * DAY_SECONDS
MEMORY_SECONDS = REPLAY_SECONDS + DAY_SECONDS
# Partition of the users that are never alerted, one item each with the user's subject as sk.
ALLOWED = "allowed"


class Claim(enum.Enum):
    """What an invocation may do about an alarming window."""

    OPENED = "it opened the episode: it has to see to the mail"
    RESUMED = "the same window opened it before, and whether the mail was sent is not written down"
    COVERED = "another window opened the episode: nothing is left to do"


def claim_each(
    table: Table, settings: Settings, alerts: Sequence[Alert], deadline: Deadline
) -> list[tuple[Claim, str] | Exception]:
    """Opens an episode for each alert, or finds the one that covers it; with the episode's name.

    In the place of one that the table refused its ClientError or BotoCoreError. OutOfTimeError for those that half of
    the time that is left is too short for: who is claimed has to be mailed too, and the others come again.
    """
    enough = deadline.seconds / 2

    def claim(alert: Alert) -> tuple[Claim, str] | Exception:
        if deadline.seconds < enough:
            return OutOfTimeError("There are more alerts than this invocation has time for; the next one goes on.")
        try:
            return _claim(table, settings, alert)
        except (ClientError, BotoCoreError) as error:
            return error

    return table.side_by_side(claim, alerts)


def _claim(table: Table, settings: Settings, alert: Alert) -> tuple[Claim, str]:
    now = datetime.now(UTC)
    cooldown = timedelta(seconds=settings.cooldown_seconds)
    _, name = alert.name
    values: dict[str, Any] = {
        "told": False,
        "episode": name,
        "covered_from": timestamp(alert.window_start - cooldown),
        "covered_until": timestamp(alert.window_start + cooldown),
        "quiet_until": timestamp(now + cooldown),
        "alert": alert.to_json(),
        "severity": alert.severity,
    }
    kept: dict[str, Any] = {"expires_at": _seconds(now) + settings.keep_days * DAY_SECONDS}
    if alert.user_id is not None:
        values["user_id"] = alert.user_id
        # Together the key of the index that gives the block list.
        kept |= {"blocked": "yes", "blocked_until": _seconds(now) + settings.block_seconds}
    known = _open(table, alert, values | kept)
    if known is not None and known.get("blocked_until", 0) > kept.get("blocked_until", 0):
        # The operator's block is the longer one, and ends when the operator said.
        known = _open(table, alert, values)
    if known is None:
        return Claim.OPENED, name
    if known.get("episode") != name:
        return Claim.COVERED, str(known.get("episode"))
    return Claim.COVERED if known["told"] else Claim.RESUMED, name


def _open(table: Table, alert: Alert, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Writes the episode with these values; the item as it is where it covers the alert or has a longer block."""
    _, start = alert.name
    # An item without an episode is one that the operator made: a block by hand.
    free = (
        "(attribute_not_exists(episode) OR (quiet_until < :now AND (covered_from > :start OR covered_until < :start)))"
    )
    if "blocked_until" in values:
        free += " AND (attribute_not_exists(blocked_until) OR blocked_until <= :blocked_until)"
    return table.change(
        (alert.subject, EPISODE),
        "SET " + ", ".join(f"{attribute} = :{attribute}" for attribute in values),
        free,
        {f":{attribute}": value for attribute, value in values.items()}
        | {":now": timestamp(datetime.now(UTC)), ":start": start},
    )


def allowed(items: dict[Key, dict[str, Any]], subject: str) -> bool:
    """Whether the allow-list, read with `allow_key`, names the subject; an entry may have a time at which it ends."""
    entry = items.get(allow_key(subject))
    if entry is None:
        return False
    return "expires_at" not in entry or int(entry["expires_at"]) > _seconds(datetime.now(UTC))


def allow_key(subject: str) -> Key:
    return ALLOWED, subject


def mark_told(table: Table, names: Iterable[tuple[str, str]], deadline: Deadline) -> None:
    """Writes down that the mail of these episodes was sent; names are those of their alerts. Raises WriteError."""
    statements = []
    for subject, name in names:
        statements.append(_mark(table, subject, MAILED, name, name))
        statements.append(table.update((subject, EPISODE), {"told": True}, where={"episode": name}))
    _all_done(table, statements, deadline)


def untold(table: Table, alerts: Sequence[Alert], deadline: Deadline) -> list[Alert]:
    """Those whose mail is not known to be sent. Raises ClientError, BotoCoreError or WriteError."""
    marks = {alert.name: (alert.subject, f"{MAILED}#{alert.name[1]}") for alert in alerts}
    mailed = table.read(marks.values(), deadline)
    return [alert for alert in alerts if marks[alert.name] not in mailed]


def mark_handled(table: Table, windows: Sequence[tuple[Key, str]], deadline: Deadline) -> None:
    """Notes which episode took care of each window, so that it raises no alert again. Raises WriteError."""
    statements = []
    for (subject, window), episode in windows:
        statements.append(_mark(table, subject, HANDLED, window.removeprefix("window#"), episode))
        statements.append(table.update((subject, window), {ALERT: episode}))
    _all_done(table, statements, deadline)


def marks_of(key: Key) -> list[Key]:
    """The items that outlive a window, by its key; if there is one, nothing is left to do about the window."""
    subject, window = key
    name = window.removeprefix("window#")
    return [(subject, f"{HANDLED}#{name}"), (subject, f"{MAILED}#{name}")]


def _mark(table: Table, subject: str, kind: str, name: str, episode: str) -> dict[str, Any]:
    expires = _seconds(datetime.now(UTC)) + MEMORY_SECONDS
    return table.insert({"pk": subject, "sk": f"{kind}#{name}", "episode": episode, "expires_at": expires})


def _all_done(table: Table, statements: Sequence[dict[str, Any]], deadline: Deadline) -> None:
    for outcome in table.run(statements, deadline):
        # A window or an episode that its time to live has removed meanwhile needs no mark.
        if isinstance(outcome, WriteError):
            raise outcome


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
