"""DataBrew, which ministack does not have: a service and two kinds of resources of ours."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import ministack.app
from ministack.core.responses import get_account_id, get_region, json_response
from ministack.services.cloudformation import provisioners

from local.api_errors import ApiError
from local.api_requests import action_of, error_answer, error_status, rest_parameters
from local.clients import factory
from local.config import Config
from local.databrew import DataBrewService, ProfileEngine, Scope, cfn
from local.ministack_hooks.closing import at_close

SERVICE = "databrew"


def install(config: Config) -> None:
    engine = ProfileEngine(factory(config.endpoint, config.region), config.var / "aws" / "databrew")
    service = DataBrewService(engine)
    at_close(engine.close)
    ministack.app.SERVICE_HANDLERS[SERVICE] = partial(_answer, service)
    # So that its state is saved and read with that of the others.
    ministack.app._state_map[SERVICE] = SERVICE
    ministack.app._loaded_modules[SERVICE] = SimpleNamespace(
        get_state=service.state, load_persisted_state=service.restore
    )
    for kind, (*_, replacing) in cfn.CALLS.items():
        provisioners._REPLACING_PROPERTIES[kind] = replacing
        provisioners._RESOURCE_HANDLERS[kind] = {
            "create": partial(_create_resource, service, kind),
            "update": partial(_update_resource, service, kind),
            "delete": partial(_delete_resource, service, kind),
        }


def _scope() -> Scope:
    return Scope(get_account_id(), get_region())


async def _answer(
    service: DataBrewService, method: str, path: str, headers: dict[str, str], body: bytes, query: Any
) -> Any:
    action = action_of(SERVICE, method, path, headers, body)
    try:
        if action is None:
            raise ApiError("ValidationException", f"DataBrew has no operation {method} {path}.")
        return json_response(service.answer(action, _scope(), rest_parameters(SERVICE, action, path, query, body)))
    except ValueError as error:
        code, sentence = "ValidationException", f"The request does not read: {error}."
    except ApiError as error:
        code, sentence = error.code, str(error)
    return error_answer(SERVICE, headers, code, sentence, error_status(SERVICE, code))


def _call(service: DataBrewService) -> cfn.Call:
    return lambda action, data: service.answer(action, _scope(), data)


def _create_resource(service: DataBrewService, kind: str, logical_id: str, properties: Any, stack_name: str) -> Any:
    name = properties.get("Name") or provisioners._physical_name(stack_name, logical_id, max_len=240)
    cfn.create(_call(service), kind, name, properties)
    return name, {}


def _update_resource(
    service: DataBrewService, kind: str, name: str, before: Any, after: Any, stack_name: str
) -> tuple[str, dict[str, str]]:
    cfn.update(_call(service), kind, name, after)
    return name, {}


def _delete_resource(service: DataBrewService, kind: str, name: str, properties: Any) -> None:
    cfn.delete(_call(service), kind, name)
