"""A whole conversion: files, counts, report, and what a second run does."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from include.glue_scripts import csv_to_parquet
from include.glue_scripts.csv_to_parquet import COLUMNS, convert
from tests.include.glue_scripts.conftest import Workspace

HEADER = ",".join(COLUMNS) + "\n"
ROW = "2019-11-01 00:00:00 UTC,view,1,2,,,1.00,4,"


def events(month: str, rows: int, seed: int = 1) -> str:
    """Made-up lines of a month, many of them in one category, some of them twice."""
    number = random.Random(seed).randint
    lines = [
        f"{month}-{number(1, 28):02} {number(0, 23):02}:00:{number(0, 59):02} UTC,view,{number(1, 9)},"
        f"{2053013555631882600 + min(number(0, 60), 40)},,,{number(0, 9)}.50,{number(1, 50)},"
        for _ in range(rows)
    ]
    return HEADER + "\n".join(lines + lines[:3]) + "\n"


def parquet_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def rows_of(spark: SparkSession, files: list[Path]) -> list[list[tuple[Any, ...]]]:
    """The rows of each file, in their order."""
    return [[tuple(row) for row in spark.read.parquet(str(file)).coalesce(1).collect()] for file in files]


def test_months_are_converted_counted_and_reported(spark: SparkSession, workspace: Workspace) -> None:
    workspace.put("2019-10", events("2019-10", 100))
    damaged = "2019-10-01 00:00:00 UTC,view,1,2.05E+18,,,1.00,1,"
    workspace.put("2019-10", events("2019-10", 50, seed=2) + damaged, name="b.csv")
    workspace.put("2019-11", events("2019-11", 40).replace("\n", "\r\n") + "garbage")
    workspace.put("2019-12", events("2019-12", 10))
    report = convert(spark, workspace.arguments("2019-10,2019-11"))
    exponent = "category_id is written with an exponent and has lost digits"
    files = [month.pop("files") for month in report["months"].values()]
    assert [{uri.rsplit("/", 1)[1]: counts for uri, counts in of_month.items()} for of_month in files] == [
        {"b.csv": {"rows_in": 54, "rows_quarantined": 1}, "events.csv": {"rows_in": 103, "rows_quarantined": 0}},
        {"events.csv": {"rows_in": 44, "rows_quarantined": 1}},
    ]
    listed = report.pop("objects")
    assert {(month, one["uri"].rsplit("/", 1)[1], one["size"]) for month in listed for one in listed[month]} == {
        (f"{path.parts[-3][-4:]}-{path.parts[-2][-2:]}", path.name, path.stat().st_size)
        for path in (workspace.root / "raw").rglob("*.csv")
        if path.parts[-2] != "p_month=12"
    }
    assert report == {
        "version": "one",
        "months": {
            "2019-10": {"rows_in": 157, "rows_curated": 156, "rows_quarantined": 1, "reasons": {exponent: 1}},
            "2019-11": {
                **{"rows_in": 44, "rows_curated": 43, "rows_quarantined": 1},
                "reasons": {"the line has not nine fields": 1},
            },
        },
        **{"rows_in": 201, "rows_curated": 199, "rows_quarantined": 2},
        "refused": {},
        "failed": {},
    }
    report["objects"] = listed
    for month, of_month in zip(report["months"].values(), files, strict=True):
        month["files"] = of_month
    assert json.loads((workspace.root / "reports/one.json").read_text()) == report

    curated = spark.read.parquet(str(workspace.root / "curated/version=one"))
    assert dict(curated.dtypes) == {**COLUMNS, "repeated": "boolean", "p_year": "string", "p_month": "string"}
    assert Counter((row.p_year, row.p_month) for row in curated.collect()) == {
        ("2019", "10"): 156,
        ("2019", "11"): 43,
    }
    quarantine = spark.read.parquet(str(workspace.root / "quarantine/version=one"))
    assert quarantine.columns == ["source", "line_number", "line", "reason", "p_year", "p_month"]
    found = {(row.source.rsplit("/", 1)[1], row.line_number, row.line, row.p_month) for row in quarantine.collect()}
    assert found == {("b.csv", 55, damaged, "10"), ("events.csv", 45, "garbage", "11")}


def test_equal_values_lie_together_and_a_second_run_gives_the_same_files(
    spark: SparkSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = events("2019-11", 3000)
    workspace.put("2019-11", content)
    monkeypatch.setattr(csv_to_parquet, "CSV_BYTES_PER_FILE", len(content) // 3)
    arguments = workspace.arguments("2019-11")
    folder = workspace.root / "curated"
    convert(spark, arguments)
    first = rows_of(spark, parquet_files(folder))
    convert(spark, arguments)
    again = rows_of(spark, parquet_files(folder))

    assert len(first) > 1
    category, time = list(COLUMNS).index("category_id"), 0
    keys = [(row[category], row[time]) for file in first for row in file]
    assert keys == sorted(keys)
    assert [row for file in again for row in file] == [row for file in first for row in file]


@pytest.mark.parametrize("cluster_by", ["category_id", "user_session", "event_time"])
def test_an_event_that_equals_an_earlier_one_is_repeated(
    spark: SparkSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, cluster_by: str
) -> None:
    """In whichever files the lines came, and whatever columns are empty."""
    lines = events("2019-11", 3000).splitlines(keepends=True)[1:]
    lines += [",".join([*line.rstrip("\n").split(",")[:-1], "\n"]) for line in lines[:300]]
    copies = lines[::7] + lines[::14]
    workspace.put("2019-11", HEADER + "".join(lines), "a.csv")
    workspace.put("2019-11", HEADER + "".join(copies), "b.csv")
    monkeypatch.setattr(csv_to_parquet, "CSV_BYTES_PER_FILE", len("".join(lines)) // 3)
    convert(spark, workspace.arguments("2019-11", cluster_by=cluster_by))
    rows = spark.read.parquet(str(workspace.root / "curated/version=one")).collect()
    counted = Counter(tuple(row[name] for name in COLUMNS) for row in rows)
    repeated = Counter(tuple(row[name] for name in COLUMNS) for row in rows if row["repeated"])
    assert repeated == Counter({row: count - 1 for row, count in counted.items() if count > 1})
    assert repeated.total() >= len(copies)


def test_repeats_are_found_without_another_sort(
    spark: SparkSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[str] = []
    write = csv_to_parquet._write

    def explain(rows: Any, folder: str) -> None:
        plans.append(rows._jdf.queryExecution().executedPlan().toString())
        write(rows, folder)

    monkeypatch.setattr(csv_to_parquet, "_write", explain)
    monkeypatch.setattr(csv_to_parquet, "CSV_BYTES_PER_FILE", 4000)
    workspace.put("2019-11", events("2019-11", 100))
    convert(spark, workspace.arguments("2019-11"))
    plan = next(plan for plan in plans if "repeated" in plan)
    nodes = ("Exchange rangepartitioning", r"Sort \[", r"Window \[", "Exchange hashpartitioning")
    assert [len(re.findall(f"[ -]{node}", plan)) for node in nodes] == [1, 1, 1, 0]


def test_the_files_are_as_athena_wants_them(spark: SparkSession, workspace: Workspace) -> None:
    workspace.put("2019-11", events("2019-11", 120_000))
    convert(spark, workspace.arguments("2019-11"))
    (file,) = parquet_files(workspace.root / "curated")
    assert file.relative_to(workspace.root).parent == Path("curated/version=one/p_year=2019/p_month=11")
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(str(file))
    opened = jvm.org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(path, spark._jsc.hadoopConfiguration())
    reader = jvm.org.apache.parquet.hadoop.ParquetFileReader.open(opened)
    schema = str(reader.getFileMetaData().getSchema())
    row_groups = list(reader.getFooter().getBlocks())
    reader.close()
    assert "int64 event_time (TIMESTAMP(MICROS,true))" in schema
    assert "price (DECIMAL(10,2))" in schema
    assert {str(column.getCodec()) for group in row_groups for column in group.getColumns()} == {"ZSTD"}
    # A reader of one category skips the groups of others; Spark's own size would make one group of all.
    assert len(row_groups) > 1
    assert sum(group.getRowCount() for group in row_groups) == 120_003


def test_another_run_of_a_month_leaves_nothing_of_the_one_before(spark: SparkSession, workspace: Workspace) -> None:
    workspace.put("2019-10", events("2019-10", 20))
    workspace.put("2019-11", events("2019-11", 20) + "garbage\n")
    arguments = workspace.arguments("2019-10,2019-11")
    assert convert(spark, arguments)["rows_quarantined"] == 1
    october = parquet_files(workspace.root / "curated/version=one/p_year=2019/p_month=10")

    workspace.put("2019-11", events("2019-11", 30))
    report = convert(spark, workspace.arguments("2019-11"))
    assert (report["rows_in"], report["rows_curated"], report["rows_quarantined"]) == (33, 33, 0)
    assert parquet_files(workspace.root / "quarantine") == []
    assert parquet_files(workspace.root / "curated/version=one/p_year=2019/p_month=10") == october


def test_a_month_of_bad_lines_only_is_quarantined_whole(spark: SparkSession, workspace: Workspace) -> None:
    workspace.put("2019-11", "1,2\n3,4\n")
    report = convert(spark, workspace.arguments("2019-11"))
    assert (report["rows_in"], report["rows_curated"], report["rows_quarantined"]) == (2, 0, 2)


def test_lines_are_numbered_as_an_editor_does_in_every_file_and_block(
    spark: SparkSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line of a hundred is garbage; headers, empty lines and repeated lines have numbers as well."""
    texts = {}
    for name, rows, end in (("a b.csv", 2000, "\n"), ("c.csv", 700, "\r\n"), ("d.csv", 0, "\n")):
        lines = events("2019-11", rows, seed=rows).splitlines()[: rows + 1]
        for number in range(50, rows, 100):
            lines[number] = "garbage"
        lines[5:5] = ["", HEADER.rstrip(), ""]
        texts[name] = end.join([*lines, "cut off"])
        workspace.put("2019-11", texts[name], name)
    with blocks_of(spark, 20_000):
        report = convert(spark, workspace.arguments("2019-11"))
    expected = {
        (name, number, line)
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if line in ("garbage", "cut off")
    }
    found = spark.read.parquet(str(workspace.root / "quarantine")).collect()
    assert {(row.source.rsplit("/", 1)[1], row.line_number, row.line.rstrip("\r")) for row in found} == expected
    assert len(found) == report["rows_quarantined"] == 30
    assert report["rows_in"] == report["rows_curated"] + 30 == 2703


def test_the_same_file_twice_is_refused_and_one_of_the_same_size_is_not(
    spark: SparkSession, workspace: Workspace
) -> None:
    workspace.put("2019-11", events("2019-11", 50))
    workspace.put("2019-11", events("2019-11", 50).replace("view", "cart"), name="same size.csv")
    assert convert(spark, workspace.arguments("2019-11"))["rows_in"] == 106
    workspace.put("2019-11", events("2019-11", 50), name="z.csv")
    sentence = convert(spark, workspace.arguments("2019-11"))["refused"]["2019-11"]
    assert re.search(r"z\.csv holds the same lines as .*events\.csv, which would count twice", sentence)


def test_a_file_of_one_row_is_converted(spark: SparkSession, workspace: Workspace) -> None:
    workspace.put("2019-11", events("2019-11", 1).splitlines()[1])
    report = convert(spark, workspace.arguments("2019-11"))
    assert (report["rows_in"], report["rows_curated"]) == (1, 1)


def test_a_field_with_a_line_break_is_set_aside_in_all_its_pieces(spark: SparkSession, workspace: Workspace) -> None:
    """Even where a piece has nine fields; the lines around it are events."""
    (event, *_) = events("2019-11", 1).splitlines()[1:]
    start, end = event.replace(",,,", ',,"two\nlines",').split("\n")
    like_an_event = event.replace(",,,", ',,sam",')
    workspace.put(
        "2019-11", "\n".join([event, start, end, event, event.replace(",,,", ',,"two'), like_an_event, event])
    )
    month = convert(spark, workspace.arguments("2019-11"))["months"]["2019-11"]
    assert month.pop("files")
    assert month == {
        **{"rows_in": 7, "rows_curated": 3, "rows_quarantined": 4},
        "reasons": {"a quoted field is not closed within the line": 4},
    }


def test_a_table_may_be_sorted_by_another_column(spark: SparkSession, workspace: Workspace) -> None:
    workspace.put("2019-11", events("2019-11", 200))
    for column in ("user_id", "event_time"):
        convert(spark, workspace.arguments("2019-11", cluster_by=column))
        ((*rows,),) = rows_of(spark, parquet_files(workspace.root / "curated"))
        values = [row[list(COLUMNS).index(column)] for row in rows]
        assert values == sorted(values)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, r"raw/p_year=2019/p_month=12/ holds no file; upload the month again"),
        (HEADER, r"The files of 2019-12 hold no row \(.*events\.csv\); upload the month again or remove them"),
        ("", r"raw/p_year=2019/p_month=12/ holds no file; upload the month again"),
        (
            HEADER.replace("brand,price", "price,brand"),
            "events.csv begins with 'event_time.*expected the columns",
        ),
    ],
    ids=["no file", "no row", "empty file", "other columns"],
)
def test_a_month_that_cannot_be_converted_is_named_and_the_others_are_converted(
    spark: SparkSession, workspace: Workspace, content: str | None, sentence: str
) -> None:
    workspace.put("2019-11", events("2019-11", 5))
    workspace.put("2019-12", events("2019-12", 5))
    convert(spark, workspace.arguments("2019-11,2019-12"))
    workspace.put("2019-12", content or "", name="events.csv")
    report = convert(spark, workspace.arguments("2019-11,2019-12"))
    assert list(report["months"]) == ["2019-11"]
    assert report["rows_in"] == report["rows_curated"] == 8
    assert list(report["refused"]) == ["2019-12"]
    assert re.search(sentence, report["refused"]["2019-12"])
    assert not parquet_files(workspace.root / "curated/version=one/p_year=2019/p_month=12")


def test_months_that_are_all_refused_are_reported(spark: SparkSession, workspace: Workspace) -> None:
    workspace.put("2019-11", HEADER)
    report = convert(spark, workspace.arguments("2019-11,2019-12"))
    assert (report["months"], report["rows_in"], list(report["refused"])) == ({}, 0, ["2019-11", "2019-12"])
    assert json.loads((workspace.root / "reports/one.json").read_text()) == report


def test_objects_that_are_no_data_are_passed_over(spark: SparkSession, workspace: Workspace) -> None:
    workspace.put("2019-11", events("2019-11", 5), name="a [1] {x}.csv")
    for name in (".DS_Store", "_SUCCESS", "__MACOSX/._a.csv", "empty.csv", "deeper/b.csv"):
        workspace.put("2019-11", {"empty.csv": "", "deeper/b.csv": events("2019-11", 7)}.get(name, "x\0"), name)
    report = convert(spark, workspace.arguments("2019-11"))
    assert report["refused"] == {}
    names = {uri.split("/p_month=11/")[1] for uri in report["months"]["2019-11"]["files"]}
    assert names == {"a [1] {x}.csv", "deeper/b.csv"}
    assert report["rows_in"] == report["rows_curated"] == 18


def test_a_month_that_loses_a_row_fails_alone(
    spark: SparkSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written loses a file before it is counted, as by a hand that deletes what it should not."""
    written = csv_to_parquet.count_written

    def delete_and_count(*arguments: Any) -> Any:
        for path in parquet_files(workspace.root / "curated/version=one/p_year=2019/p_month=10"):
            path.unlink()
        return written(*arguments)

    workspace.put("2019-10", events("2019-10", 5))
    workspace.put("2019-11", events("2019-11", 6))
    monkeypatch.setattr(csv_to_parquet, "count_written", delete_and_count)
    report = convert(spark, workspace.arguments("2019-10,2019-11"))
    assert (list(report["months"]), report["rows_in"], report["refused"]) == (["2019-11"], 9, {})
    assert re.match("2019-10: 8 rows were read, but 0 are curated and 0 quarantined", report["failed"]["2019-10"])


@pytest.mark.parametrize("moment", ["check_start", "count_lines"])
def test_a_file_that_vanishes_while_it_is_read_costs_no_other_month(
    spark: SparkSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The month is tried once more with the files that are there; without one it is refused."""
    workspace.put("2019-10", events("2019-10", 5))
    workspace.put("2019-11", events("2019-11", 6))
    gone = [workspace.put("2019-11", events("2019-11", 7), "gone.csv"), workspace.put("2019-12", "x", "gone.csv")]
    before(monkeypatch, moment, lambda: [path.unlink(missing_ok=True) for path in gone])
    report = convert(spark, workspace.arguments("2019-10,2019-11,2019-12"))
    counts = {month: counted["rows_in"] for month, counted in report["months"].items()}
    assert (counts, list(report["refused"]), report["failed"]) == ({"2019-10": 8, "2019-11": 9}, ["2019-12"], {})


def test_a_file_that_cannot_be_read_fails_its_month_alone(spark: SparkSession, workspace: Workspace) -> None:
    """The checksum beside a damaged file is how the local file system refuses to give its bytes."""
    workspace.put("2019-10", events("2019-10", 5))
    damaged = workspace.put("2019-11", events("2019-11", 6))
    workspace.put("2019-11", b"crc\0\0\0\2\0" + b"\1" * 40, f".{damaged.name}.crc")
    workspace.put("2019-12", events("2019-12", 7))
    report = convert(spark, workspace.arguments("2019-10,2019-11,2019-12"))
    assert (list(report["months"]), report["refused"]) == (["2019-10", "2019-12"], {})
    assert re.fullmatch(
        r"2019-11 could not be converted, tried 2 times: org\.apache\.hadoop\.fs\.ChecksumException: Checksum error: "
        r"\S+events\.csv at 0.*\. Start the run again; if it ends so once more, upload the month's files again\.",
        report["failed"]["2019-11"],
    )
    assert list(report["objects"]) == ["2019-10", "2019-11", "2019-12"]


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    spark: SparkSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.put("2019-10", events("2019-10", 5))
    workspace.put("2019-11", events("2019-11", 6))
    before(monkeypatch, "file_names", lambda: workspace.put("2019-11", events("2019-11", 70)))
    report = convert(spark, workspace.arguments("2019-10,2019-11"))
    assert {month: counted["rows_in"] for month, counted in report["months"].items()} == {"2019-10": 8, "2019-11": 73}
    (read,) = report["objects"]["2019-11"]
    assert read["size"] == len(events("2019-11", 70))


@pytest.mark.parametrize(
    ("block_bytes", "tail"),
    [(5_000, "\n"), (5_000, f"\n{ROW}\n"), (30_000, ""), (10_000_000, f"\n{ROW}\n")],
    ids=["last of many blocks", "within many blocks", "last of few blocks, open", "within one block"],
)
def test_a_line_that_is_too_long_is_named_and_costs_no_other_month(
    spark: SparkSession, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, block_bytes: int, tail: str
) -> None:
    monkeypatch.setattr(csv_to_parquet, "MAX_LINE_BYTES", 20_000)
    good = "\ufeff" + events("2019-11", 300)
    workspace.put("2019-10", good.replace("2019-11", "2019-10") + "x" * 20_000)
    cut = workspace.put("2019-11", good + "\0" * 70_000 + tail, "cut.csv")
    workspace.put("2019-12", ROW.ljust(20_010, "x"))
    with blocks_of(spark, block_bytes):
        report = convert(spark, workspace.arguments("2019-10,2019-11,2019-12"))
    assert {month: counted["rows_in"] for month, counted in report["months"].items()} == {"2019-10": 304}
    place = f"{cut}, line 305, from byte {len(good.encode())} on, has more than 20000 bytes"
    assert place in report["refused"]["2019-11"]
    assert "events.csv, line 1, from byte 0 on, has more" in report["refused"].get("2019-12", "")
    assert {path.parent.name for path in parquet_files(workspace.root)} == {"p_month=10"}


@contextmanager
def blocks_of(spark: SparkSession, size: int) -> Iterator[None]:
    """Has Spark read files in blocks of so many bytes."""
    before = spark.conf.get("spark.sql.files.maxPartitionBytes")
    spark.conf.set("spark.sql.files.maxPartitionBytes", str(size))
    try:
        yield
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", str(before))


def before(monkeypatch: pytest.MonkeyPatch, function: str, change: Callable[[], Any]) -> None:
    """Makes the change once, right before the script calls the function for the first time."""
    changes, original = [change], getattr(csv_to_parquet, function)

    def changed(*arguments: Any) -> Any:
        if changes:
            changes.pop()()
        return original(*arguments)

    monkeypatch.setattr(csv_to_parquet, function, changed)


def test_the_source_is_read_once(spark: SparkSession, workspace: Workspace) -> None:
    """By Spark's own count of the bytes that its tasks read from the raw folder."""
    size = workspace.put("2019-11", events("2019-11", 20_000) + "garbage\n").stat().st_size
    before = _bytes_read(spark)
    convert(spark, workspace.arguments("2019-11"))
    read = _bytes_read(spark) - before
    # The rest: the beginning of the file, for its header, and the footers of what was written.
    assert size <= read < 1.5 * size


def _bytes_read(spark: SparkSession) -> int:
    jvm: Any = spark._jvm
    statistics = jvm.org.apache.hadoop.fs.FileSystem.getAllStatistics()
    return sum(one.getBytesRead() for one in statistics if one.getScheme() == "file")
