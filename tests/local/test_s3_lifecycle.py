"""Lifecycle rules remove what they name, when they say, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from local.s3_lifecycle import apply_rules
from tests.conftest import Platform


@pytest.fixture
def s3(platform: Platform) -> Any:
    return boto3.client("s3", endpoint_url=platform.endpoint)


def in_days(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def make_bucket(s3: Any, name: str, rule: dict[str, Any], versioned: bool = True) -> str:
    s3.create_bucket(Bucket=name)
    if versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    rules = [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule}]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    return name


def keys(s3: Any, bucket: str) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_objects_expire_by_prefix_size_and_age(s3: Any) -> None:
    chosen = {"And": {"Prefix": "results/", "ObjectSizeGreaterThan": 2}}
    bucket = make_bucket(s3, "life-expire", {"Filter": chosen, "Expiration": {"Days": 7}}, versioned=False)
    for key, body in (("results/a", b"large"), ("results/b", b"1"), ("other", b"large")):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    apply_rules(s3, in_days(6.9))
    assert keys(s3, bucket) == ["other", "results/a", "results/b"]
    assert apply_rules(s3, in_days(7.1)) == 1
    assert keys(s3, bucket) == ["other", "results/b"]


def test_old_versions_go_and_the_current_one_stays(s3: Any) -> None:
    bucket = make_bucket(s3, "life-versions", {"NoncurrentVersionExpiration": {"NoncurrentDays": 3}})
    for body in (b"1", b"2", b"3"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert apply_rules(s3, in_days(2.9)) == 0
    assert apply_rules(s3, in_days(3.1)) == 2
    (version,) = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert version["IsLatest"]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


def test_the_newest_old_versions_may_be_kept(s3: Any) -> None:
    expiration = {"NoncurrentDays": 3, "NewerNoncurrentVersions": 1}
    bucket = make_bucket(s3, "life-newer", {"NoncurrentVersionExpiration": expiration})
    for body in (b"1", b"2", b"3"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert apply_rules(s3, in_days(4)) == 1
    bodies = [
        s3.get_object(Bucket=bucket, Key="k", VersionId=version["VersionId"])["Body"].read()
        for version in s3.list_object_versions(Bucket=bucket)["Versions"]
    ]
    assert sorted(bodies) == [b"2", b"3"]


def test_a_delete_marker_goes_once_it_hides_nothing(s3: Any) -> None:
    rule = {
        "Expiration": {"ExpiredObjectDeleteMarker": True},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
    }
    bucket = make_bucket(s3, "life-marker", rule)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="k")
    assert apply_rules(s3, in_days(4)) == 1
    assert [marker["Key"] for marker in s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]] == ["k"]
    assert apply_rules(s3, in_days(4)) == 1
    assert s3.list_object_versions(Bucket=bucket).keys() & {"Versions", "DeleteMarkers"} == set()


def test_abandoned_uploads_are_aborted(s3: Any) -> None:
    bucket = make_bucket(s3, "life-uploads", {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}})
    s3.create_multipart_upload(Bucket=bucket, Key="k")
    assert apply_rules(s3, in_days(1.9)) == 0
    assert apply_rules(s3, in_days(2.1)) == 1
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_a_disabled_rule_removes_nothing(s3: Any) -> None:
    bucket = make_bucket(s3, "life-disabled", {"Status": "Disabled", "Expiration": {"Days": 1}})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert apply_rules(s3, in_days(100)) == 0
    assert keys(s3, bucket) == ["k"]
