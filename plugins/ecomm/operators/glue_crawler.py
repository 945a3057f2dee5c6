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
from ecomm.settings import settings
from ecomm.waiting import Wait, wait

log = logging.getLogger(__name__)


class CrawlOperator(AwsOperator):
    """Crawls, and returns the tables found, each with its columns and its number of partitions.

    A crawl that runs already is joined if it began after this DAG run did; it has then seen the run's data. An earlier
    one is waited for, and another crawl started. A try after one whose worker died takes the crawl of that one. Fails
    with the crawler's own message, and where it found no table. A killed task stops the crawl.

    The provider's `GlueCrawlerOperator` fails where the crawler runs already, does not see that a crawl found nothing,
    and is deprecated in 9.34, while what replaces it is missing up to 9.25.
    """

    template_fields: Sequence[str] = ("crawler",)

    def __init__(self, *, crawler: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.crawler = crawler

    def start(self, context: Context) -> str:
        # Before the call: a crawl is never taken for a later one than it is.
        now = datetime.now(UTC)
        found = self._crawler()
        run_began = context["dag_run"].start_date or now
        last = found.get("LastCrawl", {})
        is_retry = context["ti"].try_number > self.first_try(context)
        if is_retry and last.get("Status") == "SUCCEEDED" and last["StartTime"] >= run_began:
            log.info("An earlier try of this task crawled with %s at %s.", self.crawler, last["StartTime"])
            return self.crawler
        if found["State"] != "READY":
            began = now - timedelta(milliseconds=found.get("CrawlElapsedTime", 0))
            if found["State"] == "RUNNING" and began >= run_began:
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
            stop_operation="stop_crawler",
            stop_arguments={"Name": handle},
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

    def console_page(self, handle: str) -> str:
        return f"glue/home?region={settings().region}#/v2/data-catalog/crawlers/view/{handle}"

    def _crawler(self) -> dict[str, Any]:
        try:
            return dict(client("glue").get_crawler(Name=self.crawler)["Crawler"])
        except client("glue").exceptions.EntityNotFoundException as error:
            raise DataError(f"There is no crawler {self.crawler}; deploy the stacks (make deploy).") from error
