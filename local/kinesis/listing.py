"""What DescribeStream, DescribeLimits, ListShards and ListStreams say."""

from __future__ import annotations

from typing import Any

from local.api_errors import invalid_argument
from local.kinesis import iterators
from local.kinesis.shards import Shard
from local.kinesis.store import Scope, StreamStore
from local.kinesis.stream import Stream

STREAMS_PER_PAGE = 100
SHARDS_PER_PAGE = 100
LISTED_SHARDS_PER_PAGE = 1000
# What an account of AWS has in us-east-1 when it is new; told here, and refused to nobody.
SHARD_LIMIT = 20_000
ON_DEMAND_STREAM_LIMIT = 50


def summary(stream: Stream) -> dict[str, Any]:
    """What every description of a stream has."""
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": stream.settings.mode},
        "StreamCreationTimestamp": stream.created_ms / 1000,
    }


def description(stream: Stream) -> dict[str, Any]:
    settings = stream.settings
    return {
        **summary(stream),
        "RetentionPeriodHours": settings.retention_hours,
        "EnhancedMonitoring": [{"ShardLevelMetrics": settings.shard_metrics}],
        "EncryptionType": settings.encryption,
        **({"KeyId": settings.key_id} if settings.key_id else {}),
    }


def describe_stream(stream: Stream, data: dict[str, Any]) -> dict[str, Any]:
    shards = _after(stream, data.get("ExclusiveStartShardId"))
    limit = data.get("Limit") or SHARDS_PER_PAGE
    page = {"Shards": [shard.described() for shard in shards[:limit]], "HasMoreShards": len(shards) > limit}
    return {"StreamDescription": {**description(stream), **page}}


def describe_summary(stream: Stream, consumers: int) -> dict[str, Any]:
    rest = {
        "OpenShardCount": len(stream.open_shards),
        "ConsumerCount": consumers,
        "MaxRecordSizeInKiB": stream.settings.max_record_kib,
    }
    return {"StreamDescriptionSummary": {**description(stream), **rest}}


def describe_limits(store: StreamStore, scope: Scope) -> dict[str, int]:
    """Shards are counted where they are provisioned, streams where they are on demand."""
    streams = [stream for owner, stream in store.all() if owner == scope]
    on_demand = [stream for stream in streams if stream.settings.mode == "ON_DEMAND"]
    return {
        "ShardLimit": SHARD_LIMIT,
        "OpenShardCount": sum(len(stream.open_shards) for stream in streams if stream not in on_demand),
        "OnDemandStreamCount": len(on_demand),
        "OnDemandStreamCountLimit": ON_DEMAND_STREAM_LIMIT,
    }


def list_streams(store: StreamStore, scope: Scope, data: dict[str, Any], now_ms: int) -> dict[str, Any]:
    after = data.get("ExclusiveStartStreamName") or ""
    if data.get("NextToken"):
        (after,) = iterators.decode_next_token(data["NextToken"], now_ms, 1)
    limit = min(data.get("Limit") or STREAMS_PER_PAGE, STREAMS_PER_PAGE)
    names = [name for name in store.names(scope) if name > after]
    streams = [found for name in names[:limit] if (found := store.get(scope, name))]
    more = {"NextToken": iterators.encode(now_ms, names[limit - 1])} if len(names) > limit else {}
    return {
        "StreamNames": names[:limit],
        "StreamSummaries": [summary(stream) for stream in streams],
        "HasMoreStreams": len(names) > limit,
        **more,
    }


def list_shards(store: StreamStore, scope: Scope, data: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """Raises ApiError."""
    named = [name for name in ("StreamName", "StreamARN", "ExclusiveStartShardId", "ShardFilter") if data.get(name)]
    if data.get("NextToken"):
        if set(named) - {"StreamARN"}:
            raise invalid_argument(f"NextToken and {named[0]} cannot be provided together.")
        name, chosen, after = iterators.decode_next_token(data["NextToken"], now_ms, 3)
        stream = store.find(scope, {"StreamName": name})
    else:
        if not {"StreamName", "StreamARN"} & set(named):
            raise invalid_argument("Either NextToken or StreamName should be provided.")
        stream = store.find(scope, data)
        chosen, after = _filter(data.get("ShardFilter") or {}), data.get("ExclusiveStartShardId")
    shards = [shard for shard in _after(stream, after) if _passes(stream, shard, chosen, now_ms)]
    limit = data.get("MaxResults") or LISTED_SHARDS_PER_PAGE
    more = {}
    if len(shards) > limit:
        more["NextToken"] = iterators.encode(now_ms, stream.name, chosen, shards[limit - 1].id)
    return {"Shards": [shard.described() for shard in shards[:limit]], **more}


def _after(stream: Stream, shard_id: str | None) -> list[Shard]:
    return [shard for _, shard in sorted(stream.shards.items()) if shard.id > (shard_id or "")]


def _filter(given: dict[str, Any]) -> list[Any]:
    """Type and parameter of a ShardFilter."""
    kind = given.get("Type", "FROM_TRIM_HORIZON")
    parameter = {"AFTER_SHARD_ID": "ShardId", "AT_TIMESTAMP": "Timestamp", "FROM_TIMESTAMP": "Timestamp"}.get(kind)
    if parameter and given.get(parameter) is None:
        raise invalid_argument(f"{parameter} must be provided for a ShardFilter of type {kind}.")
    for other in {"ShardId", "Timestamp"} - {parameter}:
        if given.get(other) is not None:
            raise invalid_argument(f"{other} cannot be provided for a ShardFilter of type {kind}.")
    return [kind, given[parameter] if parameter else None]


def _passes(stream: Stream, shard: Shard, chosen: list[Any], now_ms: int) -> bool:
    kind, parameter = chosen
    if kind == "AT_LATEST":
        return shard.is_open
    if kind == "AFTER_SHARD_ID":
        return shard.id > parameter
    horizon = stream.horizon_ms(now_ms)
    at = max(horizon, round(parameter * 1000)) if kind.endswith("TIMESTAMP") else horizon
    was_open = shard.closed_ms is None or shard.closed_ms >= at
    return was_open and (kind.startswith("FROM_") or shard.opened_ms <= at)
