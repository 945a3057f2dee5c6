"""Crawlers, run by our engine."""

from __future__ import annotations

from functools import partial
from typing import Any

from ministack.services import glue

from local.clients import factory
from local.config import Config
from local.glue_catalog import page
from local.glue_crawler import CrawlerEngine
from local.ministack_hooks.glue import (
    PARTITIONS_PER_PAGE,
    GlueAction,
    GlueError,
    added_actions,
    after_restore,
    record,
    respond,
)


def install(config: Config) -> None:
    engine = CrawlerEngine(factory(config.endpoint, config.region), config.var / "aws" / "glue" / "crawls")
    glue._start_crawler = partial(respond, partial(_start_crawler, engine))
    glue._stop_crawler = partial(respond, lambda data: engine.stop(_crawler(data)))
    for operation in ("_get_crawler", "_get_crawlers"):
        setattr(glue, operation, partial(_with_times, engine, getattr(glue, operation)))
    glue._create_crawler = partial(respond, partial(_without_schedule, glue._create_crawler))
    glue._update_crawler = partial(respond, partial(_when_idle, partial(_without_schedule, glue._update_crawler)))
    glue._delete_crawler = partial(respond, partial(_delete_crawler, engine, glue._delete_crawler))
    glue._get_crawler_metrics = partial(respond, partial(_crawler_metrics, engine))
    added_actions["ListCrawls"] = partial(respond, partial(_list_crawls, engine))
    after_restore(lambda: [engine.release_interrupted(crawler) for crawler in glue._crawlers._data.values()])


def _crawler(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = record("Crawler", glue._crawlers, data.get("Name") or data.get("CrawlerName") or "")
    return found


def _with_times(engine: CrawlerEngine, stock: GlueAction, data: dict[str, Any]) -> Any:
    for crawler in glue._crawlers.values():
        engine.tell_elapsed(crawler)
    return stock(data)


def _start_crawler(engine: CrawlerEngine, data: dict[str, Any]) -> None:
    crawler = _crawler(data)
    engine.start(crawler, [record("Classifier", glue._classifiers, name) for name in crawler["Classifiers"]])


def _without_schedule(stock: GlueAction, data: dict[str, Any]) -> Any:
    if data.get("Schedule"):
        raise GlueError(
            "OperationNotSupportedException",
            f"The local platform starts no crawler by itself: leave out the Schedule of {data['Name']}, and start it.",
        )
    return stock(data)


def _when_idle(stock: GlueAction, data: dict[str, Any]) -> Any:
    CrawlerEngine.require_idle(_crawler(data))
    return stock(data)


def _delete_crawler(engine: CrawlerEngine, stock: GlueAction, data: dict[str, Any]) -> Any:
    answer = _when_idle(stock, data)
    engine.history.forget(data["Name"])
    return answer


def _crawler_metrics(engine: CrawlerEngine, data: dict[str, Any]) -> Any:
    names = data.get("CrawlerNameList") or sorted(glue._crawlers)
    known, more = page(names, data.get("NextToken"), data.get("MaxResults"), PARTITIONS_PER_PAGE)
    return {"CrawlerMetricsList": [engine.history.metrics(name) for name in known if name in glue._crawlers], **more}


def _list_crawls(engine: CrawlerEngine, data: dict[str, Any]) -> Any:
    crawls = engine.history.crawls(_crawler(data)["Name"])[::-1]
    crawls_page, more = page(crawls, data.get("NextToken"), data.get("MaxResults"), PARTITIONS_PER_PAGE)
    return {"Crawls": crawls_page, **more}
