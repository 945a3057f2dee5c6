"""What a redrive came to, in numbers and in one line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Tally:
    """messages: that were in the queue. batches, records, payloads, mails: sent through again with success.

    repeated: messages that said the same as another. removed: messages that nothing would have mended.
    kept: messages that stay. lost: records that the stream has no more.
    """

    messages: int = 0
    batches: int = 0
    records: int = 0
    payloads: int = 0
    mails: int = 0
    repeated: int = 0
    removed: int = 0
    kept: int = 0
    lost: int = 0

    def line(self, dry_run: bool) -> str:
        done = [
            _number(self.batches, "batch", "batches") + f" with {_number(self.records, 'record')}",
            _number(self.payloads, "payload"),
            _number(self.mails, "mail"),
        ]
        said = [f"{', '.join(done)} {'would be sent' if dry_run else 'sent'} through again"]
        if self.repeated:
            said.append(f"{_number(self.repeated, 'message')} that said the same as another removed")
        if self.removed:
            said.append(f"{_number(self.removed, 'message')} {'would be removed' if dry_run else 'removed'}")
        if self.lost:
            said.append(f"{_number(self.lost, 'record')} no longer in the stream")
        if not dry_run:
            said.append(f"{_number(self.kept, 'message stays', 'messages stay')} in the queue")
        return "; ".join(said) + "."


def _number(count: int, what: str, many: str = "") -> str:
    return f"{count:,} {what if count == 1 else many or what + 's'}"
