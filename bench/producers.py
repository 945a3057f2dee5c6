"""Three ways to bring the same rows into a stream, each measured as a process of its own.

Run as `python -m bench.producers WAY STREAM FILE PASSES`; prints {"events", "seconds", "cpu_seconds"} as JSON.
"""

from __future__ import annotations

import csv
import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from simulator.stream_data_simulator import Options, stream_data_simulator
from simulator.stream_data_simulator.events import JSON_END, EventReader

# Events sent before measuring: imports, connections and caches are no part of a rate.
WARM_UP = 500


def simulator(stream: str, path: Path) -> Callable[[int], int]:
    """The simulator as it is: it reads and converts the rows, sends them, and counts what became of them."""
    return lambda passes: stream_data_simulator(Options(source=str(path), stream=stream, iterations=passes)).events_sent


def put_record_a_row(stream: str, path: Path) -> Callable[[int], int]:
    """As the published copies of the pipeline do it, without their pause between two rows."""
    client = boto3.client("kinesis")

    def send(passes: int) -> int:
        sent = 0
        for _ in range(passes):
            for row in csv.DictReader(path.read_text().splitlines()):
                row["txn_timestamp"] = datetime.now(UTC).isoformat()
                client.put_record(StreamName=stream, Data=json.dumps(row), PartitionKey=row["category_id"])
                sent += 1
        return sent

    return send


def bare_put_records(stream: str, path: Path) -> Callable[[int], int]:
    """boto3's put_records in a loop, over entries that were made before: it neither reads, converts nor counts."""
    client: Any = boto3.client("kinesis")
    reader = EventReader("category_id")
    events = [reader.read(line) for line in path.read_bytes().splitlines()[1:]]
    entries = [
        {"Data": event.head + b"2026-11-24T00:00:00.000Z" + JSON_END, "PartitionKey": event.key.decode()}
        for event in events
    ]
    batches = [entries[start : start + 500] for start in range(0, len(entries), 500)]

    def send(passes: int) -> int:
        sent = 0
        for _ in range(passes):
            for batch in batches:
                answer = client.put_records(StreamName=stream, Records=batch)
                sent += len(batch) - answer["FailedRecordCount"]
        return sent

    return send


WAYS = {way.__name__: way for way in (simulator, put_record_a_row, bare_put_records)}


def main() -> None:
    way, stream, file, passes = sys.argv[1:]
    path = Path(file)
    warm_up = path.with_name("warm-up.csv")
    warm_up.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[: WARM_UP + 1]))
    WAYS[way](stream, warm_up)(1)
    send = WAYS[way](stream, path)
    cpu, start = _cpu_seconds(), time.monotonic()
    events = send(int(passes))
    seconds, cpu_seconds = time.monotonic() - start, _cpu_seconds() - cpu
    json.dump({"events": events, "seconds": seconds, "cpu_seconds": cpu_seconds}, sys.stdout)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
