"""Glue crawlers: reads what a prefix holds and writes it into the Data Catalog as tables and partitions."""

from local.glue_crawler.engine import CrawlerEngine, CrawlerNotRunningError, CrawlerRunningError

__all__ = ["CrawlerEngine", "CrawlerNotRunningError", "CrawlerRunningError"]
