"""Which objects a crawler's target means: the include path, its exclusions, and what crawlers never look at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.objects import StoredObject, find_object, list_objects, split_uri


@dataclass(frozen=True)
class Target:
    """prefix: the folder, empty or ending in `/`, or the key of the one object. objects: what is to be crawled."""

    bucket: str
    prefix: str
    objects: list[StoredObject]


def resolve(definition: Mapping[str, Any]) -> Target:
    """The objects of one of a crawler's S3Targets.

    Empty objects and what begins with `_` or `.` are left out, as Athena does not read them either.
    Raises BucketNotFoundError, and ValueError for a path that is no S3 location.
    """
    bucket, key = split_uri(definition["Path"])
    if key and not key.endswith("/"):
        if found := find_object(definition["Path"]):
            return Target(bucket, key, [found] if found.size else [])
        key += "/"
    excluded = [_glob(pattern) for pattern in definition.get("Exclusions") or []]
    objects = [
        stored
        for stored in list_objects(bucket, key)
        if stored.size
        and not any(part.startswith(("_", ".")) for part in stored.key[len(key) :].split("/"))
        and not stored.key.endswith("_$folder$")
        and not any(pattern.fullmatch(stored.key[len(key) :]) for pattern in excluded)
    ]
    return Target(bucket, key, objects)


_GLOB = re.compile(r"\*\*|\*|\?|\[!?[^\]]+\]|\{[^}]*\}|\\.|.", re.DOTALL)


def _glob(pattern: str) -> re.Pattern[str]:
    """A Glue exclude pattern, relative to the include path: `*` within a folder, `**` across, `?`, `[a-z]`, `{a,b}`."""
    return re.compile("".join(_glob_part(part) for part in _GLOB.findall(pattern)))


def _glob_part(part: str) -> str:
    simple = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    if part in simple:
        return simple[part]
    if len(part) > 1 and part[0] == "[":
        return f"[^{part[2:]}" if part[1] == "!" else part
    if len(part) > 1 and part[0] == "{":
        return f"(?:{'|'.join(_glob(choice).pattern for choice in part[1:-1].split(','))})"
    return re.escape(part[-1])
