"""Glue's catalog, and what all of Glue's hooks share.

ministack keeps the catalog; it ignores filters and pages, takes partitions of tables that do not exist, and lacks a few
actions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import glue

from local.glue_catalog import InvalidInputError, matches_table, matching_partitions, page
from local.glue_crawler import CrawlerNotRunningError, CrawlerRunningError

TABLES_PER_PAGE = 100
PARTITIONS_PER_PAGE = 1000


GlueAction = Callable[[dict[str, Any]], Any]
added_actions: dict[str, GlueAction] = {}


def install() -> None:
    glue._get_partitions = partial(respond, _get_partitions)
    glue._get_tables = partial(respond, _get_tables)
    for name in ("_create_partition", "_batch_create_partition", "_delete_partition"):
        setattr(glue, name, partial(respond, partial(_with_table, getattr(glue, name))))
    added_actions["UpdatePartition"] = partial(respond, partial(_with_table, _update_partition))
    added_actions["BatchDeletePartition"] = partial(respond, partial(_with_table, _batch_delete_partition))
    stock = glue._handle_request_sync
    glue._handle_request_sync = partial(_added_glue_action, stock)


def _added_glue_action(stock: Any, method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
    action = added_actions.get(headers.get("x-amz-target", "").rpartition(".")[2])
    return action(json.loads(body or b"{}")) if action else stock(method, path, headers, body, query)


class GlueError(Exception):
    """An answer of Glue's: the name of its exception and a sentence."""


def respond(operation: GlueAction, data: dict[str, Any]) -> Any:
    """The operation's answer, which is a whole response, a dictionary or None, or the error that it raises."""
    try:
        answer = operation(data)
    except InvalidInputError as error:
        return error_response_json("InvalidInputException", str(error), 400)
    except CrawlerRunningError as error:
        return error_response_json("CrawlerRunningException", str(error), 400)
    except CrawlerNotRunningError as error:
        return error_response_json("CrawlerNotRunningException", str(error), 400)
    except GlueError as error:
        return error_response_json(error.args[0], error.args[1], 400)
    return answer if isinstance(answer, tuple) else json_response(answer or {})


def record(kind: str, records: Any, name: str) -> Any:
    found = records.get(name)
    if found is None:
        raise GlueError("EntityNotFoundException", f"{kind} {name} not found.")
    return found


def _glue_table(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = record("Table", glue._tables, f"{data.get('DatabaseName')}/{data.get('TableName')}")
    return found


def _with_table(operation: GlueAction, data: dict[str, Any]) -> Any:
    _glue_table(data)
    return operation(data)


def _get_tables(data: dict[str, Any]) -> Any:
    database = data.get("DatabaseName", "")
    record("Database", glue._databases, database)
    expression = data.get("Expression") or "*"
    tables = sorted((name, table) for name, table in list(glue._tables.items()) if name.startswith(f"{database}/"))
    found = [table for _, table in tables if matches_table(table["Name"], expression)]
    tables_page, more = page(found, data.get("NextToken"), data.get("MaxResults"), TABLES_PER_PAGE)
    return {"TableList": tables_page, **more}


def _get_partitions(data: dict[str, Any]) -> Any:
    table = _glue_table(data)
    partitions = list(glue._partitions.get(f"{data['DatabaseName']}/{data['TableName']}", []))
    found = matching_partitions(partitions, table.get("PartitionKeys") or [], data.get("Expression") or "")
    partitions_page, more = page(found, data.get("NextToken"), data.get("MaxResults"), PARTITIONS_PER_PAGE)
    return {"Partitions": partitions_page, **more}


def _update_partition(data: dict[str, Any]) -> Any:
    entry = {"PartitionValueList": data["PartitionValueList"], "PartitionInput": data["PartitionInput"]}
    answer = glue._batch_update_partition({**data, "Entries": [entry]})
    errors = json.loads(answer[2]).get("Errors")
    if errors:
        raise GlueError(errors[0]["ErrorDetail"]["ErrorCode"], f"Partition {data['PartitionValueList']} not found.")
    return {}


def _batch_delete_partition(data: dict[str, Any]) -> Any:
    present = [part["Values"] for part in glue._partitions.get(f"{data['DatabaseName']}/{data['TableName']}", [])]
    missing = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Partition not found."}
    errors = []
    for values in (entry["Values"] for entry in data["PartitionsToDelete"]):
        if values in present:
            glue._delete_partition({**data, "PartitionValues": values})
        else:
            errors.append({"PartitionValues": values, "ErrorDetail": missing})
    return {"Errors": errors}


def after_restore(change: Callable[[], object]) -> None:
    """Calls `change` each time ministack has read Glue's saved state."""
    stock = glue.load_persisted_state

    def restore(data: Any) -> None:
        stock(data)
        change()

    glue.load_persisted_state = restore
