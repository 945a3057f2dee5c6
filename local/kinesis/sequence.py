"""Sequence numbers as Kinesis makes them: one whole number that says which record of which shard it is.

From the highest bit: 4 bits that are 2, 36 of the second in which the shard was created, 4 of the shard's index, 64 of
the record's place in the shard, 8 that are 0, 36 of the second of its arrival, 32 of the shard's index, 4 that are 2.
So numbers grow within a shard, children's are above their parents', and no two records of a stream share one.
Source: the numbers AWS gives out, as decoded by kinesalite (db/index.js, parseSequence).
"""

from __future__ import annotations

from dataclasses import dataclass

HASH_KEYS = 1 << 128
_MARK = 2
_PLACE_SHIFT, _SECOND_SHIFT, _SHARD_SHIFT = 80, 36, 4
_PLACE_MASK, _SECOND_MASK, _SHARD_MASK = (1 << 64) - 1, (1 << 36) - 1, (1 << 32) - 1
# The place that Kinesis gives to the end of a closed shard.
END_OF_SHARD = (1 << 63) - 1


@dataclass(frozen=True)
class SequenceNumber:
    """created: second of the shard. place: 0 is the start of the shard, its n-th record (from 0) has n + 1."""

    created: int
    shard: int
    place: int
    second: int

    def __int__(self) -> int:
        return first_part(self.created, self.shard) + (self.place << _PLACE_SHIFT) + (self.second << _SECOND_SHIFT)

    @classmethod
    def parse(cls, text: str) -> SequenceNumber | None:
        """None where the text is not such a number."""
        if not (text.isascii() and text.isdigit()):
            return None
        number = int(text)
        created = (number >> 148) & _SECOND_MASK
        shard = (number >> _SHARD_SHIFT) & _SHARD_MASK
        place = (number >> _PLACE_SHIFT) & _PLACE_MASK
        second = (number >> _SECOND_SHIFT) & _SECOND_MASK
        parsed = cls(created, shard, place, second)
        return parsed if int(parsed) == number else None


def first_part(created: int, shard: int) -> int:
    """What all numbers of a shard have in common; add `step(place, second)` for one of them."""
    return (_MARK << 184) + (created << 148) + ((shard & 15) << 144) + (shard << _SHARD_SHIFT) + _MARK


def step(place: int, second: int) -> int:
    return (place << _PLACE_SHIFT) + (second << _SECOND_SHIFT)


def hash_ranges(count: int) -> list[tuple[int, int]]:
    """All hash keys in `count` ranges of one size (the last takes the rest): first and last key of each."""
    size = HASH_KEYS // count
    starts = [size * index for index in range(count)]
    return list(zip(starts, [start - 1 for start in starts[1:]] + [HASH_KEYS - 1], strict=True))
