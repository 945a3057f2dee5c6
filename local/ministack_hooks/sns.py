"""Topics: e-mail is delivered into folders, and what AWS refuses to publish is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from ministack.services import sns

from local.config import Config
from local.mail import Mailboxes

logger = logging.getLogger(__name__)

SENDER = "no-reply@sns.amazonaws.com"
LONGEST_SUBJECT = 100
MAIL_PROTOCOLS = ("email", "email-json")
UNDELIVERED_PROTOCOLS = ("sms", "application", "firehose")
FOOTER = """

--
If you wish to stop receiving notifications from this topic, please click or visit the link below to unsubscribe:
{link}

Please do not reply directly to this email. If you have any questions or comments regarding this email, please \
contact us at https://aws.amazon.com/support
"""
CONFIRMATION = """\
You have subscribed {address} to the topic:
{topic}

Nobody reads this mailbox, so the local platform has confirmed the subscription itself. On AWS you would have to
click a link in this mail first; until then the address gets nothing.
"""


def install(config: Config) -> Mailer:
    """What delivers mails, for subscriptions that templates make."""
    mailer = Mailer(config.endpoint, Mailboxes(config.mail))
    # ministack says of each mail that it only seems to send it.
    sns.logger.addFilter(lambda record: "→ email" not in str(record.msg))
    sns._error = partial(_error, sns._error)
    sns._fanout = partial(_fanout, sns._fanout, mailer)
    sns.publish_internal = partial(_publish_internal, sns.publish_internal)
    sns._publish = partial(_publish, sns._publish)
    sns._publish_batch = _publish_batch
    sns._subscribe = partial(_subscribe, sns._subscribe, mailer)
    sns._get_topic_attributes = partial(_get_topic_attributes, sns._get_topic_attributes)
    return mailer


class Mailer:
    """Delivers what is published to subscriptions by e-mail."""

    def __init__(self, endpoint: str, boxes: Mailboxes) -> None:
        self._endpoint = endpoint
        self._boxes = boxes

    def send(
        self, topic: dict[str, Any], subscription: dict[str, Any], message_id: str, subject: str, text: str
    ) -> None:
        address = subscription["endpoint"]
        name = topic["attributes"].get("DisplayName") or "AWS Notifications"
        # The footer's link leads to the platform, where it works.
        link = f"{self._endpoint}/?{urlencode({'Action': 'Unsubscribe', 'SubscriptionArn': subscription['arn']})}"
        footer = "" if subscription["protocol"] == "email-json" else FOOTER.format(link=link)
        headers = {
            "Message-ID": f"<{message_id}@sns.amazonaws.com>",
            "x-amz-sns-message-id": message_id,
            "x-amz-sns-subscription-arn": subscription["arn"],
        }
        try:
            self._boxes.deliver(
                address, f'"{name}" <{SENDER}>', subject or "AWS Notification Message", text + footer, headers
            )
        except OSError:
            logger.exception("A mail to %s could not be written.", address)

    def confirm(self, topic: dict[str, Any], subscription: dict[str, Any]) -> None:
        """Of a new subscription by e-mail, that it is one."""
        if subscription["protocol"] in MAIL_PROTOCOLS:
            text = CONFIRMATION.format(address=subscription["endpoint"], topic=topic["arn"])
            self.send(topic, subscription, sns.new_uuid(), "AWS Notification - Subscription Confirmation", text)


def _error(stock: Callable[..., Any], code: str, message: str, status: int) -> Any:
    """SNS's exception is named InvalidParameterException, but its code on the wire is another."""
    return stock("InvalidParameter" if code == "InvalidParameterException" else code, message, status)


def _fanout(
    stock: Callable[..., Any],
    mailer: Mailer,
    topic_arn: str,
    message_id: str,
    message: str,
    subject: str,
    message_structure: str = "",
    message_attributes: dict[str, Any] | None = None,
    **fifo: str,
) -> None:
    stock(topic_arn, message_id, message, subject, message_structure, message_attributes, **fifo)
    topic = sns._topic_by_arn_any_scope(topic_arn)
    attributes = message_attributes or {}
    for subscription in (topic or {"subscriptions": []})["subscriptions"]:
        protocol = subscription["protocol"]
        if protocol not in MAIL_PROTOCOLS or not subscription.get("confirmed"):
            continue
        text = sns._resolve_message_for_protocol(message, message_structure, protocol)
        if not sns._matches_filter_policy(subscription, attributes, text):
            continue
        if protocol == "email-json":
            text = sns._build_envelope(topic_arn, message_id, text, subject, attributes, False)
        mailer.send(topic, subscription, message_id, subject, text)


def _publish_internal(
    stock: Callable[..., Any], topic_arn: str, message: Any, subject: str = "", **options: Any
) -> Any:
    if isinstance(message, str):
        reason = _refused(message, subject, options.get("message_structure") or "")
        if reason:
            raise sns.SnsPublishError("InvalidParameter", f"Invalid parameter: {reason}")
    return stock(topic_arn, message, subject, **options)


def _refused(message: str, subject: str, structure: str) -> str | None:
    """In SNS's words, what is wrong."""
    if not message:
        return "Empty message"
    if subject and (
        len(subject) > LONGEST_SUBJECT or not subject.isascii() or not subject.isprintable() or subject.startswith(" ")
    ):
        return "Subject"
    if structure == "json":
        try:
            parts = json.loads(message)
        except ValueError:
            return "Message Structure - JSON message body failed to parse"
        if not isinstance(parts, dict) or not isinstance(parts.get("default"), str):
            return "Message Structure - No default entry in JSON message body"
    return None


def _publish_batch(params: dict[str, Any]) -> Any:
    """Each entry as Publish takes it; ministack's own does not look at subjects and structures."""
    topic, error = sns._get_topic(sns._normalize_arn(sns._p(params, "TopicArn")), "sns:Publish")
    if error is not None:
        return error
    entries = sns._parse_batch_entries(params)
    if not entries:
        return sns._error("EmptyBatchRequest", "The batch request doesn't contain any entries.", 400)
    if len(entries) > 10:
        return sns._error(
            "TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.", 400
        )
    if len({entry["id"] for entry in entries}) < len(entries):
        return sns._error("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.", 400)
    successful = failed = ""
    for entry in entries:
        identity = f"<Id>{sns._xml_escape(entry['id'])}</Id>"
        try:
            published = sns.publish_internal(
                topic["arn"],
                entry["message"],
                entry["subject"],
                message_structure=entry["message_structure"],
                message_attributes=entry["message_attributes"],
                message_group_id=entry["message_group_id"],
                message_deduplication_id=entry["message_dedup_id"],
            )
        except sns.SnsPublishError as refusal:
            code, reason = refusal.code.removesuffix("Exception"), sns._xml_escape(str(refusal))
            failed += f"<member>{identity}<Code>{code}</Code><Message>{reason}</Message>"
            failed += "<SenderFault>true</SenderFault></member>"
            continue
        number = published["sequence_number"]
        number = f"<SequenceNumber>{number}</SequenceNumber>" if number else ""
        successful += f"<member>{identity}<MessageId>{published['message_id']}</MessageId>{number}</member>"
    answer = f"<Successful>{successful}</Successful><Failed>{failed}</Failed>"
    return sns._xml(200, "PublishBatchResponse", f"<PublishBatchResult>{answer}</PublishBatchResult>")


def _subscribe(stock: Callable[..., Any], mailer: Mailer, params: dict[str, Any]) -> Any:
    protocol, endpoint = sns._p(params, "Protocol"), sns._p(params, "Endpoint")
    if protocol in MAIL_PROTOCOLS and not is_address(endpoint):
        return sns._error("InvalidParameter", "Invalid parameter: Email address", 400)
    if protocol in UNDELIVERED_PROTOCOLS:
        return sns._error("InvalidParameter", f"Invalid parameter: {not_delivered(protocol)}", 400)
    topic = sns._topic_by_arn_any_scope(sns._normalize_arn(sns._p(params, "TopicArn")))
    before = len(topic["subscriptions"]) if topic else 0
    answer = stock(params)
    if topic and len(topic["subscriptions"]) > before:
        mailer.confirm(topic, topic["subscriptions"][-1])
    return answer


def not_delivered(protocol: str) -> str:
    return f"The local platform delivers nothing by {protocol}; subscribe by email, sqs, lambda or https."


def _publish(stock: Callable[..., Any], params: dict[str, Any]) -> Any:
    if sns._p(params, "PhoneNumber"):
        return sns._error("InvalidParameter", f"Invalid parameter: {not_delivered('sms')}", 400)
    return stock(params)


def is_address(text: str) -> bool:
    name, _, domain = text.rpartition("@")
    return bool(name and domain) and text.isprintable() and " " not in text


def _get_topic_attributes(stock: Callable[..., Any], params: dict[str, Any]) -> Any:
    topic, _ = sns._get_topic(sns._p(params, "TopicArn"))
    if topic:
        # Stacks add and remove subscriptions without counting them.
        sns._refresh_subscription_counts(topic)
    return stock(params)
