"""Carries out the lifecycle rules of buckets, as S3 does once a day, so that history does not fill the disk.

Expiration of objects, of noncurrent versions, of delete markers that hide nothing, and of abandoned uploads; what a
rule says of storage classes has no meaning on one disk. Source: "Lifecycle configuration elements", S3 user guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from botocore.exceptions import ClientError

EVERY_SECONDS = 3600

Rule = dict[str, Any]
Version = dict[str, Any]


def apply_rules(s3: Any, now: datetime) -> int:
    """Applies the enabled rules of all buckets as of `now`; how many objects, versions and uploads were removed."""
    return sum(_apply(s3, bucket["Name"], now) for bucket in s3.list_buckets()["Buckets"])


def _apply(s3: Any, bucket: str, now: datetime) -> int:
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchLifecycleConfiguration", "NoSuchBucket"):
            return 0
        raise
    enabled = [rule for rule in rules if rule["Status"] == "Enabled"]
    expired = list(_expired(s3, bucket, enabled, now))
    for entry in expired:
        s3.delete_object(Bucket=bucket, **entry)
    abandoned = list(_abandoned(s3, bucket, enabled, now))
    for upload in abandoned:
        s3.abort_multipart_upload(Bucket=bucket, **upload)
    return len(expired) + len(abandoned)


def _expired(s3: Any, bucket: str, rules: list[Rule], now: datetime) -> Iterator[dict[str, str]]:
    """Arguments for delete_object: with a version that version goes, without one the current object."""
    for key, versions in groupby(_versions(s3, bucket), key=lambda version: str(version["Key"])):
        history = list(versions)
        current = history[0]
        for rule in rules:
            expiration = rule.get("Expiration", {})
            if not _applies(rule, key, current.get("Size", 0)):
                continue
            if current["marker"]:
                if expiration.get("ExpiredObjectDeleteMarker") and len(history) == 1:
                    yield {"Key": key, "VersionId": current["VersionId"]}
            elif _is_over(expiration, current["LastModified"], now):
                yield {"Key": key}
            yield from ({"Key": key, "VersionId": old["VersionId"]} for old in _outdated(rule, history, now))


def _is_over(expiration: dict[str, Any], written: datetime, now: datetime) -> bool:
    end = written + timedelta(days=expiration["Days"]) if "Days" in expiration else expiration.get("Date")
    return end is not None and bool(end <= now)


def _outdated(rule: Rule, history: list[Version], now: datetime) -> list[Version]:
    """The versions that have not been current for longer than the rule keeps them."""
    expiration = rule.get("NoncurrentVersionExpiration", {})
    if "NoncurrentDays" not in expiration:
        return []
    kept = timedelta(days=expiration["NoncurrentDays"])
    old = [version for newer, version in pairwise(history) if newer["LastModified"] + kept <= now]
    always_kept = history[1 : 1 + expiration.get("NewerNoncurrentVersions", 0)]
    return [version for version in old if version not in always_kept]


def _versions(s3: Any, bucket: str) -> Iterator[Version]:
    """All versions and delete markers, by key, the newest first."""
    found: list[Version] = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found += [{**version, "marker": False} for version in page.get("Versions", [])]
        found += [{**marker, "marker": True} for marker in page.get("DeleteMarkers", [])]
    found.sort(key=lambda version: (version["IsLatest"], version["LastModified"]), reverse=True)
    yield from sorted(found, key=lambda version: str(version["Key"]))


def _abandoned(s3: Any, bucket: str, rules: list[Rule], now: datetime) -> Iterator[dict[str, str]]:
    uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    for upload in uploads:
        for rule in rules:
            days = rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
            old = days is not None and upload["Initiated"] + timedelta(days=days) <= now
            if old and _applies(rule, upload["Key"], 0):
                yield {"Key": upload["Key"], "UploadId": upload["UploadId"]}
                break


def _applies(rule: Rule, key: str, size: int) -> bool:
    """Whether the rule's filter takes the object in. A filter by tags takes nothing in: tags are not looked up here."""
    given = rule.get("Filter", {})
    conditions = given.get("And", given)
    return (
        key.startswith(conditions.get("Prefix", rule.get("Prefix", "")))
        and size > conditions.get("ObjectSizeGreaterThan", -1)
        and size < conditions.get("ObjectSizeLessThan", float("inf"))
        and not ({"Tag", "Tags"} & conditions.keys())
    )
