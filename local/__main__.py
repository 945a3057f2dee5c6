"""The commands of the platform: python -m local up|down|status|logs."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from local import deaths
from local.config import Config
from local.processes import Service, ServiceError, refuse_taken_ports, wait_until_ready
from local.services import services

DESCRIPTION = (
    "Starts and stops the AWS of this machine and its Airflow. State is kept in a folder over stops and kills."
)
EPILOG = """\
services: platform (the AWS API and its engines), airflow; without a name, both

environment:
  LOCAL_AWS_PORT      port of the AWS API (4566)
  AIRFLOW_PORT        port of Airflow's UI and API (8080)
  FLINK_PORT          port of Flink's UI, once an application was started (8081)
  LOCAL_VAR           folder of all state and logs (var); one instance a folder, side by side with own ports
  AWS_DEFAULT_REGION  the region that is served (us-east-1)
  LOCAL_ENVIRONMENTS  folder of the Python environments (.venv)
  LOCAL_DAGS, LOCAL_PLUGINS
                      folders that Airflow serves (dags, plugins)
"""


def main(words: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    config = Config.from_environment()
    if arguments.command is not up:
        config = config.as_started()
    try:
        chosen = _chosen(services(config), arguments.services)
        return int(arguments.command(config, chosen, arguments))
    except ServiceError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has what it wanted (head); Python would complain once more when it closes the output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def up(config: Config, chosen: Sequence[Service], arguments: argparse.Namespace) -> int:
    with _only_command(config):
        begun = time.time()
        _refuse_other_ports(config)
        dead = [service for service in chosen if service.process() is None]
        for service in dead:
            if service.started():
                _say(f"{deaths.why(service)} It is started again.")
            service.end_leftovers()
        refuse_taken_ports(dead, config.ports.values())
        config.note_ports()
        waiting = []
        for service in chosen:
            process = service.process()
            if process is None:
                service.start()
                waiting.append(service)
                continue
            _say(f"{service.name} is already up: {service.url} (process {process.pid})")
            if service.waiting_for(process.create_time()) is not None:
                waiting.append(service)
        wait_until_ready(waiting, Progress(begun).show)
    return 0


def _refuse_other_ports(config: Config) -> None:
    """What runs in the folder runs on the ports that it was started with, and its parts know each other by them."""
    running = [service.name for service in services(config) if service.process()]
    started = config.as_started().ports
    others = [f"{name}={started[name]} (not {port})" for name, port in config.ports.items() if port != started[name]]
    if running and others:
        raise ServiceError(
            f"{config.var} is in use by {' and '.join(running)}, with {', '.join(others)}. "
            "Stop that first (make down), or give this one a folder of its own: LOCAL_VAR=<folder>."
        )


def down(config: Config, chosen: Sequence[Service], arguments: argparse.Namespace) -> int:
    with _only_command(config):
        for service in reversed(chosen):
            begun = time.monotonic()
            count = service.stop()
            if count:
                plural = "es" if count > 1 else ""
                _say(f"{service.name} stopped: {count} process{plural} in {time.monotonic() - begun:.1f} s")
            else:
                _say(f"{service.name} was not running")
    return 0


def status(config: Config, chosen: Sequence[Service], arguments: argparse.Namespace) -> int:
    """0 when all run, 1 when not."""
    rows = [("SERVICE", "STATE", "PID", "UP", "URL", "LOG")]
    all_run = True
    for service in chosen:
        process = service.process()
        if process is None:
            state = "died" if service.started() else "stopped"
            rows.append((service.name, state, "-", "-", "-", _short(service.log)))
            all_run = False
            continue
        reason = service.waiting_for(process.create_time())
        all_run &= reason is None
        age = _duration(time.time() - process.create_time())
        rows.append((service.name, reason or "running", str(process.pid), age, service.url, _short(service.log)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for service in chosen:
        if service.started() and service.process() is None:
            _say(deaths.why(service))
    return 0 if all_run else 1


def logs(config: Config, chosen: Sequence[Service], arguments: argparse.Namespace) -> int:
    files = [file for service in chosen for file in service.logs]
    positions = {}
    for file in files:
        content = file.read_bytes()
        positions[file] = len(content)
        lines = content.decode(errors="replace").splitlines()[-arguments.lines :]
        _say(f"==> {_short(file)} <==")
        _say("\n".join(lines) + "\n")
    while arguments.follow:
        time.sleep(0.3)
        for file in [file for service in chosen for file in service.logs]:
            start = positions.get(file, 0)
            size = file.stat().st_size
            with file.open("rb") as opened:
                opened.seek(start if size >= start else 0)
                content = opened.read()
                positions[file] = opened.tell()
            for line in content.decode(errors="replace").splitlines():
                _say(f"{file.stem} | {line}")
    return 0


class Progress:
    """A line a service: what it waits for while it starts (on a terminal), and its seconds once it is ready."""

    def __init__(self, begun: float) -> None:
        self._begun = begun
        self._on_terminal = sys.stdout.isatty()
        self._waiting: dict[str, str] = {}

    def show(self, service: Service, reason: str | None) -> None:
        seconds = time.time() - self._begun
        if reason is None:
            self._waiting.pop(service.name, None)
            self._clear()
            _say(f"{service.name} is ready after {seconds:.1f} s: {service.url} (log {_short(service.log)})")
        elif service.name not in self._waiting and not self._on_terminal:
            _say(f"{service.name} starts")
        if reason is not None:
            self._waiting[service.name] = reason
        if self._on_terminal and self._waiting:
            self._clear()
            texts = "; ".join(f"{name}: {text}" for name, text in self._waiting.items())
            # A line that wraps cannot be taken back.
            width = shutil.get_terminal_size().columns - 1
            sys.stdout.write(f"{seconds:4.0f} s  {texts}"[:width])
            sys.stdout.flush()

    def _clear(self) -> None:
        if self._on_terminal:
            sys.stdout.write("\r\x1b[K")


@contextmanager
def _only_command(config: Config) -> Iterator[None]:
    """One `up` or `down` of a folder at a time; another one waits here."""
    for folder in (config.run, config.logs):
        folder.mkdir(parents=True, exist_ok=True)
    with (config.run / "command.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"Waiting for another up or down of {_short(config.var)}.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _chosen(known: Sequence[Service], names: Sequence[str]) -> list[Service]:
    unknown = set(names) - {service.name for service in known}
    if unknown:
        raise ServiceError(
            f"There is no service {', '.join(sorted(unknown))}: give platform, airflow or nothing for both."
        )
    return [service for service in known if not names or service.name in names]


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m local", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    commands = parser.add_subparsers(required=True, metavar="up|down|status|logs")
    for command, text in (
        (up, "start what is not up, and wait until it answers"),
        (down, "stop what up has started, with all that it started; state is kept"),
        (status, "say what runs, where, since when (exit status 1 when something does not)"),
        (logs, "show the end of the logs"),
    ):
        one = commands.add_parser(
            command.__name__, help=text, description=text, epilog=EPILOG, formatter_class=formatter
        )
        one.add_argument("services", nargs="*", metavar="SERVICE", help="platform or airflow; both without")
        one.set_defaults(command=command)
        if command is logs:
            one.add_argument("-f", "--follow", action="store_true", help="go on showing what is added, until Ctrl-C")
            one.add_argument("-n", "--lines", type=int, default=30, help="lines of each log (%(default)s)")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s"


if __name__ == "__main__":
    sys.exit(main())
