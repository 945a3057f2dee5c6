"""The made-up data set: the same for the same seed, ordered, true to the contract, and with the real one's habits."""

from __future__ import annotations

import csv
import os
import pty
import re
import subprocess
import sys
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from uuid import UUID

import pytest

from simulator.dataset_generator import DEFAULT_ROWS, HEADER, generate

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "simulator" / "dataset_generator.py"
# DESIGN section 4, the CSV event.
CONTRACT = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
ROWS = 30_000

Row = dict[str, str]


def parse(lines: Sequence[str]) -> list[Row]:
    return list(csv.DictReader([HEADER, *lines]))


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return list(generate(ROWS, seed=7))


@pytest.fixture(scope="module")
def rows(lines: list[str]) -> list[Row]:
    return parse(lines)


@pytest.fixture(scope="module")
def of_people(rows: list[Row]) -> list[Row]:
    """Without the sessions of machines, of which a data set of this size has one or none."""
    lengths = Counter(row["user_session"] for row in rows)
    return [row for row in rows if lengths[row["user_session"]] < 100]


def share(rows: Sequence[Row], event_type: str) -> float:
    return sum(row["event_type"] == event_type for row in rows) / len(rows)


def test_header_is_the_contract() -> None:
    assert HEADER == CONTRACT + "\n"


def test_same_seed_same_rows_and_another_seed_others(lines: list[str]) -> None:
    assert list(generate(ROWS, seed=7)) == lines
    assert list(generate(ROWS, seed=8)) != lines


def test_every_line_has_the_contract_s_form(lines: list[str]) -> None:
    form = re.compile(
        r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC,(view|cart|purchase),\d+,205\d{16},[a-z_.]*,[a-z]*,\d+\.\d\d,"
        r"\d{9},[0-9a-f-]{36}\n"
    )
    assert [line for line in lines if not form.fullmatch(line)] == []


def test_rows_are_ordered_by_time_and_fill_the_months(rows: list[Row]) -> None:
    times = [row["event_time"] for row in rows]
    assert times == sorted(times)
    assert len({time[:10] for time in times}) == 31 + 30


def test_event_types_are_mixed_as_in_the_real_months(of_people: list[Row]) -> None:
    october = [row for row in of_people if row["event_time"] < "2019-11"]
    assert 0.95 < share(october, "view") < 0.985
    assert 0.005 < share(october, "purchase") < 0.025
    before = [row for row in of_people if "2019-11-01" <= row["event_time"] < "2019-11-08"]
    after = [row for row in of_people if row["event_time"] >= "2019-11-08"]
    assert share(before, "cart") < share(before, "purchase")
    assert 0.03 < share(after, "cart") < 0.05


def test_smartphones_lead_and_some_codes_and_brands_are_missing(rows: list[Row]) -> None:
    categories = Counter(row["category_id"] for row in rows).most_common(2)
    assert categories[0][0] == "2053013555631882655"
    assert categories[0][1] > 3 * categories[1][1]
    codes = Counter(row["category_code"] for row in rows)
    del codes[""]
    assert codes.most_common(1)[0][0] == "electronics.smartphone"
    assert 0.2 < sum(row["category_code"] == "" for row in rows) / ROWS < 0.4
    assert 0.1 < sum(row["brand"] == "" for row in rows) / ROWS < 0.25
    assert any(row["brand"] == "nan" for row in rows)


def test_awkward_rows_are_there_but_few(of_people: list[Row]) -> None:
    repeated = len(of_people) - len({tuple(row.values()) for row in of_people})
    assert 0 < repeated < ROWS * 0.003
    assert 0 < sum(row["price"] == "0.00" for row in of_people) < ROWS * 0.01


def test_the_default_data_set_holds_a_machine() -> None:
    carts: dict[str, list[str]] = {}
    for row in parse(list(generate(DEFAULT_ROWS))):
        if row["event_type"] == "cart":
            carts.setdefault(row["user_session"], []).append(row["event_time"][11:19])
    loudest = sorted(carts.values(), key=len)[-2:]
    assert len(loudest[0]) <= 4
    assert len(loudest[1]) == 131
    times = [datetime.strptime(time, "%H:%M:%S") for time in loudest[1]]
    assert (times[-1] - times[0]).total_seconds() < 7


def test_a_session_is_a_uuid_of_one_user_and_users_return(rows: list[Row]) -> None:
    owners: dict[str, set[str]] = {}
    for row in rows:
        owners.setdefault(row["user_session"], set()).add(row["user_id"])
    assert all(str(UUID(session)) == session for session in owners)
    assert all(len(users) == 1 for users in owners.values())
    months = [{row["user_id"] for row in rows if row["event_time"].startswith(m)} for m in ("2019-10", "2019-11")]
    assert months[0] & months[1]
    assert months[1] - months[0]


def test_the_evening_is_busier_than_the_night(rows: list[Row]) -> None:
    hours = Counter(row["event_time"][11:13] for row in rows)
    assert hours["16"] > 5 * hours["23"]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
def test_the_number_of_rows_is_exact(count: int) -> None:
    assert len(list(generate(count))) == count


def test_months_are_sorted_and_each_keeps_its_rows() -> None:
    rows = parse(list(generate(900, months=("2020-02", "2019-12"))))
    months = Counter(row["event_time"][:7] for row in rows)
    assert list(months) == ["2019-12", "2020-02"]
    # In proportion to 31 and 29 days.
    assert months["2019-12"] == 465


@pytest.mark.parametrize(
    ("rows", "months", "message"),
    [
        (-1, ["2019-11"], "-1 rows cannot be generated"),
        (1, [], "at least one month"),
        (1, ["2019-13"], "'2019-13' is not a month; write it as 2019-11"),
        (1, ["November"], "'November' is not a month"),
        (1, ["0000-01"], "'0000-01' is not a month"),
    ],
)
def test_wrong_arguments_are_refused_before_the_first_row(rows: int, months: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate(rows, months=months)


def test_rows_written_are_not_kept() -> None:
    many = generate(200_000, months=["2019-11"])
    # The catalogue, made before the first row, is no part of what grows.
    next(many)
    tracemalloc.start()
    size = sum(len(line) for line in islice(many, 15_000))
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < size / 10


def run(*words: str, **more: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, check=False, **more)  # type: ignore[call-overload]


def test_command_writes_a_csv_and_a_zip_of_the_same_rows(tmp_path: Path) -> None:
    plain, packed = tmp_path / "2019-Nov.csv", tmp_path / "2019-Nov.csv.zip"
    for path in (plain, packed):
        done = run("--rows", "500", "--months", "2019-11", "--output", str(path))
        assert done.returncode == 0, done.stderr
    expected = (HEADER + "".join(generate(500, months=["2019-11"]))).encode()
    assert plain.read_bytes() == expected
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == ["2019-Nov.csv"]
        assert archive.read("2019-Nov.csv") == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2019-Nov.csv", "2019-Nov.csv.zip"]


def test_command_keeps_a_file_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "kept.csv"
    path.write_text("mine")
    refused = run("--output", str(path))
    assert refused.returncode == 2
    assert b"exists already; give --force to overwrite it" in refused.stderr
    assert path.read_text() == "mine"
    assert run("--rows", "1", "--output", str(path), "--force").returncode == 0
    assert path.read_text().startswith(HEADER)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output", "data.parquet"], b"ends neither in .csv nor in .zip"),
        (["--output", "nowhere/data.csv"], b"The folder nowhere does not exist"),
        (["--output", "-", "--rows", "-5"], b"-5 rows cannot be generated"),
        (["--output", "-", "--months", "2019-11,"], b"'' is not a month"),
    ],
)
def test_command_says_what_is_wrong(words: list[str], message: bytes, tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path)
    assert done.returncode != 0
    assert message in done.stderr
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_reader_may_stop_reading() -> None:
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' '{SCRIPT}' --output - | head -n 1"], capture_output=True, check=True
    )
    assert done.stdout.decode() == HEADER
    assert done.stderr == b""


def test_progress_is_a_bar_in_a_terminal(tmp_path: Path) -> None:
    reader, terminal = pty.openpty()
    writer = subprocess.Popen(
        [sys.executable, str(SCRIPT), "--rows", "60000", "--output", str(tmp_path / "a.csv")], stderr=terminal
    )
    os.close(terminal)
    shown = b""
    try:
        while chunk := os.read(reader, 1024):
            shown += chunk
    except OSError:
        # Linux ends a terminal whose last writer is gone with EIO.
        pass
    finally:
        os.close(reader)
    assert writer.wait() == 0
    assert re.search(rb"\[#+ *\] [\d,]+ rows", shown)
