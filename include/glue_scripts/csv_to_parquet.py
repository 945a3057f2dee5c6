"""Converts months of the user-activity CSV to Parquet and sets aside every line that is not an event of its month.

Runs unchanged as an AWS Glue 6.0 job and under spark-submit of Spark 4.1; paths may be s3:// or local. Arguments:

--SOURCE      folder of the CSV files; the months lie below it as p_year=YYYY/p_month=MM/
--MONTHS      months to convert, with commas between them: 2019-10,2019-11
--CURATED     folder ending in version=<v>; gets the events as Parquet below p_year=/p_month=, sorted within a month
--QUARANTINE  folder; gets the lines set aside in the same layout: source (file), line_number, line (its text), reason
--CLUSTER_BY  the column to sort by: its equal values lie together, so that a reader of one value skips the rest
--REPORT      file; written last, as JSON: rows in, curated and quarantined, a month and in total, and the reasons

The columns are those of include/contract/ecomm_user_activity.json. A row is a line that is neither empty nor a header;
rows in are always rows curated plus rows quarantined, or the run fails. It also fails, with a sentence
(ConversionError), where an argument is wrong, a month has no file, no row or the same file twice, or a file begins with
other columns.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from awsglue.utils import getResolvedOptions
from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

# The script travels alone, so it carries its own copy of the contract; a test holds the two equal.
COLUMNS = {
    "event_time": "timestamp",
    "event_type": "string",
    "product_id": "bigint",
    "category_id": "bigint",
    "category_code": "string",
    "brand": "string",
    "price": "decimal(10,2)",
    "user_id": "bigint",
    "user_session": "string",
}
EVENT_TYPES = ("view", "cart", "purchase", "remove_from_cart")
PARTITIONS = ("p_year", "p_month")
UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
BYTE_ORDER_MARK = "\ufeff"
HEADERS = (",".join(COLUMNS), ",".join(f'"{name}"' for name in COLUMNS))

# One output file for so much CSV: a million rows, whose sort fits a task of a small machine.
CSV_BYTES_PER_FILE = 128 << 20
# About 10,000 rows: all but the largest categories of a month are then one or two row groups.
ROW_GROUP_BYTES = 1 << 20
HEADER_BYTES = 4096
# In the place of a reason: a line that is empty or a header. It is kept only to be counted by line numbers.
NO_ROW = "no row"


class ConversionError(Exception):
    """The conversion cannot be done or cannot be trusted; the message says why and what to do."""


class Month(NamedTuple):
    """A calendar month as the folders spell it, as in ("2019", "11")."""

    year: str
    month: str

    def __str__(self) -> str:
        return f"{self.year}-{self.month}"

    @property
    def folder(self) -> str:
        return f"p_year={self.year}/p_month={self.month}"


@dataclass(frozen=True)
class Arguments:
    """The arguments of a run, checked. Folders end in a slash."""

    source: str
    months: tuple[Month, ...]
    curated: str
    quarantine: str
    cluster_by: str
    report: str
    version: str

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Arguments:
        """Checks what was given on the command line; raises ConversionError naming the argument that is wrong."""
        texts = [text.strip() for text in given["MONTHS"].split(",")]
        for text in texts:
            if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
                raise ConversionError(
                    f"--MONTHS {given['MONTHS']!r}: {text!r} is not a month; write months as 2019-10,2019-11."
                )
        if given["CLUSTER_BY"] not in COLUMNS:
            raise ConversionError(
                f"--CLUSTER_BY {given['CLUSTER_BY']!r} is no column of the data; choose one of {', '.join(COLUMNS)}."
            )
        version = re.search(r"/version=([^/]+)/*$", given["CURATED"])
        if version is None:
            raise ConversionError(
                f"--CURATED {given['CURATED']!r} does not end in version=<v>/; a run writes into a folder of its own."
            )
        source, curated, quarantine = (given[name].rstrip("/") + "/" for name in ("SOURCE", "CURATED", "QUARANTINE"))
        months = tuple(Month(*text.split("-")) for text in sorted(set(texts)))
        return cls(source, months, curated, quarantine, given["CLUSTER_BY"], given["REPORT"], version.group(1))


# ---- files ----------------------------------------------------------------------------------------------------------


class Files:
    """Hadoop's file systems, which know s3:// on Glue and on this machine alike."""

    def __init__(self, spark: SparkSession) -> None:
        jvm: Any = spark._jvm
        self._path = jvm.org.apache.hadoop.fs.Path
        self._configuration: Any = spark._jsc.hadoopConfiguration()

    def _open(self, uri: str) -> tuple[Any, Any]:
        path = self._path(uri)
        return path.getFileSystem(self._configuration), path

    def exists(self, uri: str) -> bool:
        system, path = self._open(uri)
        return bool(system.exists(path))

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of each file directly in `folder`, hidden ones (_ and .) left out; empty where there is no folder."""
        system, path = self._open(folder)
        if not system.exists(path):
            return {}
        entries = [entry for entry in system.listStatus(path) if entry.isFile()]
        return {
            entry.getPath().toString(): entry.getLen()
            for entry in entries
            if not entry.getPath().getName().startswith(("_", "."))
        }

    def first_line(self, uri: str) -> str:
        system, path = self._open(uri)
        stream = system.open(path)
        try:
            start = bytes(stream.readNBytes(HEADER_BYTES))
        finally:
            stream.close()
        return start.decode("utf-8", "replace").split("\n")[0]

    def write(self, uri: str, text: str) -> None:
        system, path = self._open(uri)
        stream = system.create(path, True)
        try:
            stream.write(bytearray(text, "utf-8"))
        finally:
            stream.close()

    def delete(self, folder: str) -> None:
        system, path = self._open(folder)
        system.delete(path, True)


def check_header(uri: str, first_line: str) -> None:
    """Raises ConversionError where a file begins with other columns than the contract's.

    A first line of which no field begins with a digit is a header: an event begins with its time. One with control
    characters is no text: a compressed file, which Spark would unpack by its name but not divide among workers.
    """
    line = first_line.removeprefix(BYTE_ORDER_MARK).rstrip("\r")
    fields = [field.lstrip(' "') for field in line.split(",")]
    row = any(field[:1].isdigit() for field in fields) and not re.search(r"[\x00-\x08\x0b-\x1f]", line)
    if line.strip() and line not in HEADERS and not row:
        raise ConversionError(
            f"{uri} begins with {line[:200]!r}; expected the columns {', '.join(COLUMNS)} in this order, or no header, "
            "in a file that is not compressed."
        )


def check_source(spark: SparkSession, files: Files, arguments: Arguments) -> int:
    """Bytes to convert; raises ConversionError for a month without a file or with one twice, and a wrong header."""
    total = 0
    for month in arguments.months:
        folder = arguments.source + month.folder
        sizes = files.sizes(folder)
        if not sizes:
            raise ConversionError(f"{folder}/ holds no file; upload the month first or leave it out of --MONTHS.")
        for uri in sizes:
            check_header(uri, files.first_line(uri))
        check_twins(spark, sizes)
        total += sum(sizes.values())
    return total


def check_twins(spark: SparkSession, sizes: Mapping[str, int]) -> None:
    """Raises ConversionError where two files hold the same lines. Only those of one size are read for it."""
    often = Counter(sizes.values())
    alike = [uri for uri, size in sizes.items() if size and often[size] > 1]
    if not alike:
        return
    source = _decoded(F.col("_metadata.file_path")).alias("source")
    lines = spark.read.option("lineSep", "\n").text(alike).select(source, "value")
    # A sum does not ask for the order in which lines come; a decimal holds it for any number of them.
    contents = (F.count("*"), F.sum(F.xxhash64("value").cast("decimal(38,0)")))
    seen: dict[tuple[Any, ...], str] = {}
    for uri, *found in lines.groupBy("source").agg(*contents).orderBy("source").collect():
        first = seen.setdefault(tuple(found), uri)
        if first != uri:
            raise ConversionError(
                f"{uri} holds the same lines as {first}, which would count twice; remove one of them."
            )


def _decoded(path: Column) -> Column:
    """A path as it is: Spark gives it URL-encoded, in which a plus sign stands for itself."""
    return F.url_decode(F.replace(path, F.lit("+"), F.lit("%2B")))


# ---- lines to events ------------------------------------------------------------------------------------------------


def read_lines(spark: SparkSession, arguments: Arguments) -> DataFrame:
    """One row a line: path, block (of the file: where it begins), place, line, text, p_year, p_month.

    `line` is as it stands in the file, `text` without a byte order mark and the carriage return of a Windows file.
    `place` grows by one from line to line of a block.
    """
    folders = [arguments.source + month.folder for month in arguments.months]
    # The separator is given because Spark would otherwise also end a line at a carriage return.
    lines = spark.read.options(basePath=arguments.source, lineSep="\n").text(folders)
    value = F.col("value")
    # Trimming by a set of characters was measured three times as slow as these two questions.
    text = F.when(F.endswith(value, F.lit("\r")), F.expr("left(value, length(value) - 1)")).otherwise(value)
    text = F.when(F.startswith(value, F.lit(BYTE_ORDER_MARK)), F.ltrim(text, F.lit(BYTE_ORDER_MARK))).otherwise(text)
    return lines.select(
        F.col("_metadata.file_path").alias("path"),
        F.col("_metadata.file_block_start").alias("block"),
        F.monotonically_increasing_id().alias("place"),
        value.alias("line"),
        text.alias("text"),
        *PARTITIONS,
    )


def parse(lines: DataFrame) -> DataFrame:
    """The nine typed columns, p_year, p_month, file, block, place, and source, line and reason, null for an event.

    `file` stands for the path, which would make every row twice as large.
    """
    schema = ", ".join(f"{name} string" for name in COLUMNS) + ", not_nine_fields string"
    options = {"escape": '"', "columnNameOfCorruptRecord": "not_nine_fields"}
    kept = ("path", "block", "place", "line", "text", *PARTITIONS)
    fields = lines.select(*kept, F.from_csv("text", schema, options).alias("field"))
    checked = fields.select(*kept, "field.*").withColumn("reason", _reason())
    bad = F.col("reason").isNotNull()
    return checked.select(
        *(_typed(name, kind).alias(name) for name, kind in COLUMNS.items()),
        *PARTITIONS,
        F.xxhash64("path").alias("file"),
        "block",
        "place",
        F.when(bad, _decoded(F.col("path"))).alias("source"),
        # A Parquet string is UTF-8; bytes that are not become U+FFFD.
        F.when(bad, F.make_valid_utf8("line")).alias("line"),
        "reason",
    )


def _reason() -> Column:
    """Why a line is no event, null where it is one: the first of the rules that it breaks; NO_ROW for what is no row.

    A number or a time is good where its value prints as the text that it was read from.
    """
    text = F.col("text")
    event_time, price, session = F.col("event_time"), F.col("price"), F.col("user_session")
    printed_time = F.concat(_typed("event_time", "timestamp").cast("string"), F.lit(" UTC"))
    ids = [name for name, kind in COLUMNS.items() if kind == "bigint"]
    quotes = F.length(text) - F.length(F.replace(text, F.lit('"'), F.lit("")))
    rules = [
        ((text != "") & ~text.isin(*HEADERS), F.lit(NO_ROW)),
        (F.is_valid_utf8("line"), F.lit("the line is not UTF-8")),
        # A field that goes on in the next line leaves an odd number of quotes in both, whatever else they look like.
        (~F.contains(text, F.lit('"')) | (quotes % 2 == 0), F.lit("a quoted field is not closed within the line")),
        (F.col("not_nine_fields").isNull(), F.lit("the line has not nine fields")),
        (printed_time == event_time, F.lit("event_time is not a time as in 2019-11-01 00:00:00 UTC")),
        (
            F.substring(event_time, 1, 7) == F.concat_ws("-", *PARTITIONS),
            F.lit("event_time is outside the month of the folder"),
        ),
        (F.col("event_type").isin(*EVENT_TYPES), F.lit(f"event_type is none of {', '.join(EVENT_TYPES)}")),
        *((_typed(name, "bigint").cast("string") == F.col(name), _why_no_id(name)) for name in ids),
        (price.rlike(r"^-?\d{1,8}(\.\d{1,2})?$"), F.lit("price is not a number with at most two decimals")),
        (session.isNull() | session.rlike(UUID), F.lit("user_session is not a UUID")),
    ]
    return F.coalesce(*(F.when(~F.coalesce(kept, F.lit(False)), reason) for kept, reason in rules))


def _why_no_id(name: str) -> Column:
    exponent = F.col(name).rlike(r"^[\d.]+[eE]\+?\d+$")
    return F.when(exponent, f"{name} is written with an exponent and has lost digits").otherwise(
        f"{name} is not a whole number"
    )


def _typed(name: str, kind: str) -> Column:
    """The column's text as its type, null where it is empty or cannot be."""
    text = F.col(name)
    if kind == "string":
        return F.nullif(text, F.lit(""))
    return (F.substring(text, 1, 19) if kind == "timestamp" else text).try_cast(kind)


# ---- events to Parquet ----------------------------------------------------------------------------------------------


def write_curated(events: DataFrame, arguments: Arguments, csv_bytes: int) -> None:
    """Writes the events into their months' folders, those of one CLUSTER_BY value next to each other.

    The order is total, so that the same lines give the same files.
    """
    order = list(dict.fromkeys([*PARTITIONS, arguments.cluster_by, "event_time", *COLUMNS]))
    files = max(len(arguments.months), math.ceil(csv_bytes / CSV_BYTES_PER_FILE))
    arranged = events.repartitionByRange(files, *order[:4]).sortWithinPartitions(*order)
    _write(arranged, arguments.curated)


def write_quarantine(bad: DataFrame, blocks: DataFrame, arguments: Arguments) -> None:
    """Writes the bad lines, with their numbers, into the folders of the months that held them."""
    number = (F.col("place") + F.col("first_number") - F.col("first_place")).alias("line_number")
    numbered = bad.join(F.broadcast(blocks), ["file", "block"])
    rows = numbered.select("source", number, "line", "reason", *PARTITIONS)
    # Rebalancing splits a month with very many bad lines over several tasks.
    _write(rows.hint("rebalance", *PARTITIONS), arguments.quarantine)


def _write(rows: DataFrame, folder: str) -> None:
    rows.write.mode("overwrite").partitionBy(*PARTITIONS).options(
        **{"compression": "zstd", "partitionOverwriteMode": "dynamic", "parquet.block.size": str(ROW_GROUP_BYTES)}
    ).parquet(folder)


# ---- counts and report ----------------------------------------------------------------------------------------------

# Of each month: how many lines have which reason; None counts the events.
Counts = dict[Month, Counter[str | None]]


def count_lines(parsed: DataFrame) -> tuple[Counts, DataFrame]:
    """The counts of the parsed lines, and of each block of a file the place and the line number of its first line.

    So lines get numbers although the blocks of a file are read apart from each other. The blocks' columns: file, block,
    first_place, first_number.
    """
    counts: Counts = {}
    sizes: Counter[tuple[int, int]] = Counter()
    places: dict[tuple[int, int], int] = {}
    grouped = parsed.groupBy(*PARTITIONS, "file", "block", "reason")
    for row in grouped.agg(F.count("*").alias("lines"), F.min("place").alias("place")).collect():
        where = (row["file"], row["block"])
        sizes[where] += row["lines"]
        places[where] = min(row["place"], places.get(where, row["place"]))
        if row["reason"] != NO_ROW:
            counts.setdefault(Month(row["p_year"], row["p_month"]), Counter())[row["reason"]] += row["lines"]
    lines_before: Counter[int] = Counter()
    rows = []
    for (file, start), lines in sorted(sizes.items()):
        rows.append(f"({file}L, {start}L, {places[file, start]}L, {lines_before[file] + 1}L)")
        lines_before[file] += lines
    # As a statement: to make rows of Python's values Spark would start Python on a worker.
    values = ", ".join(rows) or "(0L, 0L, 0L, 0L)"
    query = f"select * from values {values} as blocks (file, block, first_place, first_number)"
    return counts, parsed.sparkSession.sql(query)


def count(rows: DataFrame, reason: Column) -> Counts:
    counts: Counts = {}
    for row in rows.groupBy(*PARTITIONS, reason.alias("reason")).count().collect():
        counts.setdefault(Month(row["p_year"], row["p_month"]), Counter())[row["reason"]] += row["count"]
    return counts


def count_written(spark: SparkSession, files: Files, folder: str, months: Sequence[Month], reason: Column) -> Counts:
    """What the Parquet files below `folder` hold, read back from them."""
    written = [folder + month.folder for month in months if files.exists(folder + month.folder)]
    return count(spark.read.option("basePath", folder).parquet(*written), reason) if written else {}


def balance(
    version: str, months: Sequence[Month], read: Counts, curated: Counts, quarantined: Counts
) -> dict[str, Any]:
    """The report; raises ConversionError where a month has no row, or where what was written is not what was read."""
    report: dict[str, Any] = {"version": version, "months": {}}
    for month in months:
        rows_in = sum(read.get(month, Counter()).values())
        rows_curated = sum(curated.get(month, Counter()).values())
        reasons = quarantined.get(month, Counter())
        if rows_in == 0:
            raise ConversionError(f"The files of {month} hold no row; upload it again or leave it out of --MONTHS.")
        if rows_in != rows_curated + reasons.total():
            raise ConversionError(
                f"{month}: {rows_in} rows were read, but {rows_curated} are curated and {reasons.total()} quarantined; "
                "the files may have changed during the run: start it again."
            )
        report["months"][str(month)] = {
            "rows_in": rows_in,
            "rows_curated": rows_curated,
            "rows_quarantined": reasons.total(),
            "reasons": dict(sorted(reasons.items())),
        }
    for name in ("rows_in", "rows_curated", "rows_quarantined"):
        report[name] = sum(month[name] for month in report["months"].values())
    return report


def convert(spark: SparkSession, arguments: Arguments) -> dict[str, Any]:
    """Converts the months and returns the report, which is also written to its file. Raises ConversionError."""
    files = Files(spark)
    csv_bytes = check_source(spark, files, arguments)
    # Kept, so that counting, sorting and writing twice read and parse the CSV once.
    parsed = parse(read_lines(spark, arguments)).persist(StorageLevel.DISK_ONLY)
    read, blocks = count_lines(parsed)
    # A run that is repeated may find other rows: what the months no longer have must not stay.
    for month in arguments.months:
        files.delete(arguments.quarantine + month.folder)
        files.delete(arguments.curated + month.folder)
    write_curated(parsed.where(F.col("reason").isNull()).select(*COLUMNS, *PARTITIONS), arguments, csv_bytes)
    if any(set(reasons) - {None} for reasons in read.values()):
        bad = parsed.where(F.col("reason") != NO_ROW)
        write_quarantine(bad, blocks, arguments)
    parsed.unpersist()
    report = balance(
        arguments.version,
        arguments.months,
        read,
        count_written(spark, files, arguments.curated, arguments.months, F.lit(None).cast("string")),
        count_written(spark, files, arguments.quarantine, arguments.months, F.col("reason")),
    )
    files.write(arguments.report, json.dumps(report, indent=2))
    return report


def start_session() -> SparkSession:
    spark = SparkSession.builder.appName("csv_to_parquet").getOrCreate()
    # Set here and not by the job's definition: the files' content depends on them.
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    # What is kept of the parsed lines takes a little more disk this way, and a quarter less time.
    spark.conf.set("spark.sql.inMemoryColumnarStorage.compressed", "false")
    # p_month is the text 09, not the number 9.
    spark.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    return spark


def main() -> None:
    given = getResolvedOptions(sys.argv, ["SOURCE", "MONTHS", "CURATED", "QUARANTINE", "CLUSTER_BY", "REPORT"])
    report = convert(start_session(), Arguments.of(given))
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
