"""What begins when the platform, which is about to start, answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from local.config import HOST, Config


def once_answering(config: Config, begin: Callable[[], None], name: str) -> None:
    """Calls `begin` from a thread of that name."""
    threading.Thread(target=_begin, args=(config, begin), name=name, daemon=True).start()


def _begin(config: Config, begin: Callable[[], None]) -> None:
    while not _answers(config):
        time.sleep(0.1)
    begin()


def _answers(config: Config) -> bool:
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex((HOST, config.port)) == 0
