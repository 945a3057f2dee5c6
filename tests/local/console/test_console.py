"""The pages behind the console's links, asked as the page's script does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from urllib.parse import urlencode

from tests.conftest import Platform
from tests.local.aws import client


def shown(platform: Platform, at: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{platform.endpoint}/_local/console/shown?{urlencode({'at': at})}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_any_address_of_the_console_is_the_page_that_asks(platform: Platform) -> None:
    with urllib.request.urlopen(f"{platform.endpoint}/_local/console/glue/home?region=us-east-1") as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "location.hash" in answer.read().decode()


def test_a_query_is_shown_with_its_text_and_state(platform: Platform) -> None:
    athena = client(platform, "athena")
    output = {"OutputLocation": "s3://console-results/"}
    client(platform, "s3").create_bucket(Bucket="console-results")
    query_id = athena.start_query_execution(QueryString="select 1 as one", ResultConfiguration=output)
    status, text = shown(platform, f"#/query-editor/history/{query_id['QueryExecutionId']}")
    assert status == 200
    assert text.startswith("select 1 as one\n\n{")
    assert json.loads(text.partition("\n\n")[2])["WorkGroup"] == "primary"


def test_a_crawler_is_shown(platform: Platform) -> None:
    client(platform, "glue").create_crawler(
        Name="a crawler",
        Role="arn:aws:iam::000000000000:role/crawler",
        DatabaseName="shown",
        Targets={"S3Targets": [{"Path": "s3://console-results/"}]},
    )
    status, text = shown(platform, "#/v2/data-catalog/crawlers/view/a%20crawler")
    assert status == 200
    assert '"State": "READY"' in text
    assert "/aws-glue/crawlers, a crawler" in text


def test_a_log_group_is_shown_by_the_console_s_spelling(platform: Platform) -> None:
    logs = client(platform, "logs")
    logs.create_log_group(logGroupName="/aws/of-console")
    logs.create_log_stream(logGroupName="/aws/of-console", logStreamName="one")
    events = [{"timestamp": 1_800_000_000_000, "message": "A line\n"}]
    logs.put_log_events(logGroupName="/aws/of-console", logStreamName="one", logEvents=events)
    at = "#logsV2:log-groups/log-group/$252Faws$252Fof-console"
    assert shown(platform, at) == (200, "/aws/of-console\n\nA line")


def test_what_is_not_there_is_said(platform: Platform) -> None:
    assert shown(platform, "#/something") == (
        404,
        "'#/something' is no page of the console that exists on this machine.",
    )
    status, text = shown(platform, "#/query-editor/history/nothing")
    assert status == 404
    assert "nothing" in text
