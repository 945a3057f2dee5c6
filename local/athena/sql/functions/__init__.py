"""Every function that Athena's queries may call on this machine; any other is FUNCTION_NOT_FOUND.

A module holds the functions of one kind: DECLARED maps Trino's signatures to DuckDB expressions, BUILT maps the names
of those that need more than a signature to a builder. Values were compared with Trino 435's
(tests/local/athena/test_dialect.py).
"""

from __future__ import annotations

from local.athena.sql.calls import Call
from local.athena.sql.coercion import Typed
from local.athena.sql.functions import aggregates, collections, conditions, json, numbers, texts, times, urls, windows
from local.athena.sql.functions.collections import row
from local.athena.sql.functions.times import zoned_literal
from local.athena.sql.signatures import Builder, Signature, bind, converted, declare, lambda_types, unexpected

__all__ = ["build", "exists", "is_scalar", "is_window_only", "row", "zoned_literal"]

_SCALAR_MODULES = (texts, numbers, times, collections, json, urls, conditions)
_SCALAR = declare({key: value for module in _SCALAR_MODULES for key, value in module.DECLARED.items()})
_SCALAR_BUILT: dict[str, Builder] = {key: value for module in _SCALAR_MODULES for key, value in module.BUILT.items()}
_OTHER = declare({**aggregates.DECLARED, **windows.DECLARED})
_OTHER_BUILT: dict[str, Builder] = {**aggregates.BUILT, **windows.BUILT}


def is_scalar(name: str) -> bool:
    return name in _SCALAR or name in _SCALAR_BUILT


def is_window_only(name: str) -> bool:
    return name in windows.NAMES


def exists(name: str) -> bool:
    return is_scalar(name) or name in _OTHER or name in _OTHER_BUILT


def build(call: Call) -> Typed:
    """The call in DuckDB's words. Raises QueryError (FUNCTION_NOT_FOUND) where its arguments fit no signature."""
    if not call.arguments:
        call.compile()
    builder = _SCALAR_BUILT.get(call.name) or _OTHER_BUILT.get(call.name)
    if builder is not None:
        return builder(call)
    known = _SCALAR.get(call.name) or _OTHER.get(call.name) or []
    for signature in known:
        found = _declared(call, signature)
        if found is not None:
            return found
    raise unexpected(call.name, call.arguments, known, call.where)


def _declared(call: Call, signature: Signature) -> Typed | None:
    binding = bind(signature, call.arguments)
    if binding is None:
        return None
    if None not in call.arguments:
        arguments = converted(signature, binding, call.values)
        zone = arguments[0].zone if arguments else "'UTC'"
        return Typed(call.fill(signature.template, arguments), binding.resolve(signature.result), zone)
    shown: list[Typed] = []
    for number, (declared, argument) in enumerate(zip(signature.parameters, call.arguments, strict=True)):
        if argument is not None:
            shown.append(argument)
            continue
        parameters, result = lambda_types(declared)
        written, body = call.lambda_(number, [binding.resolve(parameter) for parameter in parameters])
        if not binding.accept(result, body.type):
            return None
        shown.append(Typed(written, body.type))
    return Typed(call.fill(signature.template, shown), binding.resolve(signature.result))
