"""The made-up data set: the same for the same seed, ordered, true to the contract, small ones too; and its command.

Whether it has the real months' habits is test_dataset_generator_facts.py's.
"""

from __future__ import annotations

import csv
import hashlib
import os
import pty
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest

from simulator.dataset_generator import DEFAULT_ROWS, HEADER, blocks, generate

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "simulator" / "dataset-generator.py"
# DESIGN section 4, the CSV event.
CONTRACT = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
ROWS = 30_000
# Of the default data set's rows without the header. Another one means that everybody's data sets change.
DEFAULT_DIGEST = "5501b625979eb2448cbe93f8785419d56db29e484859047bf204ae1a8e245463"

Row = dict[str, str]


def parse(lines: Sequence[str]) -> list[Row]:
    return list(csv.DictReader([HEADER, *lines]))


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return list(generate(ROWS, seed=7))


@pytest.fixture(scope="module")
def rows(lines: list[str]) -> list[Row]:
    return parse(lines)


def test_header_is_the_contract() -> None:
    assert HEADER == CONTRACT + "\n"


def test_same_seed_same_rows_and_another_seed_others(lines: list[str]) -> None:
    assert list(generate(ROWS, seed=7)) == lines
    assert list(generate(ROWS, seed=8)) != lines


def test_the_default_data_set_is_the_same_on_every_python() -> None:
    rows = "".join(blocks(DEFAULT_ROWS)).encode()
    assert hashlib.sha256(rows).hexdigest() == DEFAULT_DIGEST


def test_every_line_has_the_contract_s_form(lines: list[str]) -> None:
    form = re.compile(
        r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC,(view|cart|purchase),\d+,205\d{16},[a-z_.]*,[a-z-]*,\d+\.\d\d,"
        r"\d{9},([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12})?\n"
    )
    assert [line for line in lines if not form.fullmatch(line)] == []


def test_rows_are_ordered_by_time_and_fill_the_months(rows: list[Row]) -> None:
    times = [row["event_time"] for row in rows]
    assert times == sorted(times)
    assert len({time[:10] for time in times}) == 31 + 30


def test_the_default_data_set_is_worth_a_demo() -> None:
    rows = parse(list(generate(DEFAULT_ROWS)))
    machine = [row for row in rows if row["user_id"] == "518642416"]
    assert len(machine) == 131
    assert {row["event_time"] for row in machine} == {f"2019-11-17 16:58:{second} UTC" for second in range(13, 20)}
    kinds = Counter((row["event_type"], row["event_time"][:7]) for row in rows if row not in machine)
    assert all(kinds[kind, month] > 100 for kind in ("view", "cart", "purchase") for month in ("2019-10", "2019-11"))
    for wanted in ({"brand": "nan"}, {"brand": ""}, {"category_code": ""}, {"user_session": ""}, {"price": "0.00"}):
        assert any(wanted.items() <= row.items() for row in rows), wanted
    assert len({tuple(row.values()) for row in rows}) < len(rows) - 124
    assert len({row["category_code"] for row in rows}) > 100


def test_a_month_that_is_too_small_has_no_oddities() -> None:
    rows = parse(list(generate(9_999, months=["2019-11"])))
    assert all(row["user_session"] and row["user_id"] != "518642416" for row in rows)


def test_a_session_is_a_uuid_of_one_user_and_users_return(rows: list[Row]) -> None:
    owners: dict[str, set[str]] = {}
    for row in rows:
        owners.setdefault(row["user_session"], set()).add(row["user_id"])
    # The one row without a session of each month.
    owners.pop("", None)
    assert all(str(UUID(session)) == session for session in owners)
    assert all(len(users) == 1 for users in owners.values())
    months = [{row["user_id"] for row in rows if row["event_time"].startswith(m)} for m in ("2019-10", "2019-11")]
    assert months[0] & months[1]
    assert months[1] - months[0]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
def test_the_number_of_rows_is_exact(count: int) -> None:
    assert len(list(generate(count))) == count


def test_blocks_are_the_rows(lines: list[str]) -> None:
    found = list(blocks(ROWS, seed=7))
    assert "".join(found) == "".join(lines)
    assert len(found) > 2


def test_the_real_months_share_the_rows_as_they_do() -> None:
    months = Counter(line[:7] for line in generate(109_951, seed=3))
    assert months == {"2019-10": 42_448, "2019-11": 67_503}


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


MEASURE = """
import resource, sys
from simulator.dataset_generator import blocks, shop
for month in ("2019-10", "2019-11"):
    for category in shop.of_month(month):
        shelf = shop.shelf(category.number, month)
        for place in range(len(shelf.limits)):
            shelf[place]
for block in blocks(int(sys.argv[1])):
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows() -> None:
    """Once every product of the shop has its text, which a large data set comes to and a small one does not."""
    peaks = [
        int(subprocess.check_output([sys.executable, "-c", MEASURE, str(rows)], cwd=ROOT))
        for rows in (200_000, 800_000)
    ]
    assert peaks[1] < 1.05 * peaks[0]


def run(*words: str, **more: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, check=False, **more)  # type: ignore[call-overload]


def test_command_writes_a_csv_and_a_zip_of_the_same_rows(tmp_path: Path) -> None:
    plain, packed = tmp_path / "2019-Nov.csv", tmp_path / "2019-Nov.csv.zip"
    again = tmp_path / "again" / packed.name
    again.parent.mkdir()
    for path in (plain, packed, again):
        done = run("--rows", "500", "--months", "2019-11", "--output", str(path))
        assert done.returncode == 0, done.stderr
    expected = (HEADER + "".join(generate(500, months=["2019-11"]))).encode()
    assert plain.read_bytes() == expected
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == ["2019-Nov.csv"]
        assert archive.read("2019-Nov.csv") == expected
    assert again.read_bytes() == packed.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2019-Nov.csv", "2019-Nov.csv.zip", "again"]


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
        (["--output", "-", "--rows", "many"], b"invalid int value: 'many'"),
        ([], b"the following arguments are required: --output"),
        (["--output", "-", "--rows", "-5"], b"-5 rows cannot be generated"),
        (["--output", "-", "--months", "2019-11,"], b"'' is not a month"),
    ],
)
def test_command_says_what_is_wrong(words: list[str], message: bytes, tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_shows_how(tmp_path: Path) -> None:
    done = run("--help")
    assert done.returncode == 0
    for word in (b"--rows", b"--seed", b"--months", b"--output", b"--force", b"examples:", b"exit status:"):
        assert word in done.stdout


def test_a_folder_and_a_full_disk_are_named(tmp_path: Path) -> None:
    (tmp_path / "data.csv").mkdir()
    assert b"is a folder; name a file in it" in run("--output", str(tmp_path / "data.csv")).stderr
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), "--output", "-"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert b"The data set could not be written: [Errno 28] No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_interrupt_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    writer = subprocess.Popen(
        [sys.executable, str(SCRIPT), "--rows", "50000000", "--output", str(path)], stderr=subprocess.PIPE
    )
    part = path.with_name("data.csv.part")
    while writer.poll() is None and not (part.exists() and part.stat().st_size):
        time.sleep(0.02)
    writer.send_signal(signal.SIGINT)
    _, said = writer.communicate()
    assert writer.returncode == 130
    assert said.endswith(b"Interrupted; the data set is not complete.\n")
    assert b"Traceback" not in said
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
        [sys.executable, str(SCRIPT), "--rows", "300000", "--output", str(tmp_path / "a.csv")], stderr=terminal
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
    assert re.search(rb"\[#+ *\] [\d,]+ of 300,000 rows", shown)
