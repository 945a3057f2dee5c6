"""Runs a Glue crawler."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Context

from ecomm.aws import client
from ecomm.catalog import list_partitions, list_tables
from ecomm.errors import DataError
from ecomm.operators.base import AwsOperator
from ecomm.waiting import Wait, wait

log = logging.getLogger(__name__)


class CrawlOperator(AwsOperator):
    """Crawls, and returns the tables found, each with its columns and its number of partitions.

    A crawl that runs already is joined if it began after this DAG run did; it has then seen the run's data. An earlier
    one is waited for, and another crawl started. Fails with the crawler's own message, and where it found no table.
    """

    template_fields: Sequence[str] = ("crawler",)

    def __init__(self, *, crawler: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.crawler = crawler

    def start(self, context: Context) -> str:
        found = self._crawler()
        if found["State"] != "READY":
            now = datetime.now(UTC)
            began = now - timedelta(milliseconds=found.get("CrawlElapsedTime", 0))
            if found["State"] == "RUNNING" and began >= (context["dag_run"].start_date or now):
                log.info("Crawler %s runs since %s; joining.", self.crawler, began)
                return self.crawler
            log.info("Crawler %s is busy with an earlier crawl; waiting for its end.", self.crawler)
            wait(self.waiting(self.crawler))
        client("glue").start_crawler(Name=self.crawler)
        return self.crawler

    def waiting(self, handle: str) -> Wait:
        return Wait(
            name=f"Crawler {handle}",
            service="glue",
            operation="get_crawler",
            arguments={"Name": handle},
            state="Crawler.State",
            busy=("RUNNING", "STOPPING"),
            longest_pause=15,
        )

    def finish(self, context: Context, handle: str) -> dict[str, Any]:
        found = self._crawler()
        last = found["LastCrawl"]
        if last["Status"] != "SUCCEEDED":
            message = last.get("ErrorMessage", "it gave no message.")
            place = f"{last.get('LogGroup', '/aws-glue/crawlers')}, stream {last.get('LogStream', handle)}"
            raise RuntimeError(f"Crawler {handle} ended as {last['Status']}: {message} Its log is {place}.")
        database = found["DatabaseName"]
        tables: dict[str, dict[str, Any]] = {
            table["Name"]: {
                "columns": [column["Name"] for column in table["StorageDescriptor"]["Columns"]],
                "partitions": len(list_partitions(database, table["Name"])) if table.get("PartitionKeys") else 0,
            }
            for table in list_tables(database)
            if table.get("Parameters", {}).get("UPDATED_BY_CRAWLER") == handle
        }
        if not tables:
            paths = ", ".join(target["Path"] for target in found["Targets"]["S3Targets"])
            raise DataError(f"Crawler {handle} found no table in {paths}; is there a file?")
        for name, table in tables.items():
            log.info("%s: %d columns, %d partitions", name, len(table["columns"]), table["partitions"])
        return {"database": database, "tables": tables}

    def stop(self, handle: str) -> None:
        try:
            client("glue").stop_crawler(Name=handle)
        except client("glue").exceptions.CrawlerNotRunningException:
            log.info("Crawler %s had ended.", handle)

    def _crawler(self) -> dict[str, Any]:
        try:
            return dict(client("glue").get_crawler(Name=self.crawler)["Crawler"])
        except client("glue").exceptions.EntityNotFoundException as error:
            raise DataError(f"There is no crawler {self.crawler}; deploy the stacks (make deploy).") from error
