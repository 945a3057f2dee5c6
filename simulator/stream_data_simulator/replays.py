"""Marks the rows of a file as replayed: users of a reserved range, sessions that belong to one pass of one run."""

from __future__ import annotations

from secrets import randbits

from .errors import RowError

# The simulator travels alone, so it carries its own copy of include/contract; a test holds the two equal.
REPLAYED_USERS = range(9_200_000_000_000, 9_300_000_000_000)
# Two thousand visits are open at the same moment of a busy hour; a cleared cache only costs time.
CACHED_SESSIONS = 20_000

_FIRST = REPLAYED_USERS.start
_LAST_OWN_ID = len(REPLAYED_USERS) - 1
# Every bit of a UUID but those of its version and variant.
_FREE_BITS = 0xFFFFFFFF_FFFF_0FFF_3FFF_FFFFFFFFFFFF


class Marks:
    """Maps the users and sessions of one pass over the source to those that are sent.

    Both mappings are one to one, so that no two users and no two sessions of the source become one.
    """

    def __init__(self) -> None:
        self._mask = 0
        self._sessions: dict[bytes, bytes] = {}
        self.begin_pass()

    def begin_pass(self) -> None:
        """Draws sessions that no pass before had."""
        self._mask = randbits(128) & _FREE_BITS
        self._sessions.clear()

    def user(self, user: bytes) -> bytes:
        """Raises RowError for an id that the range has no room for."""
        number = int(user)
        if not 0 <= number <= _LAST_OWN_ID:
            raise RowError(_no_room(number))
        return b"%d" % (_FIRST + number)

    def session(self, session: bytes) -> bytes:
        """An empty session stays empty. session: otherwise a UUID."""
        if session not in self._sessions:
            if len(self._sessions) == CACHED_SESSIONS:
                self._sessions.clear()
            self._sessions[session] = self._derived(session) if session else b""
        return self._sessions[session]

    def _derived(self, session: bytes) -> bytes:
        digits = b"%032x" % (int(session.replace(b"-", b""), 16) ^ self._mask)
        return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _no_room(user: int) -> str:
    return f"user_id {user} has no replay id: a row is sent under {_FIRST} plus its own id, from 0 to {_LAST_OWN_ID}"
