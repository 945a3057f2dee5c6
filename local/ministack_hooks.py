"""Every place where the platform reaches into ministack 1.5.33, so that its next version breaks in one file.

ministack answers the whole AWS API; where it only says that something ran, the function that says so is replaced here
by one that hands over to an engine of ours. Engines know boto3 and their tools; they do not import ministack.
"""

from __future__ import annotations

from pathlib import Path

from ministack.app import app as application
from ministack.services import s3

from local import objects
from local.config import ACCOUNT_ID, Config

__all__ = ["application", "install"]


def install(config: Config) -> None:
    """Replaces ministack's empty answers by engines; once, before the first request."""
    _install_s3(config)
    _install_crawler(config)
    _install_glue_jobs(config)
    _install_athena(config)


# ---- S3 -----------------------------------------------------------------------------------------------------------


def _install_s3(config: Config) -> None:
    objects.use(_list_stored)


def _list_stored(bucket: str, prefix: str) -> list[objects.StoredObject]:
    found = s3._buckets._data.get((ACCOUNT_ID, bucket))
    if found is None:
        raise objects.BucketNotFoundError(f"The bucket {bucket} does not exist.")
    # A copy first: the event loop may add objects while an engine's thread walks through them.
    return [
        objects.StoredObject(bucket, key, record["size"], Path(s3._object_disk_path(bucket, key, ACCOUNT_ID)))
        for key, record in list(found["objects"].items())
        if key.startswith(prefix)
    ]


# ---- Glue crawlers ------------------------------------------------------------------------------------------------


def _install_crawler(config: Config) -> None: ...


# ---- Glue jobs ----------------------------------------------------------------------------------------------------


def _install_glue_jobs(config: Config) -> None: ...


# ---- Athena -------------------------------------------------------------------------------------------------------


def _install_athena(config: Config) -> None: ...
