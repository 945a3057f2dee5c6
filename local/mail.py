"""Mails that nobody sends: each is a file under <var>/mail/<address>/, whole as soon as it is there.

The name of a file begins with its time, so that a folder sorted by name is in the order of delivery.
"""

from __future__ import annotations

import email
import email.policy
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote, unquote

from local.whole_file import write_whole

logger = logging.getLogger("local.mail")

DELIVERED_AT = "X-Delivered-At"
# RFC 5322 allows 998 bytes a line.
LONGEST_LINE = 990


@dataclass(frozen=True)
class Mail:
    """One that was delivered."""

    address: str
    subject: str
    delivered_at: datetime
    path: Path

    def text(self) -> str:
        """What it says, with plain line ends."""
        message = email.message_from_bytes(self.path.read_bytes(), policy=email.policy.default)
        return str(message.get_content()).replace("\r\n", "\n")


class Mailboxes:
    """All mailboxes of a folder; an address has one as soon as it gets its first mail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, address: str, sender: str, subject: str, text: str, headers: Mapping[str, str]) -> Path:
        """Writes one mail. headers: those beside the usual ones; `Message-ID` is among them."""
        now = datetime.now(UTC)
        shown = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
        message = EmailMessage(policy=email.policy.SMTP)
        message["From"] = sender
        message["To"] = address
        message["Subject"] = subject
        message["Date"] = format_datetime(now)
        for name, value in headers.items():
            message[name] = value
        message[DELIVERED_AT] = shown
        long_line = any(len(line.encode()) > LONGEST_LINE for line in text.splitlines())
        message.set_content(text, cte="quoted-printable" if long_line else "8bit")

        box = self._folder / quote(address, safe="@+")
        box.mkdir(parents=True, exist_ok=True)
        identity = headers["Message-ID"].strip("<>").partition("@")[0]
        path = box / f"{shown.replace(':', '').replace('-', '')}-{quote(identity, safe='')}.eml"
        write_whole(path, message.as_bytes())
        logger.info("Mail to %s: %s (%s)", address, subject, path)
        return path


def mails(folder: Path, address: str | None = None) -> Iterator[Mail]:
    """Those under <var>/mail, of all addresses or of one, the oldest first."""
    boxes = [folder / quote(address, safe="@+")] if address else folder.glob("*")
    for path in sorted((path for box in boxes for path in box.glob("*.eml")), key=lambda path: path.name):
        with path.open("rb") as opened:
            headers = email.message_from_binary_file(opened, policy=email.policy.default)
        delivered_at = datetime.fromisoformat(headers[DELIVERED_AT])
        yield Mail(unquote(path.parent.name), str(headers["Subject"]), delivered_at, path)
