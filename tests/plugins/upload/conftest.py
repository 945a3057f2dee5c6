"""A bucket to upload into, and sources to upload."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"

Write = Callable[..., str]


def rows(month: str, count: int, first: int = 0) -> str:
    """Rows of a month, each distinct: the product is the row's number."""
    return "".join(
        f"{month}-{1 + number % 28:02} 00:00:{number % 60:02} UTC,view,{number},2053013555631882655,,,1.00,520088904,\n"
        for number in range(first, first + count)
    )


class Bucket:
    """A bucket of the test's own, seen from outside; the upload's ledger is left out.

    written: the keys of all objects put or begun since the last `forget`.
    """

    def __init__(self, aws: Any) -> None:
        self.name = f"upload-{uuid4().hex[:12]}"
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket=self.name)
        self.written: list[str] = []
        for operation in ("PutObject", "CreateMultipartUpload"):
            self.s3.meta.events.register(f"provide-client-params.s3.{operation}", self._note)

    def _note(self, params: dict[str, Any], **_: Any) -> None:
        if not params["Key"].endswith("ledger.json"):
            self.written.append(params["Key"])

    def listing(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])
        return [each["Key"] for each in found if not each["Key"].endswith("ledger.json")]

    def read(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.name, Key=key)["Body"].read())

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.name, Key=key, Body=body)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.name, Key=key)

    def open_uploads(self) -> list[str]:
        """The keys of multipart uploads that are neither complete nor aborted."""
        return [each["Key"] for each in self.s3.list_multipart_uploads(Bucket=self.name).get("Uploads", [])]


@pytest.fixture
def bucket(aws: Any) -> Bucket:
    return Bucket(aws)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a source and returns its path: the text with the contract's header, plain or as the member of a zip."""

    def write(name: str, text: str, header: str = HEADER) -> str:
        path = tmp_path / name
        if path.suffix == ".zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(path.stem, header + text)
        else:
            path.write_bytes((header + text).encode())
        return str(path)

    return write
