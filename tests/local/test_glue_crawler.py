"""The Glue crawler: what it makes of a prefix, and what it does when the prefix changes."""

from __future__ import annotations

import gzip
import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import duckdb
import psutil
import pytest
from botocore.exceptions import ClientError

from tests.conftest import ROOT, Platform
from tests.faults import Faults

ROLE = "arn:aws:iam::000000000000:role/crawler"
EVENTS = (
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
    "2019-11-01 00:00:00 UTC,view,1003461,2053013555631882655,electronics.smartphone,xiaomi,489.07,520088904,4d3b30da\n"
    "2019-11-01 00:00:00 UTC,cart,5000088,2053013566100866035,,janome,293.00,530496790,8e5f4f83\n"
    "2019-11-01 00:00:01 UTC,view,17302664,2053013553853497655,,,28.31,561587266,755422e7\n"
)
EVENT_TYPES = {
    "event_time": "string",
    "event_type": "string",
    "product_id": "bigint",
    "category_id": "bigint",
    "category_code": "string",
    "brand": "string",
    "price": "double",
    "user_id": "bigint",
    "user_session": "string",
}


class Account:
    """A bucket and a database of one test, and its crawler."""

    def __init__(self, platform: Platform, name: str) -> None:
        self.s3 = boto3.client("s3", endpoint_url=platform.endpoint)
        self.glue = boto3.client("glue", endpoint_url=platform.endpoint)
        self.logs = boto3.client("logs", endpoint_url=platform.endpoint)
        self.name = name
        self.s3.create_bucket(Bucket=name)
        self.glue.create_database(DatabaseInput={"Name": name})

    def put(self, key: str, content: str | bytes) -> None:
        self.s3.put_object(Bucket=self.name, Key=key, Body=content)

    def crawl(self, *paths: str, exclusions: list[str] | None = None, **settings: Any) -> dict[str, Any]:
        """Crawls these keys of the bucket; the crawler's record once it is READY again."""
        targets = [{"Path": f"s3://{self.name}/{path}", "Exclusions": exclusions or []} for path in paths]
        definition = {"Role": ROLE, "DatabaseName": self.name, "Targets": {"S3Targets": targets}, **settings}
        try:
            self.glue.create_crawler(Name=self.name, **definition)
        except self.glue.exceptions.AlreadyExistsException:
            self.glue.update_crawler(Name=self.name, **definition)
        self.glue.start_crawler(Name=self.name)
        return self.ended()

    def ended(self) -> dict[str, Any]:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            crawler: dict[str, Any] = self.glue.get_crawler(Name=self.name)["Crawler"]
            if crawler["State"] == "READY":
                return crawler
            time.sleep(0.05)
        raise AssertionError(f"{self.name} still crawls")

    def tables(self) -> dict[str, dict[str, Any]]:
        return {table["Name"]: table for table in self.glue.get_tables(DatabaseName=self.name)["TableList"]}

    def partitions(self, table: str) -> dict[tuple[str, ...], str]:
        found = self.glue.get_partitions(DatabaseName=self.name, TableName=table)["Partitions"]
        return {tuple(part["Values"]): part["StorageDescriptor"]["Location"] for part in found}


@pytest.fixture
def account(platform: Platform, request: pytest.FixtureRequest) -> Iterator[Account]:
    name = request.node.name.removeprefix("test_").replace("_", "-").replace("[", "-").strip("]")[:50].strip("-")
    yield Account(platform, name)


def columns(table: dict[str, Any]) -> dict[str, str]:
    return {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}


def parquet(folder: Path, select: str) -> bytes:
    file = folder / "rows.parquet"
    duckdb.sql(f"copy ({select}) to '{file}' (format parquet)")
    return file.read_bytes()


def test_csv_of_hive_folders(account: Account) -> None:
    for month in ("10", "11"):
        account.put(f"activity/p_year=2019/p_month={month}/2019-{month}.csv", EVENTS)
    crawler = account.crawl("activity/")

    assert crawler["LastCrawl"]["Status"] == "SUCCEEDED"
    table = account.tables()["activity"]
    assert columns(table) == EVENT_TYPES
    assert table["PartitionKeys"] == [{"Name": "p_year", "Type": "string"}, {"Name": "p_month", "Type": "string"}]
    storage = table["StorageDescriptor"]
    assert storage["Location"] == f"s3://{account.name}/activity/"
    assert storage["InputFormat"] == "org.apache.hadoop.mapred.TextInputFormat"
    assert storage["SerdeInfo"] == {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": ","},
    }
    parameters = table["Parameters"]
    assert parameters["classification"] == "csv"
    assert parameters["skip.header.line.count"] == "1"
    assert parameters["compressionType"] == "none"
    assert parameters["UPDATED_BY_CRAWLER"] == account.name
    assert (parameters["objectCount"], parameters["recordCount"]) == ("2", "6")
    assert parameters["sizeKey"] == str(2 * len(EVENTS))
    assert account.partitions("activity") == {
        ("2019", month): f"s3://{account.name}/activity/p_year=2019/p_month={month}/" for month in ("10", "11")
    }


def test_a_single_object_is_a_table_named_after_it(account: Account) -> None:
    account.put("sample/2019-Nov-sample.csv", EVENTS)
    account.put("sample/other.csv", "a;b\n1;2\n3;4\n")
    account.crawl("sample/2019-Nov-sample.csv", TablePrefix="raw_")
    assert list(account.tables()) == ["raw_2019_nov_sample_csv"]
    location = account.tables()["raw_2019_nov_sample_csv"]["StorageDescriptor"]["Location"]
    assert location == f"s3://{account.name}/sample/2019-Nov-sample.csv"


def test_folder_of_plain_subfolders_gets_numbered_partitions(account: Account) -> None:
    for folder in ("table1/partition1", "table1/partition2", "table2/partition3"):
        account.put(f"Folder 1/{folder}/file.txt", "id|name\n1|a\n2|b\n")
    account.crawl("Folder 1")
    table = account.tables()["folder_1"]
    assert [key["Name"] for key in table["PartitionKeys"]] == ["partition_0", "partition_1"]
    assert table["Parameters"]["delimiter"] == "|"
    assert ("table2", "partition3") in account.partitions("folder_1")


def test_unlike_folders_are_tables_of_their_own(account: Account) -> None:
    account.put("mixed/year=2017/data1.json", '{"A": 1, "B": 2}\n')
    account.put("mixed/year=2018/data2.json", '{"C": 3, "D": 4}\n')
    account.crawl("mixed/")
    assert sorted(account.tables()) == ["year_2017", "year_2018"]

    combined = '{"Version": 1.0, "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"}}'
    account.crawl("mixed/", Configuration=combined)
    table = account.tables()["mixed"]
    assert columns(table) == {"a": "int", "b": "int", "c": "int", "d": "int"}
    assert table["PartitionKeys"] == [{"Name": "year", "Type": "string"}]


def test_the_table_level_decides_the_depth_of_tables(account: Account) -> None:
    for folder in ("sales/north", "sales/south", "stock/north"):
        account.put(f"{folder}/1.csv", EVENTS)
    levels = {2: ["sales", "stock"], 3: ["north", "south"]}
    for level, expected in levels.items():
        configuration = f'{{"Version": 1.0, "Grouping": {{"TableLevelConfiguration": {level}}}}}'
        account.crawl("", Configuration=configuration, SchemaChangePolicy={"DeleteBehavior": "DELETE_FROM_DATABASE"})
        names = sorted(account.tables())
        assert [name for name in names if len(name) < 32] == expected
        assert len(names) == level


def test_unlike_files_of_one_folder_are_a_table_each(account: Account) -> None:
    account.put("people/persons.json", '{"id": "p1", "name": "x"}\n')
    account.put("people/organizations.json", '{"seats": 5, "chamber": "y"}\n')
    account.crawl("people/")
    assert sorted(account.tables()) == ["organizations_json", "persons_json"]


def test_two_locations_of_one_name_get_a_hash(account: Account) -> None:
    account.put("a/events/1.csv", EVENTS)
    account.put("b/events/1.csv", "x,y\n1,2\n3,4\n")
    account.crawl("a/events/", "b/events/")
    first, second = sorted(account.tables(), key=len)
    assert first == "events"
    assert second.startswith("events_")
    assert len(second) == len("events_") + 32
    account.crawl("a/events/", "b/events/")
    assert sorted(account.tables(), key=len) == [first, second]


def test_parquet_has_the_types_of_its_footer(account: Account, tmp_path: Path) -> None:
    select = (
        "select 1::bigint as id, 1::int as n, 9.99::decimal(10,2) as price, timestamp '2019-11-01' as at, "
        "timestamptz '2019-11-01 00:00:00+00' as at_utc, date '2019-11-01' as day, 'x' as Brand, true as ok, "
        "1.5::double as score, [1, 2] as list, {'a': 1, 'b': 'x'} as pair, map {'k': 1} as counts from range(3)"
    )
    account.put("facts/p_year=2019/part-0.zstd.parquet", parquet(tmp_path, select))
    account.crawl("facts/")
    table = account.tables()["facts"]
    assert columns(table) == {
        "id": "bigint",
        "n": "int",
        "price": "decimal(10,2)",
        "at": "timestamp",
        "at_utc": "timestamp",
        "day": "date",
        "brand": "string",
        "ok": "boolean",
        "score": "double",
        "list": "array<int>",
        "pair": "struct<a:int,b:string>",
        "counts": "map<string,int>",
    }
    library = table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]
    assert library == "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    assert (table["Parameters"]["classification"], table["Parameters"]["recordCount"]) == ("parquet", "3")
    assert list(account.partitions("facts")) == [("2019",)]


def test_json_lines(account: Account) -> None:
    records = [
        '{"User_Id": 1, "price": 1, "tags": ["a"], "at": {"x": 1}, "ok": true, "none": null}',
        '{"User_Id": 5000000000, "price": 2.5, "tags": [], "at": {"y": "z"}, "late": "t"}',
    ]
    account.put("stream/1.json", "\n".join(records))
    account.crawl("stream/")
    table = account.tables()["stream"]
    assert columns(table) == {
        "user_id": "bigint",
        "price": "double",
        "tags": "array<string>",
        "at": "struct<x:int,y:string>",
        "ok": "boolean",
        "none": "string",
        "late": "string",
    }
    serde = table["StorageDescriptor"]["SerdeInfo"]
    assert serde["SerializationLibrary"] == "org.openx.data.jsonserde.JsonSerDe"
    assert "User_Id" in serde["Parameters"]["paths"].split(",")


def zipped(members: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content.getvalue()


@pytest.mark.parametrize(
    ("key", "compress", "name"),
    [
        ("events.csv.gz", lambda text: gzip.compress(text.encode()), "gzip"),
        ("events.csv.zip", lambda text: zipped({"events.csv": text}), "zip"),
    ],
    ids=["gzip", "zip"],
)
def test_compressed_csv(account: Account, key: str, compress: Callable[[str], bytes], name: str) -> None:
    account.put(f"packed/{key}", compress(EVENTS))
    account.crawl("packed/")
    table = account.tables()["packed"]
    assert columns(table) == EVENT_TYPES
    assert table["Parameters"]["compressionType"] == name
    assert table["StorageDescriptor"]["Compressed"]


def test_quoted_csv_keeps_types_and_simple_serde_unless_a_classifier_says_otherwise(account: Account) -> None:
    account.put("quoted/1.csv", '"id","name, full","price"\n"1","Doe, J","1.50"\n"2","Roe, R","2"\n')
    account.crawl("quoted/")
    table = account.tables()["quoted"]
    assert columns(table) == {"id": "bigint", "name, full": "string", "price": "double"}
    assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"] == {"field.delim": ","}

    settings = {"Name": account.name, "QuoteSymbol": '"', "ContainsHeader": "PRESENT", "Serde": "OpenCSVSerDe"}
    account.glue.create_classifier(CsvClassifier={**settings, "Header": ["id", "name", "price"]})
    account.crawl("quoted/", Classifiers=[account.name])
    table = account.tables()["quoted"]
    assert columns(table) == {"id": "string", "name": "string", "price": "string"}
    serde = table["StorageDescriptor"]["SerdeInfo"]
    assert serde["SerializationLibrary"] == "org.apache.hadoop.hive.serde2.OpenCSVSerde"
    assert serde["Parameters"] == {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"}
    assert table["Parameters"]["areColumnsQuoted"] == "true"


def test_csv_without_header(account: Account) -> None:
    account.put("bare/1.csv", "1,a\n2,b\n3,c\n")
    account.crawl("bare/")
    table = account.tables()["bare"]
    assert columns(table) == {"col0": "bigint", "col1": "string"}
    assert "skip.header.line.count" not in table["Parameters"]


def test_a_column_takes_the_type_that_fits_all_files(account: Account) -> None:
    account.put("wide/1.csv", "id,price,note\n1,2,\n2,3,\n")
    account.put("wide/2.csv", "id,price,note\n1,2.5,7\n2,3,8\n")
    account.crawl("wide/")
    assert columns(account.tables()["wide"]) == {"id": "bigint", "price": "double", "note": "bigint"}


def test_what_is_hidden_empty_or_excluded_is_not_seen(account: Account) -> None:
    account.put("seen/good.csv", EVENTS)
    for hidden in ("_SUCCESS", "_temporary/0/x.csv", ".part.crc", "empty.csv", "logs/deep/a.log", "logs/b.json"):
        account.put(f"seen/{hidden}", "" if hidden in ("_SUCCESS", "empty.csv") else "p;q\n1;2\n3;4\n")
    account.crawl("seen/", exclusions=["**/*.log", "logs/{a,b}.json"])
    assert list(account.tables()) == ["seen"]
    assert account.tables()["seen"]["Parameters"]["objectCount"] == "1"


DRESSES = {
    "lf": EVENTS.encode(),
    "crlf": EVENTS.replace("\n", "\r\n").encode(),
    "cr only": EVENTS.replace("\n", "\r").encode(),
    "mixed": (EVENTS + EVENTS[EVENTS.index("\n") + 1 :].replace("\n", "\r\n")).encode(),
    "last line open": EVENTS.rstrip().encode(),
    "byte order mark": b"\xef\xbb\xbf" + EVENTS.encode(),
    "quoted": "".join('"' + line.replace(",", '","') + '"\n' for line in EVENTS.splitlines()).encode(),
    "header quoted": ('"' + EVENTS.replace(",", '","', 8).replace("\n", '"\n', 1)).encode(),
    "blank lines": EVENTS.replace("\n", "\n\n \t\r\n").encode(),
    "one nul": EVENTS.encode() + (EVENTS.split("\n", 1)[1] * 6).replace("xiaomi", "xia\0omi", 1).encode(),
    "nul tail": (EVENTS + EVENTS.split("\n", 1)[1] * 4).encode() + b"\0" * 5000,
    "open quote": (EVENTS + (EVENTS.split("\n", 1)[1] * 8).replace("xiaomi", '"xiaomi', 1)).encode(),
}


@pytest.mark.parametrize("dress", DRESSES, ids=lambda dress: dress.replace(" ", "-"))
def test_rows_in_any_dress_are_one_table(account: Account, dress: str) -> None:
    account.put("dressed/p_month=11/a.csv", DRESSES[dress])
    for name in ("p_month=12/", "p_month=12_$folder$", "p_month=12/.DS_Store", "__MACOSX/p_month=12/a.csv", "_SUCCESS"):
        account.put(f"dressed/{name}", b"" if name.endswith("/") else b"p;q\n1;2\n3;4\n")
    account.crawl("dressed/")
    (table,) = account.tables().values()
    assert columns(table) == EVENT_TYPES
    assert (table["Parameters"]["skip.header.line.count"], table["Parameters"]["delimiter"]) == ("1", ",")
    assert list(account.partitions("dressed")) == [("11",)]


def test_months_in_different_dresses_are_one_table(account: Account) -> None:
    headerless = EVENTS.split("\n", 1)[1]
    files = {"10": EVENTS, "11": EVENTS.replace(",", ";"), "12": headerless, "09": EVENTS * 3}
    for month, content in files.items():
        account.put(f"months/p_year=2019/p_month={month}/a.csv", content)
    grouping = {"TableGroupingPolicy": "CombineCompatibleSchemas", "TableLevelConfiguration": 2}
    account.crawl("months/", Configuration=json.dumps({"Version": 1.0, "Grouping": grouping}))
    (table,) = account.tables().values()
    assert list(columns(table)) == list(EVENT_TYPES)
    assert len(account.partitions("months")) == 4


@pytest.mark.parametrize("content", [None, b"\x89PNG\r\n\x1a\n\0\0\0", zipped({"a.csv": EVENTS, "b.csv": EVENTS})])
def test_nothing_found_is_no_table(platform: Platform, content: bytes | None) -> None:
    account = Account(platform, f"nothing-{len(content or b'')}")
    if content:
        account.put("void/object", content)
    assert account.crawl("void/")["LastCrawl"]["Status"] == "SUCCEEDED"
    assert account.tables() == {}


def test_failures_name_what_is_wrong(account: Account) -> None:
    account.put("broken/1.parquet", b"PAR1 and nothing more")
    last = account.crawl("broken/")["LastCrawl"]
    assert last["Status"] == "FAILED"
    assert f"s3://{account.name}/broken/1.parquet" in last["ErrorMessage"]

    account.glue.update_crawler(Name=account.name, Targets={"S3Targets": [{"Path": "s3://no-such-bucket-here/x/"}]})
    account.glue.start_crawler(Name=account.name)
    last = account.ended()["LastCrawl"]
    assert last["Status"] == "FAILED"
    assert "no-such-bucket-here" in last["ErrorMessage"]
    assert account.tables() == {}

    events = account.logs.get_log_events(logGroupName=last["LogGroup"], logStreamName=last["LogStream"])["events"]
    assert any(last["MessagePrefix"] in event["message"] and "ERROR" in event["message"] for event in events)


def test_new_partitions_are_added_and_gone_ones_deleted(account: Account) -> None:
    policy = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DELETE_FROM_DATABASE"}
    account.put("live/p_month=10/a.csv", EVENTS)
    account.crawl("live/", SchemaChangePolicy=policy)
    version = account.tables()["live"]["VersionId"]
    account.crawl("live/", SchemaChangePolicy=policy)
    assert account.tables()["live"]["VersionId"] == version, "an unchanged prefix changes nothing"

    account.put("live/p_month=11/a.csv", EVENTS)
    account.crawl("live/", SchemaChangePolicy=policy)
    assert sorted(account.partitions("live")) == [("10",), ("11",)]

    account.s3.delete_object(Bucket=account.name, Key="live/p_month=10/a.csv")
    account.crawl("live/", SchemaChangePolicy=policy)
    assert sorted(account.partitions("live")) == [("11",)]

    account.s3.delete_object(Bucket=account.name, Key="live/p_month=11/a.csv")
    account.crawl("live/", SchemaChangePolicy=policy)
    assert account.tables() == {}
    metrics = account.glue.get_crawler_metrics(CrawlerNameList=[account.name])["CrawlerMetricsList"][0]
    assert (metrics["TablesCreated"], metrics["TablesDeleted"]) == (0, 1)
    crawls = account.glue.list_crawls(CrawlerName=account.name)["Crawls"]
    assert [crawl["State"] for crawl in crawls] == ["COMPLETED"] * 5
    assert crawls[0]["StartTime"] >= crawls[-1]["StartTime"]


def test_gone_tables_are_marked_by_default(account: Account) -> None:
    account.put("old/a.csv", EVENTS)
    account.crawl("old/")
    account.s3.delete_object(Bucket=account.name, Key="old/a.csv")
    account.crawl("old/")
    assert "DEPRECATED_BY_CRAWLER" in account.tables()["old"]["Parameters"]


def test_the_log_policy_leaves_columns_and_adds_partitions(account: Account) -> None:
    policy = {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}
    account.put("fixed/p_month=10/a.csv", EVENTS)
    account.crawl("fixed/", SchemaChangePolicy=policy)
    account.put("fixed/p_month=11/a.csv", EVENTS.replace("user_session", "session"))
    account.crawl("fixed/", SchemaChangePolicy=policy)
    assert columns(account.tables()["fixed"]) == EVENT_TYPES
    assert sorted(account.partitions("fixed")) == [("10",), ("11",)]


def test_a_running_crawler_is_not_started_changed_or_deleted(account: Account, platform: Platform) -> None:
    account.put("many/a.csv", EVENTS)
    target = {"S3Targets": [{"Path": f"s3://{account.name}/many/"}]}
    account.glue.create_crawler(Name=account.name, Role=ROLE, DatabaseName=account.name, Targets=target)
    with pytest.raises(ClientError, match="CrawlerNotRunningException"):
        account.glue.stop_crawler(Name=account.name)
    with Faults(platform.endpoint).held("logs", "CreateLogStream"):
        account.glue.start_crawler(Name=account.name)
        for change in (account.glue.start_crawler, account.glue.delete_crawler, account.glue.update_crawler):
            with pytest.raises(ClientError, match="CrawlerRunningException"):
                change(Name=account.name)
        since, elapsed = time.monotonic(), account.glue.get_crawler(Name=account.name)["Crawler"]["CrawlElapsedTime"]
        account.glue.stop_crawler(Name=account.name)
        (stopping,) = [one for one in account.glue.get_crawlers()["Crawlers"] if one["Name"] == account.name]
        assert stopping["State"] == "STOPPING"
        assert elapsed <= stopping["CrawlElapsedTime"] <= elapsed + (time.monotonic() - since) * 1000 + 1
    assert account.ended()["LastCrawl"]["Status"] == "CANCELLED"
    assert account.tables() == {}


def test_a_large_object_is_not_read(account: Account, platform: Platform) -> None:
    """Of two months of 4 GB each, their first megabyte is all that is read."""
    header, *rows = EVENTS.splitlines(keepends=True)
    for month in ("10", "11"):
        key = f"large/p_month={month}/a.csv"
        account.put(key, header + "".join(rows) * 5000)
        with (platform.var / "aws/s3/000000000000" / account.name / key).open("r+b") as file:
            file.truncate(4 << 30)
    process = psutil.Process(platform.process.pid)
    before = process.io_counters().read_chars
    account.crawl("large/")
    assert process.io_counters().read_chars - before < 100 << 20
    assert columns(account.tables()["large"]) == EVENT_TYPES


REAL_DATA = Path(os.environ.get("ECOMM_REAL_DATA", ROOT.parent / "shared" / "data"))


def test_real_rows(account: Account) -> None:
    """The published data set where it is on this machine; else the same layout with the rows above."""
    sample = REAL_DATA / "2019-Nov-sample.csv"
    content = sample.read_bytes() if sample.exists() else EVENTS.encode()
    account.put("ecomm_user_activity_sample/2019-Nov-sample.csv", content)
    account.crawl("ecomm_user_activity_sample/")
    table = account.tables()["ecomm_user_activity_sample"]
    assert columns(table) == EVENT_TYPES
    assert int(table["Parameters"]["recordCount"]) == content.count(b"\n") - 1
