"""What creates, changes and deletes streams: each action of the API by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.api_errors import ApiError, invalid_argument, not_found
from local.kinesis.store import Scope, StreamStore, now_ms
from local.kinesis.stream import Settings, Stream

ON_DEMAND = "ON_DEMAND"
ON_DEMAND_SHARDS = 4
MOST_SHARDS = 10_000
SHORTEST_RETENTION, LONGEST_RETENTION = 24, 8760
TAGS_PER_PAGE = 50
MOST_TAGS = 50

Data = dict[str, Any]
Change = Callable[[Stream, Data], Data | None]


def operations(store: StreamStore) -> dict[str, Callable[[Scope, Data], Data]]:
    """By action, a function of scope and parameters that gives the answer and raises ApiError."""

    def on_stream(change: Change) -> Callable[[Scope, Data], Data]:
        def answer(scope: Scope, data: Data) -> Data:
            stream = store.find(scope, data)
            with stream.lock:
                return change(stream, data) or {}

        return answer

    def create(scope: Scope, data: Data) -> Data:
        create_stream(store, scope, data)
        return {}

    def delete(scope: Scope, data: Data) -> Data:
        store.delete(scope, store.find(scope, data))
        return {}

    changes: dict[str, Change] = {
        "SplitShard": _split_shard,
        "MergeShards": _merge_shards,
        "UpdateShardCount": _update_shard_count,
        "UpdateStreamMode": _update_stream_mode,
        "UpdateMaxRecordSize": _update_max_record_size,
        "IncreaseStreamRetentionPeriod": _increase_retention,
        "DecreaseStreamRetentionPeriod": _decrease_retention,
        "StartStreamEncryption": _start_encryption,
        "StopStreamEncryption": _stop_encryption,
        "EnableEnhancedMonitoring": _enable_monitoring,
        "DisableEnhancedMonitoring": _disable_monitoring,
        "AddTagsToStream": lambda stream, data: _add_tags(stream, data["Tags"]),
        "RemoveTagsFromStream": _remove_tags,
        "ListTagsForStream": _list_tags,
        "TagResource": lambda stream, data: _add_tags(stream, data["Tags"]),
        "UntagResource": _remove_tags,
        "ListTagsForResource": _list_resource_tags,
    }
    answers = {name: on_stream(change) for name, change in changes.items()}
    for name in ("TagResource", "UntagResource", "ListTagsForResource"):
        answers[name] = _by_resource(answers[name])
    return {**answers, "CreateStream": create, "DeleteStream": delete}


def create_stream(store: StreamStore, scope: Scope, data: Data) -> Stream:
    """The new stream, at once active. data: as CreateStream takes it. Raises ApiError."""
    mode = (data.get("StreamModeDetails") or {}).get("StreamMode", "PROVISIONED")
    count = data.get("ShardCount")
    if mode == ON_DEMAND:
        if count is not None:
            raise invalid_argument("ShardCount must not be provided for a stream in ON_DEMAND mode.")
        count = ON_DEMAND_SHARDS
    if count is None:
        raise invalid_argument("ShardCount must be provided for a stream in PROVISIONED mode.")
    if count > MOST_SHARDS:
        raise ApiError(
            "LimitExceededException",
            f"This request would exceed the shard limit for the account {scope.account} in {scope.region}. "
            f"Limit: {MOST_SHARDS}. Number of additional shards that would have resulted from this request: {count}.",
        )
    settings = Settings(mode=mode, max_record_kib=data.get("MaxRecordSizeInKiB") or Settings.max_record_kib)
    _require_few_tags(data.get("Tags") or {})
    settings.tags.update(data.get("Tags") or {})
    return store.create(scope, data["StreamName"], settings, count)


def set_retention(stream: Stream, hours: int) -> None:
    """Raises ApiError where Kinesis does not keep records for so long or so short."""
    if hours < SHORTEST_RETENTION:
        raise invalid_argument(
            f"Minimum allowed retention period is {SHORTEST_RETENTION} hours. "
            f"Requested retention period ({hours} hours) is too short."
        )
    if hours > LONGEST_RETENTION:
        raise invalid_argument(
            f"Maximum allowed retention period is {LONGEST_RETENTION} hours. "
            f"Requested retention period ({hours} hours) is too long."
        )
    stream.settings.retention_hours = hours
    stream.save()


def _require_provisioned(stream: Stream) -> None:
    if stream.settings.mode == ON_DEMAND:
        raise ApiError(
            "ValidationException",
            f"Stream {stream.name} is in ON_DEMAND mode: Kinesis decides on its shards. "
            "This API is only supported for data streams with the provisioned capacity mode.",
        )


def _split_shard(stream: Stream, data: Data) -> None:
    _require_provisioned(stream)
    shard = stream.require_open(data["ShardToSplit"])
    middle = int(data["NewStartingHashKey"])
    stream.require_middle(shard, middle)
    stream.split(shard, middle, now_ms())


def _merge_shards(stream: Stream, data: Data) -> None:
    _require_provisioned(stream)
    shard = stream.require_open(data["ShardToMerge"])
    adjacent = stream.require_open(data["AdjacentShardToMerge"])
    if shard.ending_hash + 1 != adjacent.starting_hash and adjacent.ending_hash + 1 != shard.starting_hash:
        raise invalid_argument(
            f"Shards {shard.id} and {adjacent.id} in {stream.label} are not an adjacent pair of shards "
            "eligible for merging"
        )
    stream.merge(shard, adjacent, now_ms())


def _update_shard_count(stream: Stream, data: Data) -> Data:
    _require_provisioned(stream)
    target, current = data["TargetShardCount"], len(stream.open_shards)
    counts = f"Current open shard count: {current} Target shard count: {target}"
    if target > 2 * current:
        raise ApiError(
            "LimitExceededException",
            f"UpdateShardCount cannot scale up over double your current open shard count. {counts}",
        )
    if 2 * target < current:
        raise ApiError(
            "LimitExceededException",
            f"UpdateShardCount cannot scale down below half your current open shard count. {counts}",
        )
    stream.resize(target, now_ms())
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "CurrentShardCount": current,
        "TargetShardCount": target,
    }


def _update_stream_mode(stream: Stream, data: Data) -> None:
    stream.settings.mode = data["StreamModeDetails"]["StreamMode"]
    stream.save()


def _update_max_record_size(stream: Stream, data: Data) -> None:
    stream.settings.max_record_kib = data["MaxRecordSizeInKiB"]
    stream.save()


def _increase_retention(stream: Stream, data: Data) -> None:
    _refuse_other_way(stream, data, "shorter", stream.settings.retention_hours > data["RetentionPeriodHours"])


def _decrease_retention(stream: Stream, data: Data) -> None:
    _refuse_other_way(stream, data, "longer", stream.settings.retention_hours < data["RetentionPeriodHours"])


def _refuse_other_way(stream: Stream, data: Data, way: str, refused: bool) -> None:
    hours, now = data["RetentionPeriodHours"], stream.settings.retention_hours
    if refused:
        other = "Decrease" if way == "shorter" else "Increase"
        raise invalid_argument(
            f"Requested retention period ({hours} hours) for stream {stream.name} can not be {way} than existing "
            f"retention period ({now} hours). Use {other}RetentionPeriod API."
        )
    set_retention(stream, hours)


def _start_encryption(stream: Stream, data: Data) -> None:
    stream.settings.encryption, stream.settings.key_id = data["EncryptionType"], data["KeyId"]
    stream.save()


def _stop_encryption(stream: Stream, data: Data) -> None:
    stream.settings.encryption, stream.settings.key_id = "NONE", None
    stream.save()


def _enable_monitoring(stream: Stream, data: Data) -> Data:
    return _set_monitoring(stream, set(stream.settings.shard_metrics) | set(data["ShardLevelMetrics"]))


def _disable_monitoring(stream: Stream, data: Data) -> Data:
    removed = set(data["ShardLevelMetrics"])
    return _set_monitoring(stream, set() if "ALL" in removed else set(stream.settings.shard_metrics) - removed)


def _set_monitoring(stream: Stream, wanted: set[str]) -> Data:
    before, stream.settings.shard_metrics = stream.settings.shard_metrics, sorted(wanted)
    stream.save()
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "CurrentShardLevelMetrics": before,
        "DesiredShardLevelMetrics": stream.settings.shard_metrics,
    }


def _require_few_tags(tags: dict[str, str]) -> None:
    if len(tags) > MOST_TAGS:
        raise ApiError("LimitExceededException", f"A stream has at most {MOST_TAGS} tags; these are {len(tags)}.")


def _add_tags(stream: Stream, tags: dict[str, str]) -> None:
    _require_few_tags({**stream.settings.tags, **tags})
    stream.settings.tags.update(tags)
    stream.save()


def _remove_tags(stream: Stream, data: Data) -> None:
    for key in data["TagKeys"]:
        stream.settings.tags.pop(key, None)
    stream.save()


def _list_tags(stream: Stream, data: Data) -> Data:
    limit, after = data.get("Limit") or TAGS_PER_PAGE, data.get("ExclusiveStartTagKey") or ""
    tags = [{"Key": key, "Value": value} for key, value in sorted(stream.settings.tags.items()) if key > after]
    return {"Tags": tags[:limit], "HasMoreTags": len(tags) > limit}


def _list_resource_tags(stream: Stream, data: Data) -> Data:
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(stream.settings.tags.items())]}


def _by_resource(answer: Callable[[Scope, Data], Data]) -> Callable[[Scope, Data], Data]:
    """The same for actions that name the stream by ResourceARN."""

    def by_resource(scope: Scope, data: Data) -> Data:
        arn = data["ResourceARN"]
        if "/consumer/" in arn:
            raise not_found(f"Consumer {arn} has no tags here; tag its stream.")
        return answer(scope, {**data, "StreamARN": arn})

    return by_resource
