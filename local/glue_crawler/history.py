"""What each crawler's crawls did: one JSON line a crawl in a file a crawler, for ListCrawls and GetCrawlerMetrics."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any


class CrawlHistory:
    """The crawls of all crawlers, oldest first, under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, crawler: str, crawl: dict[str, Any]) -> None:
        """Keeps one finished crawl: a CrawlerHistory of Glue's ListCrawls, times in epoch seconds."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._file(crawler).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(crawl) + "\n")

    def crawls(self, crawler: str) -> list[dict[str, Any]]:
        """All finished crawls of one crawler, oldest first."""
        file = self._file(crawler)
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    def forget(self, crawler: str) -> None:
        self._file(crawler).unlink(missing_ok=True)

    def metrics(self, crawler: str) -> dict[str, Any]:
        """The CrawlerMetrics of Glue's GetCrawlerMetrics: seconds of the crawls, tables changed by the last one."""
        crawls = self.crawls(crawler)
        seconds = [crawl["EndTime"] - crawl["StartTime"] for crawl in crawls]
        tables = json.loads(crawls[-1]["Summary"]).get("TABLE", {}) if crawls else {}
        return {
            "CrawlerName": crawler,
            "TimeLeftSeconds": 0.0,
            "StillEstimating": False,
            "LastRuntimeSeconds": seconds[-1] if seconds else 0.0,
            "MedianRuntimeSeconds": statistics.median(seconds) if seconds else 0.0,
            "TablesCreated": tables.get("ADD", 0),
            "TablesUpdated": tables.get("UPDATE", 0),
            "TablesDeleted": tables.get("DELETE", 0),
        }

    def _file(self, crawler: str) -> Path:
        return self._folder / f"{crawler.replace('/', '%2F')}.jsonl"
