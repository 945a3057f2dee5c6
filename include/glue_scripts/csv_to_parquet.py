"""Converts months of the user-activity CSV to Parquet and sets aside every line that is not an event of its month.

Runs unchanged as an AWS Glue 6.0 job and under spark-submit of Spark 4.1; paths may be s3:// or local. Arguments:

--SOURCE      folder of the CSV files; the months lie below it as p_year=YYYY/p_month=MM/
--MONTHS      months to convert, with commas between them: 2019-10,2019-11
--CURATED     folder ending in version=<v>; gets the events as Parquet below p_year=/p_month=, sorted within a month
--QUARANTINE  folder; gets the lines set aside in the same layout: source (file), line_number, line (its text), reason
--CLUSTER_BY  the column to sort by: its equal values lie together, so that a reader of one value skips the rest
--REPORT      file; written last, as JSON: rows in, curated and quarantined, per month, per file and in total; the
              reasons per month; the objects that each month was read from; and the months that are refused or that
              failed, each with a sentence

The columns are those of include/contract/ecomm_user_activity.json. A line ends at a line feed, with or without carriage
returns before it. A row is a line that is neither blank nor a header; rows in are always rows curated plus rows
quarantined. A wrong argument fails the run (ConversionError). A month fails alone, and the others are converted:

- It is refused if it has no file, no row or the same file twice, or if a file begins with other columns, is compressed
  or not UTF-8, ends its lines in carriage returns alone, or has a line of more than MAX_LINE_BYTES. The same files are
  refused again.
- It failed if its files cannot be read or written, change while they are read, or if its rows are not all accounted
  for. It may go well the next time.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from awsglue.utils import getResolvedOptions
from py4j.java_gateway import is_instance_of
from py4j.protocol import Py4JJavaError
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession, Window
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
# Added by the job: whether an event equals an earlier one in every column.
REPEATED = "repeated"
EVENT_TYPES = ("view", "cart", "purchase", "remove_from_cart")
PARTITIONS = ("p_year", "p_month")
UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
BYTE_ORDER_MARK = "\ufeff"
HEADER = ",".join(COLUMNS)
# How files begin that are no text, and the names that Spark takes for compressed files whatever they hold.
COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"\x04\x22\x4d\x18")
COMPRESSED_NAMES = (".gz", ".zip", ".bz2", ".zst", ".xz", ".lz4", ".snappy", ".deflate")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")

# One output file for so much CSV: a million rows, whose sort fits a task of a small machine.
CSV_BYTES_PER_FILE = 128 << 20
# About 10,000 rows: all but the largest categories of a month are then one or two row groups.
ROW_GROUP_BYTES = 1 << 20
HEADER_BYTES = 4096
# A line that is set aside keeps so much of its text.
MAX_LINE_CHARACTERS = 10_000
# A longer line is never held in memory, and its month is refused: a file cut by a full disk may end in gigabytes of NUL
# bytes, and one without line feeds is a single line.
MAX_LINE_BYTES = 8 << 20
MAX_LINE_OPTION = "mapreduce.input.linerecordreader.line.maxlength"
# Spark's CSV parser fails for a line of 20,480 fields or more.
MAX_COMMAS = 20_000
SEARCH_BYTES = 1 << 20
# In the place of a reason: a line that is blank or a header. It is kept only to be counted by line numbers.
NO_ROW = "no row"


# A month that cannot be read is tried once more apart from the others: what it stumbled over may have passed.
MAX_TRIES = 2
# So many failures are not a month's any more: the run fails.
MAX_FAILURES = 20

# What Spark and Hadoop raise; a JVM that is gone raises others.
JAVA_ERRORS = (Py4JJavaError, PySparkException)


class ConversionError(Exception):
    """The conversion cannot be done or cannot be trusted; the message says why and what to do."""


class UnreadBytesError(Exception):
    """Bytes of a file were not read, and nothing in the file says why."""


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


class RawObject(NamedTuple):
    """A file as it is listed: its bytes, its ETag as S3 writes it (empty elsewhere), when it was written."""

    size: int
    etag: str
    modified: int


class Files:
    """Hadoop's file systems, which know s3:// on Glue and on this machine alike."""

    def __init__(self, spark: SparkSession) -> None:
        jvm: Any = spark._jvm
        self._gateway: Any = spark.sparkContext._gateway
        self._path = jvm.org.apache.hadoop.fs.Path
        self._configuration: Any = spark._jsc.hadoopConfiguration()

    def _open(self, uri: str) -> tuple[Any, Any]:
        path = self._path(uri)
        return path.getFileSystem(self._configuration), path

    def exists(self, uri: str) -> bool:
        system, path = self._open(uri)
        return bool(system.exists(path))

    def objects(self, folder: str) -> dict[str, RawObject]:
        """Each file below `folder` that is data, as `is_data` says; empty if there is no folder."""
        system, path = self._open(folder)
        if not system.exists(path):
            return {}
        root = system.getFileStatus(path).getPath().toString().rstrip("/") + "/"
        objects = {}
        entries = system.listFiles(path, True)
        while entries.hasNext():
            entry = entries.next()
            name, size = entry.getPath().toString().removeprefix(root), int(entry.getLen())
            if is_data(name, size):
                # Below `folder` as it was given: a file system may list s3:// as s3a://.
                objects[f"{folder}/{name}"] = RawObject(size, self._etag(entry), int(entry.getModificationTime()))
        return dict(sorted(objects.items()))

    def _etag(self, entry: Any) -> str:
        """The ETag in quotes, as S3 writes it."""
        known = is_instance_of(self._gateway, entry, "org.apache.hadoop.fs.EtagSource")
        etag = (entry.getEtag() or "").strip('"') if known else ""
        return f'"{etag}"' if etag else ""

    def start(self, uri: str) -> bytes:
        """The first HEADER_BYTES of a file."""
        system, path = self._open(uri)
        stream = system.open(path)
        try:
            return bytes(stream.readNBytes(HEADER_BYTES))
        finally:
            stream.close()

    def find_long_line(self, uri: str, start: int, number: int) -> tuple[int, int] | None:
        """The number and the first byte of the first line of more than MAX_LINE_BYTES; searches from `start` on.

        number: of the first line that begins after `start`, or at it if that is 0.
        """
        system, path = self._open(uri)
        stream = system.open(path)
        try:
            stream.seek(start)
            line, begins, position = number - (start > 0), start, start
            while chunk := bytes(stream.readNBytes(SEARCH_BYTES)):
                for found in re.finditer(b"\n", chunk):
                    if position + found.start() - begins > MAX_LINE_BYTES:
                        return line, begins
                    line, begins = line + 1, position + found.end()
                position += len(chunk)
                if position - begins > MAX_LINE_BYTES:
                    return line, begins
            return None
        finally:
            stream.close()

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


def is_data(key: str, size: int) -> bool:
    """Whether an object holds rows: consoles, Hadoop, Spark and macOS leave others beside the files."""
    hidden = any(part.startswith((".", "_")) for part in key.split("/"))
    return size > 0 and not hidden and not key.endswith(("/", "_$folder$"))


def check_start(uri: str, start: bytes) -> None:
    """Raises ConversionError unless a file begins as CSV in UTF-8 of the contract's columns, with or without a header.

    A first line of which no field begins with a digit is a header: an event begins with its time.
    """
    if start.startswith(COMPRESSED) or uri.lower().endswith(COMPRESSED_NAMES):
        raise ConversionError(
            f"{uri} is compressed, or named so; unpack it, upload it again under a name in .csv, and remove this file."
        )
    if start.startswith(UTF_16):
        raise ConversionError(
            f"{uri} is UTF-16, as spreadsheets save Unicode text; save it as UTF-8 and upload it again."
        )
    text = start.decode("utf-8", "replace").removeprefix(BYTE_ORDER_MARK)
    line = next((line.strip("\r") for line in text.split("\n") if line.strip()), "")
    if "\r" in line:
        raise ConversionError(
            f"{uri} ends its lines in carriage returns alone; convert it (tr '\\r' '\\n') and upload it again."
        )
    # A header that ends in a line feed, then rows that do not: a field with a carriage return has no time behind it.
    if re.match(rf"\s*{HEADER}\r*\n[^\n\r]+\r+\d{{4}}-\d\d-\d\d ", text.replace('"', "")):
        raise ConversionError(
            f"{uri} ends its rows in carriage returns alone; convert it (tr '\\r' '\\n') and upload it again."
        )
    fields = [field.lstrip(' "') for field in line.split(",")]
    row = any(field[:1].isdigit() for field in fields) and not re.search(r"[\x01-\x08\x0b-\x1f]", line)
    if line and line.replace('"', "") != HEADER and not row:
        raise ConversionError(
            f"{uri} begins with {line[:200]!r}; expected the columns {', '.join(COLUMNS)} in this order, with commas "
            "between them, or no header; correct the file and upload it again."
        )


def check_month(spark: SparkSession, files: Files, folder: str, objects: Mapping[str, RawObject]) -> None:
    """Raises ConversionError if a month of these files cannot be converted."""
    if not objects:
        raise ConversionError(f"{folder}/ holds no file; upload the month again.")
    for uri in objects:
        check_start(uri, files.start(uri))
    check_twins(spark, {uri: found.size for uri, found in objects.items()})


def check_twins(spark: SparkSession, sizes: Mapping[str, int]) -> None:
    """Raises ConversionError where two files hold the same lines. Only those of one size are read for it."""
    often = Counter(sizes.values())
    alike = [uri for uri, size in sizes.items() if size and often[size] > 1]
    if not alike:
        return
    source = _decoded(F.col("_metadata.file_path")).alias("source")
    lines = spark.read.option("lineSep", "\n").text(_paths(alike)).select(source, "value")
    # A sum does not ask for the order in which lines come; a decimal holds it for any number of them.
    contents = (F.count("*"), F.sum(F.xxhash64("value").cast("decimal(38,0)")))
    seen: dict[tuple[Any, ...], str] = {}
    for uri, *found in lines.groupBy("source").agg(*contents).orderBy("source").collect():
        first = seen.setdefault(tuple(found), uri)
        if first != uri:
            raise ConversionError(
                f"{uri} holds the same lines as {first}, which would count twice; remove one of them."
            )


def _below_source(uri: str) -> str:
    """The URI from the month's folder on; a file system may begin it with another scheme than it was asked with."""
    return re.sub(r"^.*/(p_year=\d{4}/p_month=\d\d/)", r"\1", uri)


def _paths(uris: Iterable[str]) -> list[str]:
    """URIs as Spark takes them: what it would read as a pattern stands for itself."""
    return [re.sub(r"([\[\]{}*?\\])", r"\\\1", uri) for uri in uris]


def _decoded(path: Column) -> Column:
    """A path as it is: Spark gives it URL-encoded, in which a plus sign stands for itself."""
    return F.url_decode(F.replace(path, F.lit("+"), F.lit("%2B")))


# ---- lines to events ------------------------------------------------------------------------------------------------


def read_lines(spark: SparkSession, source: str, uris: Iterable[str]) -> DataFrame:
    """One row a line: path, block (of the file: where it begins), place, bytes, line, text, p_year, p_month.

    `line` is as it stands in the file, `text` without a byte order mark and the carriage returns of a Windows file.
    `place` grows by one from line to line of a block. `bytes` are those of the line with its line feed.
    """
    # The separator is given because Spark would otherwise also end a line at a carriage return.
    # Lines that are too long are dropped by Hadoop's reader without a word; `require_all_bytes` finds them missing.
    limit = {MAX_LINE_OPTION: str(MAX_LINE_BYTES + 2)}
    lines = spark.read.options(basePath=source, lineSep="\n", **limit).text(_paths(uris))
    value = F.col("value")
    # Trimming by a set of characters was measured three times as slow as these two questions.
    text = F.when(F.endswith(value, F.lit("\r\r")), F.rtrim(value, F.lit("\r")))
    text = text.when(F.endswith(value, F.lit("\r")), F.expr("left(value, length(value) - 1)")).otherwise(value)
    text = F.when(F.startswith(value, F.lit(BYTE_ORDER_MARK)), F.ltrim(text, F.lit(BYTE_ORDER_MARK))).otherwise(text)
    return lines.select(
        F.col("_metadata.file_path").alias("path"),
        F.col("_metadata.file_block_start").alias("block"),
        F.monotonically_increasing_id().alias("place"),
        (F.octet_length(value) + 1).alias("bytes"),
        value.alias("line"),
        text.alias("text"),
        *PARTITIONS,
    )


def parse(lines: DataFrame) -> DataFrame:
    """The nine typed columns, p_year, p_month, file, block, place, bytes; source, line, reason, null for an event.

    `file` stands for the path, which would make every row twice as large.
    """
    schema = ", ".join(f"{name} string" for name in COLUMNS) + ", not_nine_fields string"
    options = {"escape": '"', "columnNameOfCorruptRecord": "not_nine_fields"}
    kept = ("path", "block", "place", "bytes", "line", "text", *PARTITIONS)
    text = F.col("text")
    commas = F.length(text) - F.length(F.replace(text, F.lit(",")))
    some = (F.col("bytes") < MAX_COMMAS) | (commas < MAX_COMMAS)
    parsable = F.when(some, text).otherwise(F.lit("," * len(COLUMNS)))
    fields = lines.select(*kept, F.from_csv(parsable, schema, options).alias("field"))
    checked = fields.select(*kept, "field.*").withColumn("reason", _reason())
    bad = F.col("reason").isNotNull()
    return checked.select(
        *(_typed(name, kind).alias(name) for name, kind in COLUMNS.items()),
        *PARTITIONS,
        F.xxhash64("path").alias("file"),
        "block",
        "place",
        "bytes",
        F.when(bad, _decoded(F.col("path"))).alias("source"),
        # A Parquet string is UTF-8; bytes that are not become U+FFFD.
        F.when(bad, F.make_valid_utf8(F.left("line", F.lit(MAX_LINE_CHARACTERS)))).alias("line"),
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
    # Few lines begin like this, so the slow questions are asked of few.
    blank = (text == "") | (text.substr(1, 1).isin(" ", "\t") & (F.trim(text, F.lit(" \t\r")) == ""))
    starts_as_header = F.startswith(text, F.lit("event_time")) | F.startswith(text, F.lit('"event_time'))
    header = starts_as_header & (F.replace(text, F.lit('"'), F.lit("")) == HEADER)
    rules = [
        (~blank & ~header, F.lit(NO_ROW)),
        (~F.contains(text, F.lit("\0")), F.lit("the line has a NUL byte")),
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


def write_curated(events: DataFrame, arguments: Arguments, files: int) -> None:
    """Writes the events into their months' folders, those of one CLUSTER_BY value next to each other.

    The order is total, so that the same lines give the same files, and events that are equal follow each other. The
    window below takes this order as it is: it adds neither an exchange nor a sort.
    """
    order = list(dict.fromkeys([*PARTITIONS, arguments.cluster_by, "event_time", *COLUMNS]))
    arranged = events.repartitionByRange(files, *order[:4]).sortWithinPartitions(*order)
    alike, last = Window.partitionBy(*order[:-1]).orderBy(order[-1]), order[-1]
    repeated = (F.row_number().over(alike) > 1) & F.col(last).eqNullSafe(F.lag(last).over(alike))
    _write(arranged.select(*COLUMNS, repeated.alias(REPEATED), *PARTITIONS), arguments.curated)


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

# How many lines of each month have which reason; None counts the events.
Counts = dict[Month, Counter[str | None]]
# The same of each file of each month, the file by its number or its URI.
FileCounts = dict[Month, dict[Any, Counter[str | None]]]


class Block(NamedTuple):
    """What was read of a block of a file: `place` and number of its first line, and the bytes of its lines."""

    start: int
    first_place: int
    first_number: int
    bytes: int


def count_lines(parsed: DataFrame) -> tuple[FileCounts, dict[int, list[Block]]]:
    """The counts of the parsed lines, and the blocks of each file, which give lines their numbers.

    So lines get numbers although the blocks of a file are read apart from each other.
    """
    counts: FileCounts = {}
    sizes: Counter[tuple[int, int]] = Counter()
    read: Counter[tuple[int, int]] = Counter()
    places: dict[tuple[int, int], int] = {}
    grouped = parsed.groupBy(*PARTITIONS, "file", "block", "reason")
    aggregates = (F.count("*").alias("lines"), F.min("place").alias("place"), F.sum("bytes").alias("bytes"))
    for row in grouped.agg(*aggregates).collect():
        where = (row["file"], row["block"])
        sizes[where] += row["lines"]
        read[where] += row["bytes"]
        places[where] = min(row["place"], places.get(where, row["place"]))
        if row["reason"] != NO_ROW:
            month = counts.setdefault(Month(row["p_year"], row["p_month"]), {})
            month.setdefault(row["file"], Counter())[row["reason"]] += row["lines"]
    lines_before: Counter[int] = Counter()
    blocks: dict[int, list[Block]] = {}
    for (file, start), lines in sorted(sizes.items()):
        where = (file, start)
        blocks.setdefault(file, []).append(Block(start, places[where], lines_before[file] + 1, read[where]))
        lines_before[file] += lines
    return counts, blocks


def block_rows(spark: SparkSession, blocks: Mapping[int, Iterable[Block]]) -> DataFrame:
    """One row a block: file, block, first_place, first_number."""
    rows = [
        f"({file}L, {block.start}L, {block.first_place}L, {block.first_number}L)"
        for file, of_file in blocks.items()
        for block in of_file
    ]
    # As a statement: to make rows of Python's values Spark would start Python on a worker.
    query = f"select * from values {', '.join(rows)} as blocks (file, block, first_place, first_number)"
    return spark.sql(query)


def require_all_bytes(files: Files, uri: str, size: int, blocks: Sequence[Block]) -> None:
    """Raises ConversionError naming the line of a file that was too long to be read, if any was.

    The lines then have fewer bytes than the file. Only such a file is read again, from a block before the line to the
    line. Raises UnreadBytesError if there is no such line.
    """
    # The byte order mark at the beginning of a file is not read, and the last line may lack its line feed.
    mark = len(BYTE_ORDER_MARK.encode())
    unread = size - mark - sum(block.bytes for block in blocks)
    if unread <= 0:
        return
    first, end = 0, 0
    for number, block in enumerate(blocks):
        if end < block.start - mark:
            break
        first, end = number, end + block.bytes
    # A line that is too long may end in the block before.
    begin = blocks[first - 1] if first else Block(0, 0, 1, 0)
    place = files.find_long_line(uri, begin.start, begin.first_number)
    if place is None:
        raise UnreadBytesError(f"{unread} bytes of {uri} were not read")
    line, offset = place
    raise ConversionError(
        f"{uri}, line {line}, from byte {offset} on, has more than {MAX_LINE_BYTES} bytes, as after a full disk or in "
        "a file without line feeds; correct or remove the line and upload the file again."
    )


def count(rows: DataFrame, reason: Column) -> Counts:
    counts: Counts = {}
    for row in rows.groupBy(*PARTITIONS, reason.alias("reason")).count().collect():
        counts.setdefault(Month(row["p_year"], row["p_month"]), Counter())[row["reason"]] += row["count"]
    return counts


def count_written(spark: SparkSession, files: Files, folder: str, months: Sequence[Month], reason: Column) -> Counts:
    """What the Parquet files below `folder` hold, read back from them."""
    written = [folder + month.folder for month in months if files.exists(folder + month.folder)]
    return count(spark.read.option("basePath", folder).parquet(*written), reason) if written else {}


def file_names(spark: SparkSession, uris: Iterable[str]) -> dict[int, str]:
    """The URI of each file by its number in the parsed lines. Lists the files and reads none."""
    path = F.col("_metadata.file_path")
    listed = spark.read.format("binaryFile").load(_paths(uris))
    return {
        row["file"]: row["uri"]
        for row in listed.select(F.xxhash64(path).alias("file"), _decoded(path).alias("uri")).collect()
    }


def balance(
    month: Month, read: Mapping[str, Counter[str | None]], curated: Counter[str | None], reasons: Counter[str | None]
) -> dict[str, Any]:
    """Reports a month; raises ConversionError if what was written is not what was read. `read` names files by URI."""
    rows_in = sum(lines.total() for lines in read.values())
    rows_curated = curated.total()
    if rows_in != rows_curated + reasons.total():
        raise ConversionError(
            f"{month}: {rows_in} rows were read, but {rows_curated} are curated and {reasons.total()} quarantined; "
            "the files may have changed during the run: start it again."
        )
    return {
        "rows_in": rows_in,
        "rows_curated": rows_curated,
        "rows_quarantined": reasons.total(),
        "reasons": dict(sorted(reasons.items(), key=lambda item: str(item[0]))),
        "files": {
            uri: {"rows_in": lines.total(), "rows_quarantined": lines.total() - lines[None]}
            for uri, lines in sorted(read.items())
        },
    }


# ---- the run --------------------------------------------------------------------------------------------------------


class Run:
    """One conversion. Months are converted together; if that fails, those at fault are tried again apart."""

    def __init__(self, spark: SparkSession, arguments: Arguments) -> None:
        self.spark = spark
        self.arguments = arguments
        self.files = Files(spark)
        self.reports: dict[Month, dict[str, Any]] = {}
        self.objects: dict[Month, dict[str, RawObject]] = {}
        self.refused: dict[Month, str] = {}
        self.failed: dict[Month, str] = {}
        self._tries: Counter[Month] = Counter()
        self._failures = 0

    def convert(self) -> None:
        groups = [list(self.arguments.months)]
        while groups:
            groups.extend(self._convert_group(groups.pop()))

    def report(self) -> dict[str, Any]:
        return {
            "version": self.arguments.version,
            "months": {str(month): report for month, report in sorted(self.reports.items())},
            **{
                name: sum(report[name] for report in self.reports.values())
                for name in ("rows_in", "rows_curated", "rows_quarantined")
            },
            "refused": {str(month): sentence for month, sentence in sorted(self.refused.items())},
            "failed": {str(month): sentence for month, sentence in sorted(self.failed.items())},
            "objects": {
                str(month): [{"uri": uri, "size": found.size, "etag": found.etag} for uri, found in objects.items()]
                for month, objects in sorted(self.objects.items())
            },
        }

    def _convert_group(self, months: list[Month]) -> list[list[Month]]:
        """Converts these months; returns those to be tried again, in groups."""
        groups: list[list[Month]] = []
        listed: dict[Month, dict[str, RawObject]] = {}
        for month in months:
            self._forget(month)
            try:
                # A run that is repeated may find other rows: what the months no longer have must not stay.
                self.files.delete(self.arguments.quarantine + month.folder)
                self.files.delete(self.arguments.curated + month.folder)
                self.objects[month] = self.files.objects(self._source(month))
                check_month(self.spark, self.files, self._source(month), self.objects[month])
                listed[month] = self.objects[month]
            except ConversionError as error:
                self.refused[month] = str(error)
            except JAVA_ERRORS as error:
                groups += self._apart([month], error)
        try:
            if listed:
                self._convert_listed(listed)
                for month in [month for month in listed if self.files.objects(self._source(month)) != listed[month]]:
                    groups += self._once_more(month, "its files were changed while they were read")
        except JAVA_ERRORS as error:
            groups += self._apart(list(listed), error)
        return groups

    def _convert_listed(self, listed: Mapping[Month, Mapping[str, RawObject]]) -> None:
        sizes = {uri: found.size for objects in listed.values() for uri, found in objects.items()}
        # Kept, so that counting, sorting and writing twice read and parse the CSV once.
        parsed = parse(read_lines(self.spark, self.arguments.source, sizes)).persist(StorageLevel.DISK_ONLY)
        try:
            counts, blocks = count_lines(parsed)
            names = file_names(self.spark, sizes)
            self._refuse(listed, counts, blocks, names)
            months = sorted(counts.keys() - self.refused.keys() - self.failed.keys())
            good = parsed
            for month in counts.keys() - set(months):
                good = good.where((F.col("p_year") != month.year) | (F.col("p_month") != month.month))
            if months:
                self._write(good, {month: counts[month] for month in months}, blocks, sum(sizes.values()))
        finally:
            parsed.unpersist()
        curated = count_written(self.spark, self.files, self.arguments.curated, months, F.lit(None).cast("string"))
        quarantined = count_written(self.spark, self.files, self.arguments.quarantine, months, F.col("reason"))
        for month in months:
            read = {
                uri: counts[month].get(file, Counter()) for file, uri in names.items() if f"/{month.folder}/" in uri
            }
            try:
                self.reports[month] = balance(
                    month, read, curated.get(month, Counter()), quarantined.get(month, Counter())
                )
            except ConversionError as error:
                self.failed[month] = str(error)

    def _refuse(
        self,
        listed: Mapping[Month, Mapping[str, RawObject]],
        counts: FileCounts,
        blocks: Mapping[int, list[Block]],
        names: Mapping[int, str],
    ) -> None:
        """Refuses the months that have no row, or a line that was too long to be read."""
        of_file = {_below_source(uri): blocks.get(file, []) for file, uri in names.items()}
        for month, objects in listed.items():
            if month not in counts:
                self.refused[month] = (
                    f"The files of {month} hold no row ({', '.join(objects)}); upload the month again or remove them."
                )
            try:
                for uri, found in objects.items():
                    require_all_bytes(self.files, uri, found.size, of_file[_below_source(uri)])
            except ConversionError as error:
                self.refused[month] = str(error)
            except UnreadBytesError as error:
                self.failed[month] = f"{error}; the file may have changed during the run: start it again."

    def _write(self, parsed: DataFrame, counts: FileCounts, blocks: Mapping[int, list[Block]], size: int) -> None:
        events = parsed.where(F.col("reason").isNull()).select(*COLUMNS, *PARTITIONS)
        write_curated(events, self.arguments, max(len(counts), math.ceil(size / CSV_BYTES_PER_FILE)))
        if any(set(reasons) - {None} for of_month in counts.values() for reasons in of_month.values()):
            write_quarantine(parsed.where(F.col("reason") != NO_ROW), block_rows(self.spark, blocks), self.arguments)

    def _apart(self, months: list[Month], error: Exception) -> list[list[Month]]:
        """Splits months that failed together: those that the error names from the others, or into halves.

        Raises the error if it is not one of a month.
        """
        context: Any = self.spark.sparkContext._jsc
        self._failures += 1
        if context.sc().isStopped() or self._failures > MAX_FAILURES:
            raise error
        if len(months) == 1:
            return self._once_more(months[0], _cause(error))
        named = [month for month in months if month.folder in str(error)]
        first = named if 0 < len(named) < len(months) else months[: len(months) // 2]
        return [first, [month for month in months if month not in first]]

    def _once_more(self, month: Month, reason: str) -> list[list[Month]]:
        """The month as a group, or none if it was tried often enough and so has failed."""
        self._forget(month)
        self._tries[month] += 1
        if self._tries[month] < MAX_TRIES:
            return [[month]]
        self.failed[month] = (
            f"{month} could not be converted, tried {MAX_TRIES} times: {reason}. Start the run again; if it ends so "
            "once more, upload the month's files again."
        )
        return []

    def _forget(self, month: Month) -> None:
        """Takes back what an earlier try of the month has said."""
        for outcome in (self.reports, self.refused, self.failed):
            outcome.pop(month, None)

    def _source(self, month: Month) -> str:
        return self.arguments.source + month.folder


def _cause(error: Any) -> str:
    """The first line of what Java names as the first cause."""
    cause = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    while cause is not None and cause.getCause() is not None:
        cause = cause.getCause()
    text = str(error) if cause is None else str(cause.toString())
    return text.splitlines()[0][:500].rstrip(".")


def convert(spark: SparkSession, arguments: Arguments) -> dict[str, Any]:
    """Converts the months and returns the report, which is also written to its file."""
    run = Run(spark, arguments)
    run.convert()
    report = run.report()
    run.files.write(arguments.report, json.dumps(report, indent=2))
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
