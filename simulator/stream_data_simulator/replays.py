"""Marks the rows of a file as replayed: users of a reserved range, sessions that belong to one pass of one run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from secrets import randbits

from .errors import RowError

# The simulator travels alone, so it carries its own copy of include/contract; a test holds the two equal.
REPLAYED_USERS = range(9_200_000_000_000, 9_300_000_000_000)
# Two thousand visits are open at the same moment of a busy hour; emptying a cache only costs time.
MAX_CACHED = 20_000

_FIRST = REPLAYED_USERS.start
_LAST_OWN_ID = len(REPLAYED_USERS) - 1
# Every bit of a UUID but those of its version and variant.
_FREE_BITS = 0xFFFFFFFF_FFFF_0FFF_3FFF_FFFFFFFFFFFF


class _Cache(dict[bytes, bytes], ABC):
    """Looks up what was computed before, at the speed of a dictionary: each row of a simulation asks twice."""

    def __missing__(self, value: bytes) -> bytes:
        if len(self) == MAX_CACHED:
            self.clear()
        self[value] = marked = self.compute(value)
        return marked

    @abstractmethod
    def compute(self, value: bytes) -> bytes:
        """The value that is sent in the place of this one."""


class Users(_Cache):
    """Maps a user_id to the one that is sent, one to one; raises RowError for an id that the range has no room for."""

    def compute(self, value: bytes) -> bytes:
        number = int(value)
        if not 0 <= number <= _LAST_OWN_ID:
            raise RowError(
                f"user_id {number} has no replay id: a row is sent under {_FIRST} plus its own id, "
                f"from 0 to {_LAST_OWN_ID}"
            )
        return b"%d" % (_FIRST + number)


class Sessions(_Cache):
    """Maps a session, a UUID, to one that no other pass or run has, one to one; an empty one stays empty."""

    def __init__(self) -> None:
        self._mask = randbits(128) & _FREE_BITS

    def compute(self, value: bytes) -> bytes:
        if not value:
            return b""
        digits = b"%032x" % (int(value.replace(b"-", b""), 16) ^ self._mask)
        return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class Marks:
    """The users and sessions that the rows of one pass over the source are sent under."""

    def __init__(self) -> None:
        self.users = Users()
        self.sessions = Sessions()

    def begin_pass(self) -> None:
        """Draws sessions that no pass before had."""
        self.sessions = Sessions()
