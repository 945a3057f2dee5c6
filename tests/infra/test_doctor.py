"""The doctor: each thing that a deployment would miss is named with its way out, and nothing is made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest

from infra import buckets, lake_formation, quotas
from tests.conftest import ROOT
from tests.infra.conftest import Aws, Checkout


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """With the script that looks for the tools."""
    (checkout.folder / "setup").mkdir()
    shutil.copy(ROOT / "setup" / "check_prerequisites.sh", checkout.folder / "setup")
    return checkout


def test_nothing_is_missing(ready: Checkout, aws: Aws) -> None:
    before = aws("s3").list_buckets()["Buckets"]
    found = ready.run("doctor", "--stage", "fresh")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "ok       the bucket name ecommerce-airflow-us-east-1-fresh is free\n" in found.stdout
    assert "left of the quota, 2 needed" in found.stdout
    assert found.stdout.endswith("Nothing is missing: make deploy STAGE=fresh\n")
    assert aws("s3").list_buckets()["Buckets"] == before


def test_what_is_deployed_is_no_fault(ready: Checkout, deployed: tuple[Checkout, str]) -> None:
    found = ready.run("doctor")
    assert found.returncode == 0, found.stdout
    assert "ok       the stack ecomm-batch-dev is CREATE_COMPLETE\n" in found.stdout
    assert "the bucket name ecommerce-raw-us-east-1-dev is that of the stack\n" in found.stdout


def test_a_missing_build_is_named(ready: Checkout) -> None:
    ready.function.unlink()
    found = ready.run("doctor", "--stage", "fresh")
    assert found.returncode == 1
    assert "missing  the function's zip\n         → " in found.stdout
    assert "function.zip is missing; `make setup` builds it." in found.stdout
    assert found.stdout.endswith("1 missing; nothing was created.\n")


def test_a_missing_tool_is_named_with_its_install_line(ready: Checkout) -> None:
    found = ready.run("doctor", "--stage", "fresh", PATH="/bin:/usr/bin", JAVA_HOME="/nowhere")
    assert found.returncode == 1
    assert "missing  Python, Java 17 and Maven\n" in found.stdout
    assert "sudo apt-get install openjdk-17-jdk-headless" in found.stdout


def test_missing_credentials_end_the_examination(ready: Checkout) -> None:
    found = ready.run("doctor", AWS_ACCESS_KEY_ID=None)
    assert found.returncode == 1
    assert "missing  credentials\n         → " in found.stdout
    assert "wants credentials, any: export AWS_ACCESS_KEY_ID=local" in found.stdout


def test_a_bucket_left_by_an_earlier_deployment_is_named(ready: Checkout, aws: Aws) -> None:
    aws("s3").create_bucket(Bucket="ecommerce-curated-us-east-1-left")
    found = ready.run("doctor", "--stage", "left")
    assert found.returncode == 1
    assert "missing  the bucket ecommerce-curated-us-east-1-left is there, and not the stack's\n" in found.stdout
    assert "python -m infra.destroy --stage left --delete-data deletes it" in found.stdout
    assert ready.run("doctor", "--stage", "left", "--prefix", "acme").returncode == 0


@pytest.fixture
def denying() -> Iterator[str]:
    """An S3 in which every bucket is somebody else's; the local platform has only one account's."""

    class Denying(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(403)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Denying)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_name_that_is_taken_by_another_account_is_told_apart(denying: str) -> None:
    client = boto3.client("s3", endpoint_url=denying)
    assert buckets.owner(client, "ecommerce-raw-us-east-1-dev") == "somebody else"


def test_a_service_that_the_region_may_lack_is_named(ready: Checkout) -> None:
    on_aws = {"AWS_ENDPOINT_URL": None, "AWS_ACCESS_KEY_ID": None}
    found = ready.run("doctor", "--region", "eu-central-2", **on_aws)
    assert "unknown  AWS Glue DataBrew in eu-central-2\n         → boto3 knows none there." in found.stdout
    assert "use another --region: " in found.stdout
    assert "ok       Amazon MWAA in eu-central-2\n" in found.stdout
    assert "unknown" not in ready.run("doctor", "--region", "eu-west-1", **on_aws).stdout


def test_an_application_for_aws_is_asked_for_on_aws(ready: Checkout) -> None:
    found = ready.run("doctor", AWS_ENDPOINT_URL=None, AWS_ACCESS_KEY_ID=None)
    assert "missing  the Flink application's zip\n" in found.stdout
    assert "aws/flink-application.zip is missing; `mvn -f include/flink/pom.xml -P aws" in found.stdout


@pytest.fixture
def lake_formation_answering() -> Iterator[Callable[[dict[str, Any]], Any]]:
    """A Lake Formation with the settings given, which the local platform has not."""
    servers = []

    def start(settings: dict[str, Any]) -> Any:
        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.dumps({"DataLakeSettings": settings}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return boto3.client("lakeformation", endpoint_url=f"http://127.0.0.1:{server.server_port}")

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


EVERYBODY = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]


@pytest.mark.parametrize(
    ("databases", "tables", "left_to_iam"),
    [(EVERYBODY, EVERYBODY, True), ([], [], False), (EVERYBODY, [], False)],
)
def test_a_catalog_that_lake_formation_decides_about_is_seen(
    lake_formation_answering: Callable[[dict[str, Any]], Any],
    databases: list[dict[str, Any]],
    tables: list[dict[str, Any]],
    left_to_iam: bool,
) -> None:
    client = lake_formation_answering(
        {"CreateDatabaseDefaultPermissions": databases, "CreateTableDefaultPermissions": tables}
    )
    assert lake_formation.leaves_it_to_iam(client) is left_to_iam


def test_a_quota_that_is_used_up_is_named(ready: Checkout) -> None:
    """The stack takes two streams; an account that has one left lacks one."""
    (streams,) = [quota for quota in quotas.QUOTAS if quota.what == "on-demand streams"]
    assert streams.needed == (ROOT / "infra" / "streaming.yaml").read_text().count("Type: AWS::Kinesis::Stream\n")
    kinesis = boto3.client("kinesis", endpoint_url=ready.endpoint)
    left = kinesis.describe_limits()["OnDemandStreamCountLimit"] - kinesis.describe_limits()["OnDemandStreamCount"]
    fillers = [f"filler-{number}" for number in range(left - 1)]
    try:
        for name in fillers:
            kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
        found = ready.run("doctor", "--stage", "fresh")
    finally:
        for name in fillers:
            kinesis.delete_stream(StreamName=name)
    assert found.returncode == 1
    assert "missing  on-demand streams: 1 left of the quota, 2 needed\n" in found.stdout
    assert "Service Quotas (Amazon Kinesis Data Streams)" in found.stdout
