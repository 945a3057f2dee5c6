"""The command line and environment of a run: spark-submit with the settings that take S3 from the local platform."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import principals
from local.config import HOST, Config
from local.glue_job.arguments import Arguments, JobError
from local.objects import BucketNotFoundError, find_object, list_objects, split_uri

SETTINGS = Path(__file__).resolve().parent.parent / "spark"
# Half of a short run is Java compiling itself. Measured on 2 cores: 17 thousand rows take 20 s of processor time with
# the simple compiler alone and 34 with both; from a million rows on the optimising one gains, sooner where it is kept
# to what is hot (41 s against 53 with the simple one alone and 53 with the thresholds as they come).
SHORT_RUN_BYTES = 64_000_000
_SHORT_RUN = ["-XX:TieredStopAtLevel=1"]
_LONG_RUN = [
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
]
_VERSION = re.compile(r"-\d[\w.]*$")
# The user's own Spark, Python and AWS set-up would lead a run elsewhere.
_FOREIGN = ("AWS_", "SPARK_", "PYSPARK_", "PYTHON", "HADOOP_", "VIRTUAL_ENV", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")


@dataclass(frozen=True)
class Command:
    """words: the program and its arguments. folder: the run's own, with its script, and its working directory."""

    words: list[str]
    environment: dict[str, str]
    folder: Path


def prepare(config: Config, job: Mapping[str, Any], run: Mapping[str, Any], arguments: Arguments) -> Command:
    """Brings the script and its files into the run's folder and builds its command.

    Raises JobError where something is missing: the script, Spark, Java, or support for the job's kind.
    """
    kind = job.get("Command", {}).get("Name", "glueetl")
    if kind not in ("glueetl", "gluestreaming", "pythonshell"):
        raise JobError(
            f"The local platform runs glueetl, gluestreaming and pythonshell jobs; {job['Name']} is of kind {kind!r}."
        )
    folder = config.var / "aws" / "glue" / "runs" / run["Id"]
    folder.mkdir(parents=True, exist_ok=True)
    script = _fetch(job.get("Command", {}).get("ScriptLocation", ""), folder, f"The script of job {job['Name']}")
    for location in arguments.files:
        _fetch(location, folder, f"The file of --extra-files {location}")
    modules = [_fetch(uri, folder, f"The file of --extra-py-files {uri}") for uri in arguments.python_files]
    runtime = _spark_environment(config)
    python = str(runtime / "bin" / "python")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)},
        "AWS_ENDPOINT_URL": config.endpoint,
        "AWS_ACCESS_KEY_ID": principals.of_role(job.get("Role")),
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": config.region,
        "AWS_REGION": config.region,
        "PYTHONUNBUFFERED": "1",
    }
    if kind == "pythonshell":
        environment["PYTHONPATH"] = os.pathsep.join(map(str, modules))
        return Command([python, str(script), *arguments.script], environment, folder)
    jars = [_fetch(uri, folder, f"The jar of --extra-jars {uri}") for uri in arguments.jars]
    home = _spark_home(runtime)
    _require_java()
    environment |= {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_DIRS": str(folder),
        "SPARK_LOCAL_IP": HOST,
        "PYSPARK_PYTHON": python,
    }
    settings = {
        **_overridable(config, run, arguments, _s3a_jars(runtime, home)),
        **_pairs(arguments.configurations),
        **_fixed(config, folder, principals.of_role(job.get("Role"))),
    }
    words = [str(home / "bin" / "spark-submit"), "--properties-file", str(SETTINGS / "spark-defaults.conf")]
    words += [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    for option, files in (("--py-files", modules), ("--jars", jars)):
        if files:
            words += [option, ",".join(map(str, files))]
    return Command([*words, str(script), *arguments.script], environment, folder)


def _overridable(config: Config, run: Mapping[str, Any], arguments: Arguments, jars: list[Path]) -> dict[str, str]:
    """What a job's --conf may change."""
    cores = max(1, min(int(run.get("NumberOfWorkers") or 1), os.cpu_count() or 1))
    java = [f"-Dlog4j2.configurationFile={(SETTINGS / 'log4j2.properties').as_uri()}"]
    java += _SHORT_RUN if _input_bytes(arguments) < SHORT_RUN_BYTES else _LONG_RUN
    if cores <= 2:
        java.append("-XX:+UseSerialGC")
    return {
        "spark.master": f"local[{cores}]",
        "spark.driver.extraClassPath": os.pathsep.join(map(str, jars)),
        "spark.driver.extraJavaOptions": " ".join(java),
        "spark.hadoop.fs.s3a.endpoint.region": config.region,
    }


def _input_bytes(arguments: Arguments) -> int:
    """All that lies under the S3 locations among the script's arguments: a bound of what it may read."""
    size = 0
    for word in arguments.script:
        if word.startswith("s3://"):
            with contextlib.suppress(BucketNotFoundError, ValueError):
                size += sum(found.size for found in list_objects(*split_uri(word)))
    return size


def _fixed(config: Config, folder: Path, principal: str) -> dict[str, str]:
    """What keeps a run on this machine, whatever the job says."""
    return {
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.hadoop.fs.s3a.endpoint": config.endpoint,
        "spark.hadoop.fs.s3a.access.key": principal,
        "spark.hadoop.hadoop.tmp.dir": str(folder / "hadoop"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }


def _pairs(configurations: list[str]) -> dict[str, str]:
    pairs = {}
    for text in configurations:
        name, separator, value = text.partition("=")
        if not separator:
            raise JobError(f"--conf {text!r} is not of the form key=value.")
        pairs[name.strip()] = value.strip()
    return pairs


def _s3a_jars(runtime: Path, home: Path) -> list[Path]:
    """S3A's jars without those that Spark has itself: an older netty or slf4j before Spark's own breaks Spark."""
    present = {_VERSION.sub("", jar.stem) for jar in (home / "jars").glob("*.jar")}
    jars = sorted((runtime / "jars").glob("*.jar"))
    if not jars:
        raise JobError(f"Spark's S3A jars are missing in {runtime / 'jars'}; run make setup.")
    return [jar for jar in jars if _VERSION.sub("", jar.stem) not in present]


def _spark_environment(config: Config) -> Path:
    runtime = config.environments / "spark"
    if not (runtime / "bin" / "python").exists():
        raise JobError(f"Spark's environment is missing in {runtime}; run make setup.")
    return runtime


def _spark_home(runtime: Path) -> Path:
    found = next(runtime.glob("lib/python*/site-packages/pyspark/bin/spark-submit"), None)
    if found is None:
        raise JobError(f"Spark is missing in {runtime}; run make setup.")
    return found.parent.parent


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else shutil.which("java")
    if not java or not Path(java).exists():
        where = f"JAVA_HOME={home} holds no Java" if home else "No java is on the PATH"
        raise JobError(f"{where}; Spark needs Java 17 (Debian: apt install openjdk-17-jre-headless).")


def _fetch(location: str, folder: Path, what: str) -> Path:
    """A copy of one object in the run's folder, so that a later upload does not change a run."""
    try:
        found = find_object(location)
    except (BucketNotFoundError, ValueError) as error:
        raise JobError(f"{what} cannot be read from {location!r}: {error}") from error
    if found is None:
        raise JobError(f"{what} is missing: there is no object {location}; upload it.")
    return Path(shutil.copyfile(found.path, folder / Path(found.key).name))
