"""The life of a crawl: started by StartCrawler, run in a thread of its own, ended in the crawler's record."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from local import principals
from local.glue_crawler.catalog import CatalogWriter
from local.glue_crawler.classify import classify
from local.glue_crawler.delimited import CsvClassifier
from local.glue_crawler.history import CrawlHistory
from local.glue_crawler.layout import Grouping, Table, find_tables
from local.glue_crawler.schema import Schema
from local.glue_crawler.targets import Target, resolve
from local.log_stream import LogStream
from local.objects import StoredObject

LOG_GROUP = "/aws-glue/crawlers"
# Glue reads every file; here the others of a folder are taken to be like these, spread evenly over it.
MOST_FILES_OF_A_FOLDER = 50


class CrawlerRunningError(RuntimeError):
    """The crawler runs, so it can be neither started nor changed."""


class CrawlerNotRunningError(RuntimeError):
    """The crawler does not run, so it cannot be stopped."""


class _StoppedError(Exception):
    """The crawl was asked to stop."""


class CrawlerEngine:
    """Runs crawlers. `crawler` is the platform's record of one, as GetCrawler answers it, and is kept up to date.

    client: gives a boto3 client of this platform by service name. history: the folder for what the crawls did.
    """

    def __init__(self, client: Callable[[str], Any], history: Path) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._stops: dict[str, threading.Event] = {}
        self._began: dict[str, float] = {}
        self.history = CrawlHistory(history)

    def start(self, crawler: dict[str, Any], classifiers: Sequence[Mapping[str, Any]]) -> None:
        """Begins a crawl. classifiers: the crawler's own, as GetClassifier answers them. Raises CrawlerRunningError."""
        with self._lock:
            self.require_idle(crawler)
            stop = self._stops[crawler["Name"]] = threading.Event()
            self._began[crawler["Name"]] = time.monotonic()
            crawler.update(State="RUNNING", CrawlElapsedTime=0)
        custom = [
            CsvClassifier.from_definition(one["CsvClassifier"]) for one in classifiers if one.get("CsvClassifier")
        ]
        crawl = principals.acting_as(principals.of_role(crawler.get("Role")))(self._crawl)
        threading.Thread(target=crawl, args=(crawler, custom, stop), daemon=True).start()

    def stop(self, crawler: dict[str, Any]) -> None:
        """Asks a running crawl to end; it does so before the next object. Raises CrawlerNotRunningError."""
        with self._lock:
            if crawler["State"] != "RUNNING":
                raise CrawlerNotRunningError(f"The crawler {crawler['Name']} is not running.")
            crawler["State"] = "STOPPING"
            self._stops[crawler["Name"]].set()

    def tell_elapsed(self, crawler: dict[str, Any]) -> None:
        """Notes in the record how long its crawl runs by now, in milliseconds."""
        with self._lock:
            if crawler["State"] != "READY":
                crawler["CrawlElapsedTime"] = round((time.monotonic() - self._began[crawler["Name"]]) * 1000)

    @staticmethod
    def require_idle(crawler: Mapping[str, Any]) -> None:
        """Raises CrawlerRunningError unless the crawler is READY."""
        if crawler["State"] != "READY":
            raise CrawlerRunningError(f"The crawler {crawler['Name']} is {crawler['State']}; wait until it is READY.")

    @staticmethod
    def release_interrupted(crawler: dict[str, Any]) -> None:
        """Ends in the record what a stopped platform left running."""
        if crawler["State"] != "READY":
            message = "The local platform was stopped while the crawler was running; start the crawler again."
            last = {"Status": "FAILED", "ErrorMessage": message, "StartTime": time.time()}
            crawler.update(State="READY", LastCrawl=last)

    def _crawl(self, crawler: dict[str, Any], classifiers: list[CsvClassifier], stop: threading.Event) -> None:
        started, crawl_id = time.time(), str(uuid.uuid4())
        status, message, writer = "SUCCEEDED", "", None
        with LogStream(self._client("logs"), LOG_GROUP, crawler["Name"]) as stream:

            def log(text: str, level: str = "INFO") -> None:
                stream.write(f"[{crawl_id}] {level} : {text}")

            try:
                log(f"Running Start Crawl for Crawler {crawler['Name']}", "BENCHMARK")
                tables = self._find(crawler, classifiers, stop, log)
                writer = CatalogWriter(self._client("glue"), crawler, log)
                writer.write(tables)
            except _StoppedError:
                status = "CANCELLED"
                log("The crawl was stopped before its tables were written.")
            except Exception as error:  # whatever went wrong, the caller learns it from the crawler's record
                status, message = "FAILED", str(error)
                log(message, "ERROR")
            log(f"Crawler has finished running and is in state READY ({status})", "BENCHMARK")
        ended = time.time()
        last = {
            "Status": status,
            "StartTime": started,
            "LogGroup": LOG_GROUP,
            "LogStream": crawler["Name"],
            "MessagePrefix": crawl_id,
            **({"ErrorMessage": message} if message else {}),
        }
        self.history.add(crawler["Name"], _history_entry(crawl_id, ended, last, writer))
        with self._lock:
            crawler.update(State="READY", CrawlElapsedTime=round((ended - started) * 1000), LastCrawl=last)

    def _find(
        self, crawler: Mapping[str, Any], classifiers: list[CsvClassifier], stop: threading.Event, log: Any
    ) -> list[Table]:
        others = [kind for kind, targets in crawler["Targets"].items() if targets and kind != "S3Targets"]
        if others:
            raise ValueError(f"The local platform crawls S3 targets alone; {crawler['Name']} has {', '.join(others)}.")
        grouping = Grouping.from_configuration(crawler.get("Configuration") or "")
        tables: list[Table] = []
        for definition in crawler["Targets"].get("S3Targets", []):
            target = resolve(definition)
            most = definition.get("SampleSize") or MOST_FILES_OF_A_FOLDER
            found = _classified(target, classifiers, most, stop, log)
            if not found:
                log(f"Nothing at {definition['Path']} that a classifier knows; no table.")
            tables += find_tables(target.bucket, target.prefix, found, grouping)
        return tables


def _classified(
    target: Target, classifiers: list[CsvClassifier], most: int, stop: threading.Event, log: Any
) -> list[tuple[StoredObject, Schema]]:
    """The objects that a classifier knows, each with its schema; at most `most` of a folder are opened."""
    folders: dict[str, list[StoredObject]] = {}
    for stored in target.objects:
        folders.setdefault(stored.key.rpartition("/")[0], []).append(stored)
    found = []
    for objects in folders.values():
        step = -(-len(objects) // most)
        schema = None
        for number, stored in enumerate(objects):
            if stop.is_set():
                raise _StoppedError
            if number % step == 0:
                schema = classify(stored, classifiers)
                if schema is None:
                    log(f"{stored.uri} is of a kind that no classifier knows (UNKNOWN); left out.")
            if schema is not None:
                records = round(schema.records * stored.size / max(schema.size, 1))
                found.append((stored, replace(schema, size=stored.size, records=records)))
    return found


def _history_entry(
    crawl_id: str, ended: float, last: Mapping[str, Any], writer: CatalogWriter | None
) -> dict[str, Any]:
    summary: dict[str, dict[str, int]] = {}
    for (thing, action), number in (writer.changes if writer else {}).items():
        summary.setdefault(thing, {})[action] = number
    return {
        "CrawlId": crawl_id,
        "State": "COMPLETED"
        if last["Status"] == "SUCCEEDED"
        else "STOPPED"
        if last["Status"] == "CANCELLED"
        else "FAILED",
        "StartTime": last["StartTime"],
        "EndTime": ended,
        "Summary": json.dumps(summary),
        "DPUHour": 0.0,
        **{name: last[name] for name in ("ErrorMessage", "LogGroup", "LogStream", "MessagePrefix") if name in last},
    }
