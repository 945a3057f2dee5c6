"""Browsers that follow a link to the console get the platform's own, before ministack looks for a service."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import ministack.app
from botocore.exceptions import ClientError

from local.clients import factory
from local.config import Config
from local.console import PAGE, PATH, SHOWN, UnknownPageError, shown

type Handler = Callable[..., Awaitable[Any]]


def install(config: Config) -> None:
    client = factory(config.endpoint, config.region)
    ministack.app._dispatch_service_request = partial(_dispatch, ministack.app._dispatch_service_request, client)


async def _dispatch(
    stock: Handler,
    client: Callable[[str], Any],
    method: str,
    path: str,
    headers: dict[str, str],
    body: Any,
    query: dict[str, list[str]],
    *rest: Any,
) -> Any:
    if not path.startswith(f"{PATH}/"):
        return await stock(method, path, headers, body, query, *rest)
    if path != SHOWN:
        return 200, {"Content-Type": "text/html; charset=utf-8"}, PAGE.encode()
    status = 200
    try:
        # It asks this process, so it must not keep it from answering.
        text = await asyncio.to_thread(shown, client, "".join(query.get("at", [])))
    except (UnknownPageError, ClientError) as error:
        status, text = 404, str(error)
    return status, {"Content-Type": "text/plain; charset=utf-8"}, text.encode()
