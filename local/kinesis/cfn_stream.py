"""The template's AWS::Kinesis::Stream. Source: "AWS::Kinesis::Stream", CloudFormation template reference."""

from __future__ import annotations

from typing import Any

from local.api_errors import ApiError
from local.kinesis.changes import create_stream, operations, set_retention
from local.kinesis.store import Scope, StreamStore
from local.kinesis.stream import Stream

KNOWN = {
    "Name",
    "ShardCount",
    "RetentionPeriodHours",
    "StreamModeDetails",
    "StreamEncryption",
    "Tags",
    "DesiredShardLevelMetrics",
    "MaxRecordSizeInKiB",
}


def create(store: StreamStore, scope: Scope, name: str, properties: dict[str, Any]) -> dict[str, str]:
    """Creates the stream; its attributes for Fn::GetAtt. Raises ValueError where that cannot be done."""
    _refuse_unknown(properties)
    data: dict[str, Any] = {"StreamName": name, "Tags": _tags(properties)}
    if "StreamModeDetails" in properties:
        data["StreamModeDetails"] = properties["StreamModeDetails"]
    if "ShardCount" in properties:
        data["ShardCount"] = int(properties["ShardCount"])
    try:
        stream = create_stream(store, scope, data)
        try:
            _apply(store, scope, stream, properties)
        except ApiError:
            store.delete(scope, stream)
            raise
    except ApiError as error:
        raise ValueError(f"{error} ({error.code})") from error
    return {"Arn": stream.arn, "StreamId": str(stream.created_ms)}


def update(
    store: StreamStore, scope: Scope, name: str, before: dict[str, Any], after: dict[str, Any]
) -> dict[str, str]:
    """Changes the stream in its place; its attributes. Raises ValueError where that cannot be done."""
    _refuse_unknown(after)
    try:
        stream = store.find(scope, {"StreamName": name})
        call = operations(store)
        mode = (after.get("StreamModeDetails") or {}).get("StreamMode", "PROVISIONED")
        if mode != stream.settings.mode:
            details = {"StreamMode": mode}
            call["UpdateStreamMode"](scope, {"StreamARN": stream.arn, "StreamModeDetails": details})
        count = int(after.get("ShardCount") or 0)
        if mode == "PROVISIONED" and count not in (0, len(stream.open_shards)):
            call["UpdateShardCount"](scope, {"StreamName": name, "TargetShardCount": count})
        gone = [key for key in _tags(before) if key not in _tags(after)]
        call["RemoveTagsFromStream"](scope, {"StreamName": name, "TagKeys": gone})
        call["AddTagsToStream"](scope, {"StreamName": name, "Tags": _tags(after)})
        _apply(store, scope, stream, after)
    except ApiError as error:
        raise ValueError(f"{error} ({error.code})") from error
    return {"Arn": stream.arn, "StreamId": str(stream.created_ms)}


def _apply(store: StreamStore, scope: Scope, stream: Stream, properties: dict[str, Any]) -> None:
    """What CreateStream does not take."""
    call, named = operations(store), {"StreamName": stream.name}
    encryption = properties.get("StreamEncryption")
    call["StartStreamEncryption" if encryption else "StopStreamEncryption"](scope, {**named, **(encryption or {})})
    with stream.lock:
        stream.settings.shard_metrics = sorted(properties.get("DesiredShardLevelMetrics") or [])
        stream.settings.max_record_kib = int(properties.get("MaxRecordSizeInKiB") or 1024)
        set_retention(stream, int(properties.get("RetentionPeriodHours") or 24))


def _refuse_unknown(properties: dict[str, Any]) -> None:
    if unknown := sorted(properties.keys() - KNOWN):
        raise ValueError(f"AWS::Kinesis::Stream: the local platform does not carry out {', '.join(unknown)}.")


def _tags(properties: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or []}
