"""Flink's SQL client on the running cluster (python -m local.flink.sql_client; `make flink-sql`)."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from local.config import HOST, Config
from local.flink import runtime
from local.flink.errors import ApplicationError
from local.flink.rest import Rest, RestError
from local.flink.runtime import Runtime

MAIN = "org.apache.flink.table.client.SqlClient"
SETTINGS = {
    "sql-client.execution.result-mode": "tableau",
    "execution.runtime-mode": "streaming",
    "table.local-time-zone": "UTC",
    "parallelism.default": "1",
}


def prepare(config: Config, tables: str, jar: Path, statements: Path | None) -> tuple[list[str], dict[str, str]]:
    """The client's command and environment. tables: statements to begin with. jar: what these need beside Flink.

    statements: a file to run instead of asking for statements. Raises ApplicationError where it cannot be started.
    """
    found = runtime.find(config)
    try:
        Rest(config.flink_port).get("/overview")
    except RestError as error:
        raise ApplicationError(
            f"No Flink cluster answers on {config.flink_endpoint}: the platform starts it with the first application. "
            "Start the platform (make up) and an application on it, then try again."
        ) from error
    folder = found.folder / "sql-client"
    folder.mkdir(parents=True, exist_ok=True)
    # Settings of its own: with the cluster's it would take the cluster's port for its gateway.
    settings = f"execution.target: remote\nrest.address: {HOST}\nrest.port: {config.flink_port}\n"
    (folder / "config.yaml").write_text(settings)
    begin = folder / "begin.sql"
    begin.write_text("".join(f"SET '{name}' = '{value}';\n" for name, value in SETTINGS.items()) + "\n" + tables)
    arguments = ["embedded", "--init", str(begin), "--jar", str(jar.resolve())]
    arguments += ["--file", str(statements.resolve())] if statements else []
    words = found.command(
        MAIN, "log4j-client.properties", ["-XX:+UseSerialGC", "-Xmx512m"], arguments, _jars(found, config)
    )
    return words, {**found.environment, "FLINK_CONF_DIR": str(folder)}


def _jars(found: Runtime, config: Config) -> list[Path]:
    gateway = sorted((config.environments / "flink" / "sql").glob("flink-sql-gateway-*.jar"))
    if not gateway:
        raise ApplicationError("Flink's SQL gateway is missing; `make flink-sql` brings it.")
    return [
        *(found.home / "opt").glob("flink-sql-client-*.jar"),
        *(found.home / "opt").glob("flink-python-*.jar"),
        *gateway,
    ]


def main() -> None:
    parser = argparse.ArgumentParser("python -m local.flink.sql_client", description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="a file of statements to begin with")
    parser.add_argument("--jar", type=Path, required=True, help="what the tables need beside Flink")
    parser.add_argument("--file", type=Path, help="statements to run; without it the client asks for them")
    given = parser.parse_args()
    try:
        words, environment = prepare(
            Config.from_environment().as_started(), given.tables.read_text(), given.jar, given.file
        )
    except (ApplicationError, OSError) as error:
        sys.exit(str(error))
    os.execvpe(words[0], words, environment)


if __name__ == "__main__":
    main()
