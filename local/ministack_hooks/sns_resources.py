"""Topics and subscriptions of templates, as Subscribe makes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.services import sns
from ministack.services.cloudformation import provisioners

from local.ministack_hooks.sns import MAIL_PROTOCOLS, UNDELIVERED_PROTOCOLS, Mailer, is_address, not_delivered


def install(mailer: Mailer) -> None:
    handlers = provisioners._RESOURCE_HANDLERS
    # An update that replaces a resource makes the new one by these names.
    provisioners._sns_create = partial(_create_topic_resource, provisioners._sns_create, mailer)
    provisioners._sns_sub_create = partial(_create_subscription_resource, provisioners._sns_sub_create, mailer)
    handlers["AWS::SNS::Topic"]["create"] = provisioners._sns_create
    handlers["AWS::SNS::Subscription"]["create"] = provisioners._sns_sub_create


def _create_topic_resource(
    stock: Callable[..., Any], mailer: Mailer, logical_id: str, properties: dict[str, Any], stack_name: str
) -> Any:
    arn, attributes = stock(logical_id, properties, stack_name)
    topic = sns._topics[arn]
    for subscription in topic["subscriptions"]:
        _complete(subscription)
        mailer.confirm(topic, subscription)
    return arn, attributes


def _create_subscription_resource(
    stock: Callable[..., Any], mailer: Mailer, logical_id: str, properties: dict[str, Any], stack_name: str
) -> Any:
    topic = sns._topics.get(properties.get("TopicArn", ""))
    if topic is None:
        raise ValueError(f"The topic {properties.get('TopicArn')} of the subscription {logical_id} does not exist.")
    protocol, endpoint = properties.get("Protocol"), properties.get("Endpoint", "")
    if protocol in MAIL_PROTOCOLS and not is_address(endpoint):
        raise ValueError(f"{endpoint!r}, the endpoint of the subscription {logical_id}, is no e-mail address.")
    if protocol in UNDELIVERED_PROTOCOLS:
        raise ValueError(not_delivered(protocol))
    for subscription in topic["subscriptions"]:
        # As Subscribe does it: a second subscription of the same endpoint is the first one.
        if (subscription["protocol"], subscription["endpoint"]) == (protocol, endpoint):
            return subscription["arn"], {"Arn": subscription["arn"]}
    arn, attributes = stock(logical_id, properties, stack_name)
    subscription = sns._find_subscription(topic["arn"], arn)
    _complete(subscription)
    mailer.confirm(topic, subscription)
    return arn, attributes


def _complete(subscription: dict[str, Any]) -> None:
    """Gives a subscription of a template the attributes that GetSubscriptionAttributes tells."""
    pending = "false" if subscription["confirmed"] else "true"
    subscription["attributes"] = {
        "SubscriptionArn": subscription["arn"],
        "TopicArn": subscription["topic_arn"],
        "Protocol": subscription["protocol"],
        "Endpoint": subscription["endpoint"],
        "Owner": subscription["owner"],
        "ConfirmationWasAuthenticated": "true" if subscription["confirmed"] else "false",
        "PendingConfirmation": pending,
        "RawMessageDelivery": "false",
        **subscription["attributes"],
    }
