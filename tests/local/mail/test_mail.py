"""What is published to subscriptions by e-mail becomes files, and what SNS would not send does not."""

from __future__ import annotations

import email
import email.policy
import json
import re
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.mail import Mail, Mailboxes, mails
from tests.conftest import Platform
from tests.local.aws import client, deploy, refusal, remove

CONFIRMATION = "AWS Notification - Subscription Confirmation"


@pytest.fixture
def sns(platform: Platform) -> Any:
    return client(platform, "sns")


@pytest.fixture
def topic(sns: Any, request: pytest.FixtureRequest) -> str:
    arn: str = sns.create_topic(Name=request.node.name[:200])["TopicArn"]
    return arn


def subscribe(sns: Any, topic: str, address: str, protocol: str = "email", **attributes: str) -> str:
    arn: str = sns.subscribe(
        TopicArn=topic, Protocol=protocol, Endpoint=address, Attributes=attributes, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    return arn


def delivered(platform: Platform, address: str) -> list[Mail]:
    """Those beside the confirmation."""
    return [mail for mail in mails(platform.var / "mail", address) if mail.subject != CONFIRMATION]


def test_a_mail_is_a_whole_message_of_rfc_5322(platform: Platform, sns: Any, topic: str) -> None:
    subscription = subscribe(sns, topic, "whole@example.com")
    before = datetime.now(UTC)
    message_id = sns.publish(TopicArn=topic, Subject="Eleven clicks", Message="Zwölf Klicks\nin 10 s")["MessageId"]
    (mail,) = delivered(platform, "whole@example.com")
    message = email.message_from_bytes(mail.path.read_bytes(), policy=email.policy.default)
    assert "no-reply@sns.amazonaws.com" in message["From"]
    assert (message["To"], message["Subject"]) == ("whole@example.com", "Eleven clicks")
    assert message["Message-ID"] == f"<{message_id}@sns.amazonaws.com>"
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["X-Delivered-At"])
    assert -1 < (mail.delivered_at - before).total_seconds() < 60
    assert abs((message["Date"].datetime - before).total_seconds()) < 60
    assert mail.text().startswith("Zwölf Klicks\nin 10 s\n")
    assert "If you wish to stop receiving notifications" in mail.text()
    assert message_id in mail.path.name
    assert mail.path.parent == platform.var / "mail" / "whole@example.com"
    assert f"Mail to whole@example.com: Eleven clicks ({mail.path})" in (platform.var / "platform.log").read_text()
    assert subscription in message["x-amz-sns-subscription-arn"]


def test_mails_are_in_the_order_of_delivery(platform: Platform, sns: Any, topic: str) -> None:
    subscribe(sns, topic, "order@example.com")
    for number in range(20):
        sns.publish(TopicArn=topic, Subject=f"{number}", Message="m")
    assert [mail.subject for mail in delivered(platform, "order@example.com")] == [str(number) for number in range(20)]
    assert not list((platform.var / "mail").rglob("*.unfinished"))


def test_a_subscription_is_confirmed_at_once_and_says_so(platform: Platform, sns: Any, topic: str) -> None:
    arn = subscribe(sns, topic, "new@example.com")
    assert [mail.subject for mail in mails(platform.var / "mail", "new@example.com")] == [CONFIRMATION]
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "false"
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"
    assert subscribe(sns, topic, "new@example.com") == arn
    assert refusal(sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="nobody") == (
        "InvalidParameter",
        "Invalid parameter: Email address",
    )


def test_who_has_left_gets_nothing_and_the_link_of_a_mail_leads_out(platform: Platform, sns: Any, topic: str) -> None:
    stays, leaves = subscribe(sns, topic, "stays@example.com"), subscribe(sns, topic, "leaves@example.com")
    sns.publish(TopicArn=topic, Message="first")
    (mail,) = delivered(platform, "leaves@example.com")
    assert mail.subject == "AWS Notification Message"
    link = next(line for line in mail.text().splitlines() if line.startswith("http://"))
    urllib.request.urlopen(link).close()
    sns.publish(TopicArn=topic, Message="second")
    assert len(delivered(platform, "leaves@example.com")) == 1
    assert len(delivered(platform, "stays@example.com")) == 2
    assert leaves not in str(sns.list_subscriptions_by_topic(TopicArn=topic))
    sns.unsubscribe(SubscriptionArn=stays)
    assert sns.publish(TopicArn=topic, Message="to nobody")["MessageId"]
    assert len(delivered(platform, "stays@example.com")) == 2


def test_a_filter_policy_holds_for_mails(platform: Platform, sns: Any, topic: str) -> None:
    subscribe(sns, topic, "filtered@example.com", FilterPolicy=json.dumps({"severity": ["high"]}))
    for severity in ("low", "high"):
        attributes = {"severity": {"DataType": "String", "StringValue": severity}}
        sns.publish(TopicArn=topic, Subject=severity, Message="m", MessageAttributes=attributes)
    assert [mail.subject for mail in delivered(platform, "filtered@example.com")] == ["high"]


def test_a_message_may_have_another_text_for_mails(platform: Platform, sns: Any, topic: str) -> None:
    subscribe(sns, topic, "text@example.com")
    subscribe(sns, topic, "json@example.com", "email-json")
    parts = json.dumps({"default": "for machines", "email": "for people", "email-json": "for mail readers"})
    sns.publish(TopicArn=topic, Subject="s", Message=parts, MessageStructure="json")
    assert delivered(platform, "text@example.com")[0].text().startswith("for people\n")
    envelope = json.loads(delivered(platform, "json@example.com")[0].text())
    assert (envelope["Subject"], envelope["Message"]) == ("s", "for mail readers")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"Subject": "a" * 101}, "Subject"),
        ({"Subject": "two\nlines"}, "Subject"),
        ({"Subject": "Zwölf"}, "Subject"),
        ({"Subject": " begins with a space"}, "Subject"),
        ({"Message": ""}, "Empty message"),
        ({"Message": "no JSON", "MessageStructure": "json"}, "Message Structure - JSON message body failed to parse"),
        (
            {"Message": '{"email": "x"}', "MessageStructure": "json"},
            "Message Structure - No default entry in JSON message body",
        ),
    ],
)
def test_what_sns_does_not_take_is_refused(platform: Platform, sns: Any, wrong: dict[str, str], reason: str) -> None:
    topic = sns.create_topic(Name="refusing")["TopicArn"]
    subscribe(sns, topic, "refused@example.com")
    refused = refusal(sns.publish, TopicArn=topic, **{"Message": "m", **wrong})
    assert refused == ("InvalidParameter", f"Invalid parameter: {reason}")
    assert not delivered(platform, "refused@example.com")
    assert sns.exceptions.InvalidParameterException


def test_of_a_batch_each_entry_is_taken_or_refused_by_itself(platform: Platform, sns: Any, topic: str) -> None:
    subscribe(sns, topic, "batch@example.com")
    entries = [{"Id": "good", "Message": "m", "Subject": "good"}, {"Id": "bad", "Message": "m", "Subject": "b\nd"}]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["good"]
    assert [(one["Id"], one["Code"]) for one in answer["Failed"]] == [("bad", "InvalidParameter")]
    assert [mail.subject for mail in delivered(platform, "batch@example.com")] == ["good"]


def test_a_template_subscribes_once_and_unsubscribes(platform: Platform, sns: Any) -> None:
    def resources(address: str) -> dict[str, Any]:
        subscription = {"TopicArn": {"Ref": "Topic"}, "Protocol": "email", "Endpoint": address}
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "cloudwatch.amazonaws.com"},
                    "Action": "sns:Publish",
                    "Resource": {"Ref": "Topic"},
                }
            ],
        }
        return {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "of-template", "DisplayName": "Shop"}},
            "Policy": {
                "Type": "AWS::SNS::TopicPolicy",
                "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": policy},
            },
            "Mail": {"Type": "AWS::SNS::Subscription", "Properties": subscription},
        }

    topic = deploy(platform, "mail-stack", resources("first@example.com"))["Topic"]
    sns.publish(TopicArn=topic, Message="m", Subject="one")
    (mail,) = delivered(platform, "first@example.com")
    assert b'From: "Shop" <no-reply@sns.amazonaws.com>' in mail.path.read_bytes()
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (attributes["SubscriptionsConfirmed"], "cloudwatch.amazonaws.com" in attributes["Policy"]) == ("1", True)

    deploy(platform, "mail-stack", resources("second@example.com"))
    sns.publish(TopicArn=topic, Message="m", Subject="two")
    assert [one.subject for one in delivered(platform, "first@example.com")] == ["one"]
    assert [one.subject for one in delivered(platform, "second@example.com")] == ["two"]
    remove(platform, "mail-stack")
    assert refusal(sns.publish, TopicArn=topic, Message="m")[0] == "NotFound"


def test_mails_of_all_addresses_are_listed_in_order(tmp_path: Path) -> None:
    boxes = Mailboxes(tmp_path)
    for number, address in enumerate(("b@example.com", "a/../b@example.com", "b@example.com")):
        boxes.deliver(address, "x@example.com", f"s{number}", "long " * 400, {"Message-ID": f"<{number}@x>"})
    found = list(mails(tmp_path))
    assert [(mail.subject, mail.address) for mail in found] == [
        ("s0", "b@example.com"),
        ("s1", "a/../b@example.com"),
        ("s2", "b@example.com"),
    ]
    assert all(mail.path.parent.parent == tmp_path for mail in found)
    assert all(mail.text().strip() == ("long " * 400).strip() for mail in found)
    assert max(map(len, found[0].path.read_bytes().splitlines())) < 998
