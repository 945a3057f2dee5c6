"""What the platform can not run is an error that says so, never a success."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import Platform


def client(platform: Platform, service: str) -> Any:
    return boto3.client(service, endpoint_url=platform.endpoint, config=Config(retries={"max_attempts": 0}))


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("glacier", lambda c: c.list_vaults()),
        ("quicksight", lambda c: c.list_dashboards(AwsAccountId="000000000000")),
        ("sagemaker", lambda c: c.list_models()),
        ("redshift", lambda c: c.describe_clusters()),
    ],
)
def test_a_service_that_is_not_there_is_named(platform: Platform, service: str, call: Callable[[Any], Any]) -> None:
    with pytest.raises(ClientError, match=rf"Unsupported.*service {service} is not part of the local platform"):
        call(client(platform, service))


def test_a_hadoop_cluster_does_not_pretend_to_run(platform: Platform) -> None:
    emr = client(platform, "emr")
    with pytest.raises(ClientError, match="RunJobFlow needs a Hadoop cluster"):
        emr.run_job_flow(Name="refused", Instances={"KeepJobFlowAliveWhenNoSteps": False})
    assert emr.list_clusters()["Clusters"] == []
