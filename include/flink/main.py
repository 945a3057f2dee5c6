"""Counts each user's clicks in windows of 10 s, and sees when traffic is far over its own recent baseline.

The first Kinesis stream goes in, the second one out.

A PyFlink application for Amazon Managed Service for Apache Flink (runtime FLINK-2_2). All that differs between stages
is in the application's property groups, which the service writes to a file; application_properties.json beside this
file is an example of them. The statements are in sql/.

`python main.py --tables` prints the statements of the two tables, for a SQL client.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template

SQL = Path(__file__).resolve().parent / "sql"
TABLES = ("ecomm_user_activity_stream_1", "ecomm_user_activity_stream_2", "ecomm_traffic")
# Classes of the jar.
FUNCTIONS = ("user_traffic", "window_traffic")
# Each reads the one before it.
VIEWS = ("user_windows", "traffic_changes", "traffic_windows")
INSERTS = ("final_counts", "early_counts", "traffic")

# Where the service puts the property groups.
PROPERTIES = "/etc/flink/application_properties.json"
# What a stream's group may hold for its table; other keys of the group are not the connector's.
CONNECTOR_OPTIONS = ("aws.", "source.", "sink.", "stream.")
# How long an early count is kept after its last click: well over a window and the watermark's delay, so that clicks of
# one window that arrive apart are counted together, and no longer, since there is one for every user and window.
EARLY_COUNT_KEPT = "2 min"
# A window of the traffic, as user_windows.sql cuts it.
TRAFFIC_WINDOW_SECONDS = 5
LONGEST_BASELINE = 86_400 // TRAFFIC_WINDOW_SECONDS

Groups = Mapping[str, Mapping[str, str]]


class PropertyError(Exception):
    """A property is missing or wrong: a sentence that names its group and key."""


def read_groups(path: Path) -> Groups:
    """The property groups by their id. Raises PropertyError where the file is missing or is something else."""
    try:
        return {group["PropertyGroupId"]: group["PropertyMap"] for group in json.loads(path.read_text())}
    except FileNotFoundError as error:
        raise PropertyError(
            f"The property groups are missing: there is no file {path}. Managed Flink writes it from the application's "
            "property groups; elsewhere name one in the environment variable APPLICATION_PROPERTIES."
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise PropertyError(
            f"{path} does not hold property groups: a JSON list of objects with PropertyGroupId and PropertyMap."
        ) from error


def text(groups: Groups, group: str, key: str) -> str:
    """The value of a property that has to be there. Raises PropertyError."""
    if group not in groups:
        raise PropertyError(
            f"The property group {group} is missing; the application has {', '.join(groups) or 'none'}."
        )
    value = groups[group].get(key)
    if not value:
        raise PropertyError(f"Property {key} of group {group} is missing; give it a value.")
    return value


def number(groups: Groups, group: str, key: str) -> int:
    value = text(groups, group, key)
    # Nine digits: more seconds or clicks would be a mistake, and SQL's integers end soon after.
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise PropertyError(f"Property {key} of group {group} is {value!r}; give a whole number such as 10.")
    return int(value)


def duration(groups: Groups, group: str, key: str) -> str:
    value = text(groups, group, key)
    if not re.fullmatch(r"[0-9]{1,9} ?(ms|s|min|h)", value):
        raise PropertyError(
            f"Property {key} of group {group} is {value!r}; give a time such as '5 s' (units are ms, s, min and h)."
        )
    return value


def day_to_second(seconds: int) -> str:
    """The text of an interval, whose units Flink allows two digits each."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"{day} {hour:02}:{minute:02}:{second:02}"


def traffic_values(groups: Groups, group: str) -> dict[str, str]:
    """What makes a window of the traffic an alarm."""
    windows, warmup = number(groups, group, "baseline.windows"), number(groups, group, "baseline.warmup")
    if not 1 <= windows <= LONGEST_BASELINE:
        raise PropertyError(
            f"Property baseline.windows of group {group} is '{windows}'; give a number of windows of "
            f"{TRAFFIC_WINDOW_SECONDS} s from 1 up to {LONGEST_BASELINE}, a day's."
        )
    if not 1 <= warmup <= windows:
        raise PropertyError(
            f"Property baseline.warmup of group {group} is '{warmup}'; give a number of windows from 1 up to those of "
            f"baseline.windows, {windows}."
        )
    values = {
        "traffic_minimum": number(groups, group, "traffic.minimum"),
        "new_users_minimum": number(groups, group, "new.users.minimum"),
        "factor": number(groups, group, "traffic.factor"),
        "deviations": number(groups, group, "traffic.deviations"),
        "baseline": day_to_second(windows * TRAFFIC_WINDOW_SECONDS),
        "warmup_seconds": warmup * TRAFFIC_WINDOW_SECONDS,
    }
    return {name: str(value) for name, value in values.items()}


def table_options(groups: Groups, group: str) -> str:
    """A stream's options as the lines of its table's `with`."""
    arn = text(groups, group, "stream.arn")
    if not re.fullmatch(r"arn:[\w-]+:kinesis:[\w-]+:\d{12}:stream/[\w.-]+", arn):
        raise PropertyError(
            f"Property stream.arn of group {group} is {arn!r}; give the ARN of a Kinesis stream, such as "
            "arn:aws:kinesis:us-east-1:123456789012:stream/name."
        )
    text(groups, group, "aws.region")
    options = {key: value for key, value in groups[group].items() if key.startswith(CONNECTOR_OPTIONS)}
    return ",\n    ".join(f"{literal(key)} = {literal(value)}" for key, value in sorted(options.items()))


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def statements(groups: Groups) -> dict[str, str]:
    """All statements by the name of their file, the properties filled in."""
    detection = "Detection"
    seconds = number(groups, detection, "watermark.seconds")
    threshold = number(groups, detection, "early.threshold")
    output = {"options": table_options(groups, "OutputStream0")}
    values = {
        "ecomm_user_activity_stream_1": {
            "watermark_delay": day_to_second(seconds),
            "options": table_options(groups, "InputStream0"),
        },
        "ecomm_user_activity_stream_2": output,
        "ecomm_traffic": output,
        "early_counts": {"early_threshold": str(threshold)},
        "traffic": traffic_values(groups, detection),
    }
    names = TABLES + FUNCTIONS + VIEWS + INSERTS
    return {name: Template((SQL / f"{name}.sql").read_text()).substitute(values.get(name, {})) for name in names}


def submit(groups: Groups) -> None:
    """Declares the tables and hands all that is written to the second stream to the cluster as one job."""
    # Here, so that the statements can be read where there is no Flink.
    from pyflink.table import EnvironmentSettings, TableEnvironment

    rendered = statements(groups)
    idle = duration(groups, "Detection", "idle.timeout")
    environment = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    configuration = environment.get_config()
    configuration.set("table.local-time-zone", "UTC")
    # A shard without clicks would hold back all windows: after this time it is left out of the watermark. So is a task
    # that is merely slow, as after a restart, and its clicks are late then: the time has to outlast such a stall.
    configuration.set("table.exec.source.idle-timeout", idle)
    configuration.set("table.exec.state.ttl", EARLY_COUNT_KEPT)
    for declared in TABLES + FUNCTIONS + VIEWS:
        environment.execute_sql(rendered[declared])
    job = environment.create_statement_set()
    for insert in INSERTS:
        job.add_insert_sql(rendered[insert])
    job.execute()


def main() -> None:
    try:
        groups = read_groups(Path(os.environ.get("APPLICATION_PROPERTIES", PROPERTIES)))
        if sys.argv[1:] == ["--tables"]:
            rendered = statements(groups)
            sys.stdout.write("".join(f"{rendered[table].strip()};\n\n" for table in TABLES))
        else:
            submit(groups)
    except PropertyError as error:
        sys.exit(f"PropertyError: {error}")


if __name__ == "__main__":
    main()
