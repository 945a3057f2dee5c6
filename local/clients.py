"""boto3 clients of the platform itself, one a service and principal for all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config as ClientConfig

from local import principals


def factory(endpoint: str, region: str) -> Callable[[str], Any]:
    """A function that gives whoever acts (local.principals) the client of a service, made at its first use."""
    session: Any = boto3.session.Session()
    made: dict[tuple[str, str], Any] = {}
    lock = threading.Lock()
    settings = ClientConfig(s3={"addressing_style": "path"}, retries={"mode": "standard"})

    def client(service: str) -> Any:
        principal = principals.acting()
        with lock:
            if (principal, service) not in made:
                made[principal, service] = session.client(
                    service,
                    endpoint_url=endpoint,
                    region_name=region,
                    aws_access_key_id=principal,
                    aws_secret_access_key="local",
                    config=settings,
                )
            return made[principal, service]

    return client
