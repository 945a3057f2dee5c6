"""The throughput of a shard, where the platform is asked to hold clients to it.

In: 1,000 records and 1 MiB a second. Out: 5 reads and 2 MiB a second; one large read uses up the seconds after it.
Source: "Quotas and limits", Kinesis Data Streams developer guide.
"""

from __future__ import annotations

import time

MEBIBYTE = 1 << 20


class _Allowance:
    """So much a second, unused for at most one second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._left = rate
        self._at = time.monotonic()

    def has(self, amount: float) -> bool:
        now = time.monotonic()
        self._left = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left >= min(amount, self._rate)

    def take(self, amount: float) -> None:
        self._left -= amount


class ShardLimits:
    """What one shard still takes and gives in this second."""

    def __init__(self) -> None:
        self._records_in = _Allowance(1000)
        self._bytes_in = _Allowance(MEBIBYTE)
        self._reads = _Allowance(5)
        self._bytes_out = _Allowance(2 * MEBIBYTE)

    def takes(self, size: int) -> bool:
        """Whether a record of `size` bytes may come in; counts it where it may."""
        if not (self._records_in.has(1) and self._bytes_in.has(size)):
            return False
        self._records_in.take(1)
        self._bytes_in.take(size)
        return True

    def gives(self) -> bool:
        """Whether a read may begin; counts it where it may. What it gave is told to `gave`."""
        if not (self._reads.has(1) and self._bytes_out.has(1)):
            return False
        self._reads.take(1)
        return True

    def gave(self, size: int) -> None:
        self._bytes_out.take(size)
