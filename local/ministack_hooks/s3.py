"""Objects: large bodies stay on disk, and what finds no room there is refused.

ministack keeps parts, versions and whatever it reads or writes in memory, whole. Here large bodies travel through its
functions as a DiskBody in the place of bytes, and those that read every byte are replaced. What it cannot write it
keeps in memory until it is stopped; here it never comes so far.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import ministack.app
from ministack.core.responses import StreamingResponse, request_scope
from ministack.services import s3

from local import objects
from local.aws_chunked import IncompleteBodyError
from local.config import ACCOUNT_ID, Config
from local.s3_bodies import (
    SMALL_BODY_BYTES,
    Body,
    ClientLeftError,
    DiskBody,
    Receive,
    checksum,
    digest,
    empty_folder,
    join,
    receive_to_disk,
)
from local.s3_space import lack_of_room

# As many as S3 lists in one answer.
KEYS_PER_PAGE = 1000
REMEMBERED_COMPLETIONS = 1000


def install(config: Config) -> None:
    empty_folder(config.uploads)
    _mend_interrupted_writes(config)
    objects.use(_list_stored)
    ministack.app._read_request_body = partial(_read_request_body, ministack.app._read_request_body, config.uploads)
    s3.handle_request = partial(_answer_s3, s3.handle_request, config.uploads)
    s3._complete_multipart_upload = partial(_complete_multipart_upload, s3._complete_multipart_upload)
    s3._upload_part_copy = partial(_upload_part_copy, s3._upload_part_copy, config.uploads)
    s3._read_body = _read_body
    s3._version_body = _version_body
    s3._get_object_data = partial(_get_object_data, s3._get_object_data)
    s3._atomic_write = partial(_atomic_write, s3._atomic_write)
    s3._version_entry_from_record = partial(_version_without_data, s3._version_entry_from_record)
    s3._delete_persisted_object = partial(_delete_persisted_object, s3._delete_persisted_object)
    s3._collect_list_entries = partial(_one_page, s3._collect_list_entries)
    s3._compute_s3_checksum = checksum
    s3.md5_hash = lambda body: digest("MD5", body).hex()


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


def _mend_interrupted_writes(config: Config) -> None:
    """Makes size and ETag those of the file where a kill came between writing an object and writing its description."""
    for unfinished in config.objects.rglob("*.tmp"):
        unfinished.unlink()
    for (account, bucket), found in s3._buckets._data.items():
        for key, record in found["objects"].items():
            path = Path(s3._object_disk_path(bucket, key, account))
            description = Path(f"{path}.meta.json")
            if not description.exists() or description.stat().st_mtime_ns < path.stat().st_mtime_ns:
                body = DiskBody(path)
                record.update(size=len(body), etag=f'"{digest("MD5", body).hex()}"', checksums={})
                with request_scope(account, config.region):
                    s3._persist_object(bucket, key, record)


class _NoRoom(bytes):
    """In the place of a body that was not stored; `why` is the sentence for the client."""

    why = ""


async def _read_request_body(stock: Any, uploads: Path, receive: Receive, method: str, headers: dict[str, str]) -> Any:
    # A presigned request is signed in its address, and only S3 takes such ones.
    signed_for = headers.get("authorization")
    to_s3 = method == "PUT" and (signed_for is None or "/s3/aws4_request" in signed_for)
    size = int(headers.get("content-length", 0))
    if not to_s3 or size <= SMALL_BODY_BYTES:
        return await stock(receive, method, headers)
    if why := lack_of_room(uploads, size):
        await _pass_over(receive)
        refused = _NoRoom()
        refused.why = why
        return refused
    try:
        return await receive_to_disk(receive, headers, uploads)
    except ClientLeftError:
        raise ministack.app._RequestBodyDisconnected from None
    except IncompleteBodyError as error:
        raise ministack.app._IncompleteRequestBody(str(error)) from error


async def _pass_over(receive: Receive) -> None:
    """Takes the body in and drops it: a client that is still sending would not read the answer."""
    while (message := await receive()).get("more_body"):
        pass
    if message["type"] != "http.request":
        raise ministack.app._RequestBodyDisconnected


async def _answer_s3(
    stock: Any,
    uploads: Path,
    method: str,
    path: str,
    headers: dict[str, str],
    body: Body,
    query_params: dict[str, Any],
    *rest: Any,
    **options: Any,
) -> Any:
    completes = method == "POST" and "uploadId" in query_params
    if (method == "PUT" or completes) and (why := _why_not_stored(uploads, body, query_params)):
        # Not one of the errors of S3, which is never full, and none that a client repeats by itself.
        return s3._error("InsufficientStorage", why, 507, path)
    if completes:
        await _join_parts(uploads, s3._qp(query_params, "uploadId"), body)
    status, answer_headers, answer = await stock(method, path, headers, body, query_params, *rest, **options)
    if status == 200 and isinstance(answer, DiskBody) and headers.get("range"):
        status, answer_headers, answer = _range_of_version(path, headers, answer_headers, answer)
    if isinstance(answer, DiskBody):
        answer = answer.read() if len(answer) <= SMALL_BODY_BYTES else StreamingResponse(answer.streaming())
    return status, answer_headers, answer


def _why_not_stored(uploads: Path, body: Body, query_params: dict[str, Any]) -> str | None:
    if isinstance(body, _NoRoom):
        return body.why
    upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId"), {"parts": {}})
    joined = sum(part["size"] for part in upload["parts"].values()) if "partNumber" not in query_params else 0
    # A body on disk has its room already.
    return lack_of_room(uploads, joined + (len(body) if isinstance(body, bytes) else 0))


def _range_of_version(path: str, headers: dict[str, str], whole_headers: dict[str, str], whole: DiskBody) -> Any:
    """ministack gives versions whole, whatever range is asked for."""
    size = len(whole)
    wanted = s3._parse_range(headers["range"], size)
    if wanted is None:
        error = s3._range_error_xml(*s3._parse_bucket_key(path, headers))
        return 416, {"Content-Type": "application/xml", "Content-Range": f"bytes */{size}"}, s3._xml_body(error)
    part = whole[wanted[0] : wanted[1] + 1]
    # A checksum is of the whole.
    kept = {name: value for name, value in whole_headers.items() if not name.startswith("x-amz-checksum-")}
    span = f"bytes {wanted[0]}-{wanted[1]}/{size}"
    return 206, {**kept, "Content-Length": str(len(part)), "Content-Range": span}, part


async def _join_parts(uploads: Path, upload_id: str, request: Body) -> None:
    upload = s3._multipart_uploads.get(upload_id)
    if upload is None:
        return
    async with upload.setdefault("lock", asyncio.Lock()):
        parts = _named_parts(upload, request)
        if parts:
            upload["joined"] = parts, await asyncio.to_thread(join, [part["body"] for _, part in parts], uploads)


def _named_parts(upload: dict[str, Any], request: Body) -> list[tuple[int, dict[str, Any]]]:
    """The parts that a completion names, in order; none where one of them is not as it was uploaded."""
    try:
        elements = s3.fromstring(request).findall("{*}Part")
        named = sorted(
            (int(element.findtext("{*}PartNumber")), {field.tag.split("}")[-1]: field.text for field in element})
            for element in elements
        )
    except (s3.ParseError, TypeError, ValueError):
        return []
    parts = [(number, upload["parts"].get(number)) for number, _ in named]
    for (_, fields), (_, part) in zip(named, parts, strict=True):
        if part is None or fields.get("ETag", part["etag"]).strip('"') != part["etag"].strip('"'):
            return []
        given = {name.removeprefix("Checksum"): value for name, value in fields.items() if name.startswith("Checksum")}
        if any(part["checksums"].get(name) != value for name, value in given.items()):
            return []
    return parts


def _complete_multipart_upload(
    stock: Any, bucket_name: str, key: str, body: Body, query_params: dict[str, Any], headers: dict[str, str]
) -> Any:
    """ministack's own without its joining and hashing of all parts; where something is refused, it says so itself."""
    upload_id = s3._qp(query_params, "uploadId")
    upload = s3._multipart_uploads.get(upload_id, {})
    parts, joined = upload.pop("joined", (None, None))
    bucket = s3._ensure_bucket(bucket_name)
    if (
        bucket is None
        or (upload.get("bucket"), upload.get("key")) != (bucket_name, key)
        or parts is None
        or parts != _named_parts(upload, body)
        or s3._check_sse_c_part(headers, upload) is not None
        or s3._check_put_preconditions(headers, bucket["objects"].get(key)) is not None
        or headers.get("x-amz-mp-object-size", str(len(joined))) != str(len(joined))
    ):
        return stock(bucket_name, key, body, query_params, headers)
    algorithm = upload["checksum_algorithm"]
    composite = s3._composite_checksum(algorithm, [part["checksums"].get(algorithm) for _, part in parts])
    if algorithm and headers.get(f"x-amz-checksum-{algorithm.lower()}", composite) != composite:
        return stock(bucket_name, key, body, query_params, headers)

    digests = b"".join(bytes.fromhex(part["etag"].strip('"')) for _, part in parts)
    etag = f'"{hashlib.md5(digests).hexdigest()}-{len(parts)}"'
    prior = bucket["objects"].get(key)
    record = bucket["objects"][key] = {
        "body": joined,
        "etag": etag,
        "last_modified": s3.now_iso(),
        "size": len(joined),
        "parts": [{"PartNumber": number, "Size": part["size"]} for number, part in parts],
        "checksums": {algorithm: composite} if composite else {},
        "checksum_type": "COMPOSITE" if composite else None,
        **{name: upload[name] for name in ("content_type", "content_encoding", "metadata")},
        **{name: upload[name] for name in ("preserved_headers", "storage_class")},
    }
    del s3._multipart_uploads[upload_id]
    s3._maybe_replicate(bucket_name, key, record, joined)
    version = s3._record_object_version(bucket_name, key, prior, record, joined)
    s3._fire_s3_event_async(
        bucket_name, key, "s3:ObjectCreated:CompleteMultipartUpload", len(joined), etag, version_id=version
    )
    s3._persist_object(bucket_name, key, record)

    answer = s3.Element("CompleteMultipartUploadResult", xmlns=s3.S3_NS)
    fields = {"Location": f"http://{headers.get('host', '')}/{bucket_name}/{key}", "Bucket": bucket_name, "Key": key}
    fields |= {"ETag": etag} | ({f"Checksum{algorithm}": composite, "ChecksumType": "COMPOSITE"} if composite else {})
    for name, text in fields.items():
        s3.SubElement(answer, name).text = text
    answer_headers = {"Content-Type": "application/xml", **s3._stored_sse_headers(record)}
    if version:
        answer_headers["x-amz-version-id"] = version
    response = 200, answer_headers, s3._xml_body(answer)
    # A client that missed this answer asks again.
    completed = s3._completed_multipart_uploads
    completed[upload_id] = {"key": key, "response": response}
    while len(completed._data) > REMEMBERED_COMPLETIONS:
        completed._data.pop(next(iter(completed._data)))
    return response


def _upload_part_copy(
    stock: Any, uploads: Path, bucket_name: str, key: str, query_params: dict[str, Any], headers: dict[str, str]
) -> Any:
    response = stock(bucket_name, key, query_params, headers)
    upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId"), {"parts": {}})
    part = upload["parts"].get(int(s3._qp(query_params, "partNumber", "1")))
    if part and isinstance(part["body"], DiskBody):
        # The source may be replaced before the upload is completed.
        part["body"] = part["body"].pinned(uploads)
        part.setdefault("checksums", {})
    return response


def _read_body(bucket_name: str, key: str, record: dict[str, Any]) -> Body:
    if record.get("body") is not None:
        return record["body"]
    return DiskBody(Path(s3._object_disk_path(bucket_name, key)), size=record["size"])


def _version_body(bucket: dict[str, Any], bucket_name: str, key: str, version: dict[str, Any]) -> Body | None:
    if s3._version_file_exists(bucket_name, key, version["version_id"]):
        return DiskBody(Path(s3._version_disk_path(bucket_name, key, version["version_id"])))
    current = bucket["objects"].get(key)
    if current is not None and (current.get("version_id") or "null") == version["version_id"]:
        return _read_body(bucket_name, key, current)
    return None


def _get_object_data(stock: Any, *args: Any, **options: Any) -> bytes | None:
    """For other services, which want bytes."""
    body = stock(*args, **options)
    return body.read() if isinstance(body, DiskBody) else body


def _atomic_write(stock: Any, path: str, data: Any, *, text: bool = False) -> None:
    if not isinstance(data, DiskBody):
        return stock(path, data, text=text)
    unfinished = Path(f"{path}.tmp")
    unfinished.unlink(missing_ok=True)
    data.write_to(unfinished)
    unfinished.replace(path)
    # Replacing a file by a link to itself does nothing, not even take the link away.
    unfinished.unlink(missing_ok=True)
    return None


def _version_without_data(stock: Any, record: dict[str, Any], version_id: str, data: Any) -> Any:
    return stock(record, version_id, None)


def _delete_persisted_object(stock: Any, bucket_name: str, key: str) -> None:
    stock(bucket_name, key)
    folder = Path(s3._object_disk_path(bucket_name, key)).parent
    with contextlib.suppress(OSError):
        while folder.name != bucket_name:
            folder.rmdir()
            folder = folder.parent


def _one_page(stock: Any, keys: Any, prefix: str, delimiter: str, max_keys: int, start_after: str) -> Any:
    return stock(keys, prefix, delimiter, min(max_keys, KEYS_PER_PAGE), start_after)
