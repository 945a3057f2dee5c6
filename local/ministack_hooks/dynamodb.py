"""Tables: each write is kept before it is answered, and PartiQL's are checked as PutItem's are.

ministack stores what a PartiQL statement writes as it is: numbers not in DynamoDB's form, and an index key of the
wrong type, which its index then cannot order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import _dynamodb_keywords as keywords
from ministack.services import dynamodb

from local.config import Config
from local.state_journal import StateJournal

# Of statements that are kept in pieces.
TEXTS = 256

type Table = dict[str, Any]
type Item = dict[str, Any]

# Those of ministack, which write nothing into the journal.
_PLAIN_SET_ITEM = dynamodb._set_item
_PLAIN_REMOVE_ITEM = dynamodb._remove_item
_PLAIN_ITEMS_REPLACED = dynamodb._items_replaced


class _InvalidItemError(Exception):
    """Carries ministack's answer."""

    def __init__(self, answer: Any) -> None:
        super().__init__(answer)
        self.answer = answer


def install(config: Config) -> None:
    journal = StateJournal(config.var / "aws" / "dynamodb", config.state / "dynamodb.json")
    dynamodb._set_item = partial(_set_item, dynamodb._set_item, journal)
    dynamodb._remove_item = partial(_remove_item, dynamodb._remove_item, journal)
    dynamodb._items_replaced = partial(_items_replaced, dynamodb._items_replaced, journal)
    dynamodb.get_state = partial(journal.marked, partial(_state, dynamodb.get_state))
    dynamodb._restore_state = partial(_restore_state, dynamodb._restore_state, journal)
    # Most of what a statement takes; those of a batch have the same few texts.
    keywords._tokenize = lru_cache(TEXTS)(keywords._tokenize)
    dynamodb._parse_partiql = _parsed_once(dynamodb._parse_partiql)
    dynamodb._partiql_insert = partial(_partiql_write, dynamodb._partiql_insert)
    dynamodb._partiql_update = partial(_partiql_write, dynamodb._partiql_update)
    dynamodb._pq_conditions = partial(_conditions, dynamodb._pq_conditions)
    dynamodb._batch_execute_statement = partial(_batch_execute_statement, dynamodb._batch_execute_statement)


def _set_item(
    stock: Callable[..., Any], journal: StateJournal, table: Table, hash_key: str, range_key: str, item: Item
) -> Any:
    before = stock(table, hash_key, range_key, item)
    journal.append((table["TableId"], hash_key, range_key, item))
    return before


def _remove_item(stock: Callable[..., Any], journal: StateJournal, table: Table, hash_key: str, range_key: str) -> Any:
    before = stock(table, hash_key, range_key)
    if before is not None:
        journal.append((table["TableId"], hash_key, range_key, None))
    return before


def _items_replaced(stock: Callable[..., Any], journal: StateJournal, table: Table) -> None:
    """After a transaction that was taken back; what it had written stands in the journal."""
    stock(table)
    journal.append((table["TableId"], None, None, table["items"]))


def _state(stock: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Without the deep copy of each item: an item is replaced and never changed."""
    # The lock is that of the thread that removes what is past its time to live.
    with dynamodb._lock:
        tables = dict(dynamodb._tables.all_items())
        items = {key: table["items"] for key, table in tables.items()}
        for table in tables.values():
            table["items"] = {}
        try:
            state = stock()
        finally:
            for key, table in tables.items():
                table["items"] = items[key]
        for key, table in state["tables"].all_items():
            table["items"] = {hash_key: dict(ranges) for hash_key, ranges in items[key].items()}
    return state


def _restore_state(stock: Callable[[Any], None], journal: StateJournal, data: dict[str, Any] | None) -> None:
    stock(data)
    tables = {table["TableId"]: table for table in dynamodb._tables.all_values()}
    for identity, hash_key, range_key, item in journal.since(data):
        table = tables.get(identity)
        if table is None:
            continue
        if hash_key is None:
            table["items"] = defaultdict(dict, item)
            _PLAIN_ITEMS_REPLACED(table)
        elif item is None:
            _PLAIN_REMOVE_ITEM(table, hash_key, range_key)
        else:
            _PLAIN_SET_ITEM(table, hash_key, range_key, item)


def _parsed_once(stock: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """ministack parses each statement of a batch twice, one time right after the other."""
    last: tuple[Any, Any, Any] | None = None

    def parse(statement: Any, parameters: Any) -> Any:
        nonlocal last
        known, last = last, None
        if known is not None and known[0] is statement and known[1] is parameters:
            return known[2]
        parsed = stock(statement, parameters)
        last = statement, parameters, parsed
        return parsed

    return parse


def _partiql_write(stock: Callable[..., Any], table: dict[str, Any], *statement: Any) -> Any:
    set_item = dynamodb._set_item
    # Within one call in the event loop; nothing else runs meanwhile.
    dynamodb._set_item = partial(_set_checked_item, set_item)
    try:
        return stock(table, *statement)
    except _InvalidItemError as error:
        return error.answer
    finally:
        dynamodb._set_item = set_item


def _set_checked_item(
    set_item: Callable[..., Any], table: dict[str, Any], hash_key: str, range_key: str, item: dict[str, Any]
) -> Any:
    answer = dynamodb._validate_item(item, table["pk_name"], table["sk_name"])
    mismatch = dynamodb._key_type_mismatch_reason(table, item)
    if answer is None and mismatch:
        answer = error_response_json("ValidationException", mismatch, 400)
    answer = answer or dynamodb._validate_index_key_values(table, item)
    if answer is None and (hash_key, range_key) != _key_of(table, item):
        answer = error_response_json("ValidationException", "Cannot update attributes that are part of the key", 400)
    if answer:
        raise _InvalidItemError(answer)
    return set_item(table, hash_key, range_key, item)


def _key_of(table: dict[str, Any], item: dict[str, Any]) -> tuple[str, str]:
    range_name = table["sk_name"]
    range_key = dynamodb._extract_key_val(item.get(range_name)) if range_name else "__no_sort__"
    return dynamodb._extract_key_val(item.get(table["pk_name"])), range_key


def _conditions(stock: Callable[[Any], Any], where: Any) -> Any:
    """ministack finds no key in a condition that has an OR anywhere; one in brackets beside the key is no obstacle."""
    if where is None or where[0] != "and":
        return stock(where)
    found, waiting = [], [where]
    while waiting:
        node = waiting.pop()
        if node[0] == "and":
            waiting += [node[2], node[1]]
        elif node[0] != "or":
            found += stock(node)
    return found


def _batch_execute_statement(stock: Callable[[Any], Any], data: dict[str, Any]) -> Any:
    verbs = {str(one.get("Statement", "")).strip()[:6].upper() == "SELECT" for one in data.get("Statements") or []}
    if len(verbs) > 1:
        sentence = "A batch holds either reads or writes: SELECT cannot stand beside INSERT, UPDATE and DELETE."
        return error_response_json("ValidationException", sentence, 400)
    return stock(data)
