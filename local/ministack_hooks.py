"""Every place where the platform reaches into ministack 1.5.33, so that its next version breaks in one file.

ministack answers the whole AWS API; where it only says that something ran, the function that says so is replaced here
by one that hands over to an engine of ours. Engines know boto3 and their tools; they do not import ministack.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ministack.app
from ministack.app import app as application
from ministack.core import persistence, router
from ministack.core.responses import StreamingResponse, error_response_json, json_response, request_scope
from ministack.services import athena, cloudformation, glue, s3
from ministack.services.cloudformation import changesets, handlers, provisioners, stacks

from local import cfn_bucket, objects
from local.athena.clients import factory
from local.athena.errors import InvalidRequestError
from local.athena.service import QueryService
from local.aws_chunked import IncompleteBodyError
from local.config import ACCOUNT_ID, Config
from local.glue_catalog import InvalidInputError, matches_table, matching_partitions, page
from local.glue_crawler import CrawlerEngine, CrawlerNotRunningError, CrawlerRunningError
from local.glue_job import ConcurrentRunsExceededError, JobEngine, UnknownRunError
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

__all__ = ["application", "close", "encode_state", "install", "states"]

# As many as S3 lists in one answer.
KEYS_PER_PAGE = 1000
GLUE_TABLES_PER_PAGE = 100
GLUE_PARTITIONS_PER_PAGE = 1000
GLUE_JOB_RUNS_PER_PAGE = 200
REMEMBERED_COMPLETIONS = 1000


def install(config: Config) -> None:
    """Replaces ministack's empty answers by engines; once, before the first request."""
    # Ours is saved by a StateKeeper, at the end too.
    ministack.app.save_all = lambda services: None
    _install_refusals()
    _install_cloudformation()
    _install_s3(config)
    _install_glue_catalog()
    _install_crawler(config)
    _install_glue_jobs(config)
    _install_athena(config)


_at_close: list[Callable[[], None]] = []


def close() -> None:
    """Ends what the engines run; called while the platform still answers and before its state is saved at the end."""
    for end in _at_close:
        end()


# ---- state --------------------------------------------------------------------------------------------------------


def states() -> dict[str, Callable[[], Any]]:
    """By the name of its file, what copies the state of each service in use."""
    found: dict[str, Callable[[], Any]] = ministack.app._build_persistence_save_dict()
    return found


def encode_state(name: str, state: Any) -> str:
    wrapped = {"__ministack_format__": persistence._state_format_version(name), "payload": state}
    return json.dumps(wrapped, default=persistence._json_default)


# ---- what does not run here -----------------------------------------------------------------------------------------

# Answered with success by ministack although nothing runs; by x-amz-target, or by path.
_WITHOUT_ENGINE = {
    "KinesisAnalytics_20180523.StartApplication": "Apache Flink, which this platform does not have yet",
    "ElasticMapReduce.RunJobFlow": "a Hadoop cluster; Spark scripts run as Glue jobs here",
}
_WITHOUT_DOCKER = {
    "/v1/submitjob": "Docker; install and start it, then start the platform again",
    "AmazonEC2ContainerServiceV20141113.RunTask": "Docker; install and start it, then start the platform again",
}


def _install_refusals() -> None:
    # ministack loads boto3's models of all services, 400 MB, to ask whether a name that it does not know is AWS's.
    router._is_aws_service_name = lambda name: True
    ministack.app._dispatch_service_request = partial(_dispatch, ministack.app._dispatch_service_request)


async def _dispatch(
    stock: Any, method: str, path: str, headers: dict[str, str], body: Body, query_params: Any, request_id: str
) -> Any:
    action = headers.get("x-amz-target") or path
    missing = _WITHOUT_ENGINE if ministack.app._docker_socket_present() else _WITHOUT_ENGINE | _WITHOUT_DOCKER
    if action in missing:
        return _refusal(headers, f"{action.rpartition('.')[2]} needs {missing[action]}.")
    answer = await stock(method, path, headers, body, query_params, request_id)
    unknown = b'{"error": "Unsupported service: '
    if answer[0] == 400 and isinstance(answer[2], bytes) and answer[2].startswith(unknown):
        service = answer[2].removeprefix(unknown).rstrip(b'"}').decode()
        return _refusal(headers, f"The service {service} is not part of the local platform.")
    return answer


def _refusal(headers: dict[str, str], sentence: str) -> Any:
    """An error in the protocol of the request."""
    code = "UnsupportedOperationException"
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        root = s3.Element("ErrorResponse")
        error = s3.SubElement(root, "Error")
        for name, text in (("Type", "Sender"), ("Code", code), ("Message", sentence)):
            s3.SubElement(error, name).text = text
        return 400, {"Content-Type": "text/xml"}, s3._xml_body(root)
    status, answer_headers, body = error_response_json(code, sentence, 400)
    return status, {**answer_headers, "x-amzn-errortype": code}, body


# ---- CloudFormation -----------------------------------------------------------------------------------------------
# What an operation needs to be taken back is kept with the stack, so that one cut off by a kill is rolled back at the
# next start.


def _install_cloudformation() -> None:
    for module in (changesets, handlers):
        module._deploy_stack_async = partial(_deploy_stack, module._deploy_stack_async)
    bucket = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    bucket["create"] = partial(_create_bucket_resource, bucket["create"])
    bucket["update"] = partial(_update_bucket_resource, bucket["update"])
    bucket["delete"] = _delete_bucket_resource
    provisioners._athena_workgroup_apply = partial(_apply_workgroup, provisioners._athena_workgroup_apply)
    ministack.app._load_persisted_state = partial(_load_all, ministack.app._load_persisted_state)


def _apply_workgroup(stock: Any, name: str, properties: dict[str, Any]) -> None:
    """A template's parameter is text, the API's limit a number."""
    stock(name, properties)
    configuration = athena._workgroups[name]["Configuration"]
    if "BytesScannedCutoffPerQuery" in configuration:
        configuration["BytesScannedCutoffPerQuery"] = int(configuration["BytesScannedCutoffPerQuery"])


def _create_bucket_resource(stock: Any, logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
    cfn_bucket.refuse_unknown(properties)
    name, attributes = stock(logical_id, properties, stack_name)
    _set_bucket_properties(name, properties, {})
    return name, attributes


def _update_bucket_resource(
    stock: Any, name: str, before: dict[str, Any], after: dict[str, Any], stack_name: str
) -> Any:
    cfn_bucket.refuse_unknown(after)
    name, attributes = stock(name, before, after, stack_name)
    _set_bucket_properties(name, after, before)
    return name, attributes


def _set_bucket_properties(name: str, properties: dict[str, Any], before: dict[str, Any]) -> None:
    versioning = properties.get("VersioningConfiguration", {}).get("Status")
    if versioning == "Suspended":
        s3._bucket_versioning[name] = versioning
    operations = {
        "BucketEncryption": (s3._put_bucket_encryption, s3._delete_bucket_encryption),
        "LifecycleConfiguration": (s3._put_bucket_lifecycle, s3._delete_bucket_lifecycle),
        "OwnershipControls": (s3._put_bucket_ownership_controls, s3._delete_bucket_ownership_controls),
        "Tags": (s3._put_bucket_tagging, s3._delete_bucket_tagging),
    }
    for property_name in cfn_bucket.ADDED:
        put, delete = operations[property_name]
        if properties.get(property_name):
            _require_success(put(name, cfn_bucket.request_body(property_name, properties[property_name])))
        elif before.get(property_name):
            _require_success(delete(name))


def _delete_bucket_resource(name: str, properties: dict[str, Any]) -> None:
    """ministack's own drops the objects with the bucket, and finds them again at its next start."""
    if name in s3._buckets:
        _require_success(s3._delete_bucket(name))


def _require_success(answer: Any) -> None:
    status, _, body = answer
    if status >= 300:
        error = s3.fromstring(body)
        raise ValueError(f"{error.findtext('{*}Message')} ({error.findtext('{*}Code')})")


async def _deploy_stack(
    stock: Any,
    stack_name: str,
    stack_id: str,
    template: Any,
    parameters: Any,
    disable_rollback: bool,
    tags: Any,
    is_update: bool = False,
    previous_stack: Any = None,
    **options: Any,
) -> None:
    stack = cloudformation._stacks[stack_name]
    previous = previous_stack or {}
    arguments = stack_name, stack_id, template, parameters, disable_rollback, tags, is_update, previous_stack
    stack["_under_way"] = {
        "is_update": is_update,
        "previous_stack": previous_stack,
        "template": template,
        "param_values": parameters,
        "stack_tags": stack.get("Tags") or [],
        "previous_tags": previous.get("Tags") or [],
        "retain_except_on_create": options.get("retain_except_on_create", False),
    }
    try:
        await stock(*arguments, **options)
    finally:
        stack.pop("_under_way", None)


def _load_all(stock: Any) -> None:
    stock()
    for (account, region, name), stack in list(cloudformation._stacks._data.items()):
        status = stack["StackStatus"]
        if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            continue
        with request_scope(account, region):
            if status == "DELETE_IN_PROGRESS":
                handlers._delete_stack({"StackName": [name]})
                continue
            under_way = stack.pop("_under_way", {})
            before = (under_way.get("previous_stack") or {}).get("_resources", {})
            touched = [key for key, resource in stack["_resources"].items() if resource != before.get(key)]
            stack["_failed_operation"] = {**under_way, "created": touched}
            stack["StackStatus"] = "UPDATE_FAILED" if under_way.get("is_update") else "CREATE_FAILED"
            reason = "The platform stopped in the middle of this operation; it is rolled back."
            stack["StackStatusReason"] = reason
            kind = "AWS::CloudFormation::Stack"
            stacks._add_event(stack["StackId"], name, name, kind, stack["StackStatus"], reason, stack["StackId"])
            handlers._rollback_stack({"StackName": [name]})


# ---- S3 -----------------------------------------------------------------------------------------------------------
# ministack keeps parts, versions and whatever it reads or writes in memory, whole. Here large bodies stay on disk: they
# travel through its functions as a DiskBody in the place of bytes, and those that read every byte are replaced.


def _install_s3(config: Config) -> None:
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


async def _read_request_body(stock: Any, uploads: Path, receive: Receive, method: str, headers: dict[str, str]) -> Any:
    to_s3 = method == "PUT" and "/s3/aws4_request" in headers.get("authorization", "")
    if not to_s3 or int(headers.get("content-length", 0)) <= SMALL_BODY_BYTES:
        return await stock(receive, method, headers)
    try:
        return await receive_to_disk(receive, headers, uploads)
    except ClientLeftError:
        raise ministack.app._RequestBodyDisconnected from None
    except IncompleteBodyError as error:
        raise ministack.app._IncompleteRequestBody(str(error)) from error


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
    if method == "POST" and "uploadId" in query_params:
        await _join_parts(uploads, s3._qp(query_params, "uploadId"), body)
    status, answer_headers, answer = await stock(method, path, headers, body, query_params, *rest, **options)
    if status == 200 and isinstance(answer, DiskBody) and headers.get("range"):
        status, answer_headers, answer = _range_of_version(path, headers, answer_headers, answer)
    if isinstance(answer, DiskBody):
        answer = answer.read() if len(answer) <= SMALL_BODY_BYTES else StreamingResponse(answer.streaming())
    return status, answer_headers, answer


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


# ---- Glue catalog -------------------------------------------------------------------------------------------------
# ministack keeps the catalog; it ignores filters and pages, takes partitions of tables that do not exist, and lacks a
# few actions.

_GlueAction = Callable[[dict[str, Any]], Any]
_glue_actions: dict[str, _GlueAction] = {}


def _install_glue_catalog() -> None:
    glue._get_partitions = partial(_glue_answer, _get_partitions)
    glue._get_tables = partial(_glue_answer, _get_tables)
    for name in ("_create_partition", "_batch_create_partition", "_delete_partition"):
        setattr(glue, name, partial(_glue_answer, partial(_with_table, getattr(glue, name))))
    _glue_actions["UpdatePartition"] = partial(_glue_answer, partial(_with_table, _update_partition))
    _glue_actions["BatchDeletePartition"] = partial(_glue_answer, partial(_with_table, _batch_delete_partition))
    stock = glue._handle_request_sync
    glue._handle_request_sync = partial(_added_glue_action, stock)


def _added_glue_action(stock: Any, method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
    action = _glue_actions.get(headers.get("x-amz-target", "").rpartition(".")[2])
    return action(json.loads(body or b"{}")) if action else stock(method, path, headers, body, query)


class _GlueError(Exception):
    """An answer of Glue's: the name of its exception and a sentence."""


def _glue_answer(operation: _GlueAction, data: dict[str, Any]) -> Any:
    """The operation's answer, which is a whole response, a dictionary or None, or the error that it raises."""
    try:
        answer = operation(data)
    except InvalidInputError as error:
        return error_response_json("InvalidInputException", str(error), 400)
    except CrawlerRunningError as error:
        return error_response_json("CrawlerRunningException", str(error), 400)
    except CrawlerNotRunningError as error:
        return error_response_json("CrawlerNotRunningException", str(error), 400)
    except _GlueError as error:
        return error_response_json(error.args[0], error.args[1], 400)
    return answer if isinstance(answer, tuple) else json_response(answer or {})


def _glue_record(kind: str, records: Any, name: str) -> Any:
    found = records.get(name)
    if found is None:
        raise _GlueError("EntityNotFoundException", f"{kind} {name} not found.")
    return found


def _glue_table(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _glue_record("Table", glue._tables, f"{data.get('DatabaseName')}/{data.get('TableName')}")
    return found


def _with_table(operation: _GlueAction, data: dict[str, Any]) -> Any:
    _glue_table(data)
    return operation(data)


def _get_tables(data: dict[str, Any]) -> Any:
    database = data.get("DatabaseName", "")
    _glue_record("Database", glue._databases, database)
    expression = data.get("Expression") or "*"
    tables = sorted((name, table) for name, table in list(glue._tables.items()) if name.startswith(f"{database}/"))
    found = [table for _, table in tables if matches_table(table["Name"], expression)]
    tables_page, more = page(found, data.get("NextToken"), data.get("MaxResults"), GLUE_TABLES_PER_PAGE)
    return {"TableList": tables_page, **more}


def _get_partitions(data: dict[str, Any]) -> Any:
    table = _glue_table(data)
    partitions = list(glue._partitions.get(f"{data['DatabaseName']}/{data['TableName']}", []))
    found = matching_partitions(partitions, table.get("PartitionKeys") or [], data.get("Expression") or "")
    partitions_page, more = page(found, data.get("NextToken"), data.get("MaxResults"), GLUE_PARTITIONS_PER_PAGE)
    return {"Partitions": partitions_page, **more}


def _update_partition(data: dict[str, Any]) -> Any:
    entry = {"PartitionValueList": data["PartitionValueList"], "PartitionInput": data["PartitionInput"]}
    answer = glue._batch_update_partition({**data, "Entries": [entry]})
    errors = json.loads(answer[2]).get("Errors")
    if errors:
        raise _GlueError(errors[0]["ErrorDetail"]["ErrorCode"], f"Partition {data['PartitionValueList']} not found.")
    return {}


def _batch_delete_partition(data: dict[str, Any]) -> Any:
    present = [part["Values"] for part in glue._partitions.get(f"{data['DatabaseName']}/{data['TableName']}", [])]
    missing = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Partition not found."}
    errors = []
    for values in (entry["Values"] for entry in data["PartitionsToDelete"]):
        if values in present:
            glue._delete_partition({**data, "PartitionValues": values})
        else:
            errors.append({"PartitionValues": values, "ErrorDetail": missing})
    return {"Errors": errors}


# ---- Glue crawlers ------------------------------------------------------------------------------------------------


def _install_crawler(config: Config) -> None:
    engine = CrawlerEngine(factory(config.endpoint, config.region), config.var / "aws" / "glue" / "crawls")
    glue._start_crawler = partial(_glue_answer, partial(_start_crawler, engine))
    glue._stop_crawler = partial(_glue_answer, lambda data: engine.stop(_crawler(data)))
    glue._update_crawler = partial(_glue_answer, partial(_when_idle, glue._update_crawler))
    glue._delete_crawler = partial(_glue_answer, partial(_delete_crawler, engine, glue._delete_crawler))
    glue._get_crawler_metrics = partial(_glue_answer, partial(_crawler_metrics, engine))
    _glue_actions["ListCrawls"] = partial(_glue_answer, partial(_list_crawls, engine))
    _after_restore(lambda: [engine.release_interrupted(crawler) for crawler in glue._crawlers._data.values()])


def _crawler(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _glue_record("Crawler", glue._crawlers, data.get("Name") or data.get("CrawlerName") or "")
    return found


def _start_crawler(engine: CrawlerEngine, data: dict[str, Any]) -> None:
    crawler = _crawler(data)
    engine.start(crawler, [_glue_record("Classifier", glue._classifiers, name) for name in crawler["Classifiers"]])


def _when_idle(stock: _GlueAction, data: dict[str, Any]) -> Any:
    CrawlerEngine.require_idle(_crawler(data))
    return stock(data)


def _delete_crawler(engine: CrawlerEngine, stock: _GlueAction, data: dict[str, Any]) -> Any:
    answer = _when_idle(stock, data)
    engine.history.forget(data["Name"])
    return answer


def _crawler_metrics(engine: CrawlerEngine, data: dict[str, Any]) -> Any:
    names = data.get("CrawlerNameList") or sorted(glue._crawlers)
    known, more = page(names, data.get("NextToken"), data.get("MaxResults"), GLUE_PARTITIONS_PER_PAGE)
    return {"CrawlerMetricsList": [engine.history.metrics(name) for name in known if name in glue._crawlers], **more}


def _list_crawls(engine: CrawlerEngine, data: dict[str, Any]) -> Any:
    crawls = engine.history.crawls(_crawler(data)["Name"])[::-1]
    crawls_page, more = page(crawls, data.get("NextToken"), data.get("MaxResults"), GLUE_PARTITIONS_PER_PAGE)
    return {"Crawls": crawls_page, **more}


def _after_restore(change: Callable[[], object]) -> None:
    """Calls `change` each time ministack has read Glue's saved state."""
    stock = glue.load_persisted_state

    def restore(data: Any) -> None:
        stock(data)
        change()

    glue.load_persisted_state = restore


# ---- Glue jobs ----------------------------------------------------------------------------------------------------


# What ministack forgets of a job.
_JOB_MEMBERS = ("ExecutionProperty", "ExecutionClass", "JobMode", "LogUri")
_JOB_NUMBERS = ("MaxRetries", "NumberOfWorkers", "Timeout")


def _install_glue_jobs(config: Config) -> None:
    engine = JobEngine(config, factory(config.endpoint, config.region))
    _at_close.append(engine.close)
    glue._create_job = partial(_glue_answer, partial(_create_job, glue._create_job))
    glue._update_job = partial(_glue_answer, partial(_update_job, glue._update_job))
    glue._delete_job = partial(_glue_answer, partial(_delete_job, engine, glue._delete_job))
    provisioners._GLUE_JOB_DEFAULTS["ExecutionProperty"] = {"MaxConcurrentRuns": 1}
    glue._start_job_run = partial(_glue_answer, partial(_start_job_run, engine))
    glue._get_job_runs = partial(_glue_answer, _get_job_runs)
    glue._batch_stop_job_run = partial(_glue_answer, partial(_batch_stop_job_run, engine))
    _after_restore(lambda: [engine.fail_interrupted(run) for runs in glue._job_runs._data.values() for run in runs])


def _create_job(stock: _GlueAction, data: dict[str, Any]) -> Any:
    definition = _with_numbers(data)
    answer = stock(definition)
    if answer[0] == 200:
        _remember(data["Name"], definition)
    return answer


def _update_job(stock: _GlueAction, data: dict[str, Any]) -> Any:
    changes = _with_numbers(data.get("JobUpdate", {}))
    answer = stock({**data, "JobUpdate": changes})
    if answer[0] == 200:
        _remember(data["JobName"], changes)
    return answer


def _remember(job: str, definition: dict[str, Any]) -> None:
    glue._jobs[job].update({name: definition[name] for name in _JOB_MEMBERS if definition.get(name)})


def _with_numbers(definition: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a job as numbers: a template's parameters are text, which CloudFormation would convert."""
    numbers: dict[str, Any] = {name: int(definition[name]) for name in _JOB_NUMBERS if definition.get(name) is not None}
    if limit := (definition.get("ExecutionProperty") or {}).get("MaxConcurrentRuns"):
        numbers["ExecutionProperty"] = {"MaxConcurrentRuns": int(limit)}
    return {**definition, **numbers}


def _delete_job(engine: JobEngine, stock: _GlueAction, data: dict[str, Any]) -> Any:
    for run in glue._job_runs.get(data.get("JobName"), []):
        with contextlib.suppress(UnknownRunError):
            engine.stop(run["Id"])
    return stock(data)


def _start_job_run(engine: JobEngine, data: dict[str, Any]) -> Any:
    job = _glue_record("Job", glue._jobs, data.get("JobName", ""))
    try:
        return {"JobRunId": engine.start(job, glue._job_runs.setdefault(job["Name"], []), data)}
    except ConcurrentRunsExceededError as error:
        raise _GlueError("ConcurrentRunsExceededException", str(error)) from error


def _get_job_runs(data: dict[str, Any]) -> Any:
    job = _glue_record("Job", glue._jobs, data.get("JobName", ""))
    newest_first = glue._job_runs.get(job["Name"], [])[::-1]
    runs, more = page(newest_first, data.get("NextToken"), data.get("MaxResults"), GLUE_JOB_RUNS_PER_PAGE)
    return {"JobRuns": runs, **more}


def _batch_stop_job_run(engine: JobEngine, data: dict[str, Any]) -> Any:
    job = _glue_record("Job", glue._jobs, data.get("JobName", ""))
    states = {run["Id"]: run["JobRunState"] for run in glue._job_runs.get(job["Name"], [])}
    stopped, errors = [], []
    for run_id in data.get("JobRunIds", []):
        submission = {"JobName": job["Name"], "JobRunId": run_id}
        try:
            engine.stop(run_id)
            stopped.append(submission)
        except UnknownRunError:
            code = "JobRunInTerminalStateException" if run_id in states else "EntityNotFoundException"
            message = f"Run {run_id} is {states.get(run_id, 'unknown')}; it cannot be stopped."
            errors.append({**submission, "ErrorDetail": {"ErrorCode": code, "ErrorMessage": message}})
    return {"SuccessfulSubmissions": stopped, "Errors": errors}


# ---- Athena -------------------------------------------------------------------------------------------------------


def _install_athena(config: Config) -> None:
    """Queries run in our engine; workgroups, named queries and prepared statements stay ministack's."""
    service = QueryService(
        factory(config.endpoint, config.region),
        _workgroup,
        objects.list_objects,
        config.objects,
        config.var / "aws" / "athena",
    )
    _at_close.append(service.close)
    athena._start_query_execution = partial(_athena_answer, service.start)
    athena._stop_query_execution = partial(_athena_answer, lambda data: service.stop(data["QueryExecutionId"]))
    athena._get_query_execution = partial(
        _athena_answer, lambda data: {"QueryExecution": service.get(data["QueryExecutionId"])}
    )
    athena._get_query_results = partial(
        _athena_answer,
        lambda data: service.results(data["QueryExecutionId"], data.get("NextToken"), data.get("MaxResults") or 0),
    )
    athena._batch_get_query_execution = partial(
        _athena_answer, lambda data: service.get_all(data.get("QueryExecutionIds") or [])
    )
    athena._list_query_executions = partial(
        _athena_answer,
        lambda data: service.ids(
            data.get("WorkGroup") or "primary", data.get("NextToken"), data.get("MaxResults") or 0
        ),
    )


def _workgroup(name: str) -> dict[str, Any] | None:
    athena._ensure_default_workgroup()
    found: dict[str, Any] | None = athena._workgroups.get(name)
    return found


def _athena_answer(operation: Callable[[dict[str, Any]], dict[str, Any] | None], data: dict[str, Any]) -> Any:
    try:
        return json_response(operation(data) or {})
    except InvalidRequestError as error:
        return error_response_json("InvalidRequestException", str(error), 400)
