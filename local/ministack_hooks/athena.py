"""Queries run in our engine; workgroups, named queries and prepared statements stay ministack's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import athena

from local import objects
from local.athena.errors import InvalidRequestError
from local.athena.service import QueryService
from local.clients import factory
from local.config import Config
from local.ministack_hooks.closing import at_close


def install(config: Config) -> None:
    service = QueryService(
        factory(config.endpoint, config.region),
        _workgroup,
        objects.list_objects,
        config.objects,
        config.var / "aws" / "athena",
    )
    executions = service.executions
    at_close(service.close)
    athena._start_query_execution = partial(_athena_answer, service.start)
    athena._stop_query_execution = partial(_athena_answer, lambda data: service.stop(data["QueryExecutionId"]))
    athena._get_query_execution = partial(
        _athena_answer, lambda data: {"QueryExecution": executions.get(data["QueryExecutionId"])}
    )
    athena._get_query_results = partial(
        _athena_answer,
        lambda data: service.results(data["QueryExecutionId"], data.get("NextToken"), data.get("MaxResults") or 0),
    )
    athena._batch_get_query_execution = partial(
        _athena_answer, lambda data: executions.get_all(data.get("QueryExecutionIds") or [])
    )
    athena._list_query_executions = partial(
        _athena_answer,
        lambda data: executions.ids(
            data.get("WorkGroup") or "primary", data.get("NextToken"), data.get("MaxResults") or 0
        ),
    )


def _workgroup(name: str) -> dict[str, Any] | None:
    athena._ensure_default_workgroup()
    found: dict[str, Any] | None = athena._workgroups.get(name)
    return found


def _athena_answer(operation: Callable[[dict[str, Any]], dict[str, Any] | None], data: dict[str, Any]) -> Any:
    try:
        return json_response(operation(data) or {})
    except InvalidRequestError as error:
        return error_response_json("InvalidRequestException", str(error), 400)
