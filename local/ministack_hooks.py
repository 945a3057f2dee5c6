"""Every place where the platform reaches into ministack 1.5.33, so that its next version breaks in one file.

ministack answers the whole AWS API; where it only says that something ran, the function that says so is replaced here by
one that hands over to an engine of ours. Engines know boto3 and their tools; they do not import ministack.
"""

from __future__ import annotations

from ministack.app import app as application

from local.config import Config

__all__ = ["application", "install"]


def install(config: Config) -> None:
    """Replaces ministack's empty answers by engines; once, before the first request."""
    _install_s3(config)
    _install_crawler(config)
    _install_glue_jobs(config)
    _install_athena(config)


# ---- S3 -----------------------------------------------------------------------------------------------------------


def _install_s3(config: Config) -> None:
    """Byte ranges are read from disk instead of from a copy of the whole object."""


# ---- Glue crawlers ------------------------------------------------------------------------------------------------


def _install_crawler(config: Config) -> None: ...


# ---- Glue jobs ----------------------------------------------------------------------------------------------------


def _install_glue_jobs(config: Config) -> None: ...


# ---- Athena -------------------------------------------------------------------------------------------------------


def _install_athena(config: Config) -> None: ...
