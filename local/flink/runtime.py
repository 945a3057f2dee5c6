"""Where Flink, its Python, Java and the connector are on this machine, and the environment that its processes get."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local import principals
from local.config import HOST, Config
from local.flink.errors import ApplicationError

SETTINGS = Path(__file__).resolve().parent

# The user's own Flink, Python, Java options and AWS set-up would lead a run elsewhere.
_FOREIGN = ("AWS_", "FLINK_", "PYFLINK_", "PYTHON", "HADOOP_", "VIRTUAL_ENV", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")


@dataclass(frozen=True)
class Runtime:
    """home: Flink's folder within the environment. connector: the cluster's, beside Flink's own jars.
    folder: where the cluster's settings and state lie."""

    home: Path
    python: Path
    java: str
    connector: Path
    folder: Path
    environment: dict[str, str]

    @property
    def settings(self) -> Path:
        return self.folder / "conf"

    def command(
        self,
        main: str,
        log_settings: str,
        options: Sequence[str],
        arguments: Sequence[str],
        more_jars: Sequence[Path] = (),
    ) -> list[str]:
        """A Java program of Flink's; its own scripts start more of them only to read the settings, 5 s each time."""
        return [
            self.java,
            *self._module_options(),
            *options,
            f"-Dlog4j.configurationFile={(SETTINGS / log_settings).as_uri()}",
            "-classpath",
            os.pathsep.join(map(str, [*sorted((self.home / "lib").glob("*.jar")), self.connector, *more_jars])),
            main,
            *arguments,
        ]

    def _module_options(self) -> list[str]:
        """The parts of Java that Flink has to be let into, from its own settings."""
        lines = (self.home / "conf" / "config.yaml").read_text().splitlines()
        return next(line.split()[1:] for line in lines if line.strip().startswith("all: --add-exports"))


def address(path: Path) -> str:
    """Of a file or folder as Flink takes it: as it is, since it would take an escaped blank for three letters."""
    return f"file://{path}"


def find(config: Config) -> Runtime:
    """What `make setup` has installed. Raises ApplicationError naming what is missing."""
    environment = config.environments / "flink"
    home = next(environment.glob("lib/python*/site-packages/pyflink"), None)
    if home is None:
        raise ApplicationError(f"Flink's environment is missing in {environment}; run make setup.")
    java_home = os.environ.get("JAVA_HOME")
    java = shutil.which(Path(java_home, "bin", "java")) if java_home else shutil.which("java")
    if not java:
        where = f"JAVA_HOME={java_home} holds no Java" if java_home else "No java is on the PATH"
        raise ApplicationError(f"{where}; Flink needs Java 17 (Debian: apt install openjdk-17-jre-headless).")
    given = os.environ.get("FLINK_KINESIS_CONNECTOR")
    connector = Path(given).resolve() if given else environment / "connector" / "flink-connector-kinesis.jar"
    if not connector.is_file():
        told = "FLINK_KINESIS_CONNECTOR names" if given else "make setup builds it;"
        raise ApplicationError(f"Flink's Kinesis connector is missing: {told} {connector}, where there is no file.")
    folder = config.var / "aws" / "flink"
    return Runtime(home, environment / "bin" / "python", java, connector, folder, _environment(config, home, folder))


def _environment(config: Config, home: Path, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    direct = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), HOST]))
    return kept | {
        # The connector finds the platform as it would find AWS: in its environment.
        "AWS_ENDPOINT_URL": config.endpoint,
        "AWS_ACCESS_KEY_ID": principals.FLINK,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        # The AWS SDK's binary form of Kinesis' protocol, which the platform does not speak.
        "CBOR_ENABLED": "false",
        "FLINK_HOME": str(home),
        "FLINK_LIB_DIR": str(home / "lib"),
        "FLINK_OPT_DIR": str(home / "opt"),
        "FLINK_BIN_DIR": str(home / "bin"),
        "FLINK_PLUGINS_DIR": str(home / "plugins"),
        "FLINK_CONF_DIR": str(folder / "conf"),
        "PATH": os.pathsep.join([str(config.environments / "flink" / "bin"), kept.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPYCACHEPREFIX": str(config.environments / "pycache"),
        "NO_PROXY": direct,
        "no_proxy": direct,
    }
