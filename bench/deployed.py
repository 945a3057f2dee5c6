"""The stacks, deployed to the benchmark's platform by the command that a person would use."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3

from bench.report import ROOT


@dataclass(frozen=True)
class Deployed:
    """names: what `ecomm.settings` reads. function_environment: the variables of the detection's function."""

    names: dict[str, str]
    function_environment: dict[str, str]


def deploy(parameters: Mapping[str, str]) -> Deployed:
    """parameters: by STACK.KEY. Raises RuntimeError with the command's output where it fails."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        outputs = Path(folder) / "settings.json"
        command = [sys.executable, "-m", "infra.deploy", "--yes", "--outputs", str(outputs)]
        for key, value in parameters.items():
            command += ["--parameter", f"{key}={value}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"The stacks were not deployed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        names: dict[str, str] = json.loads(outputs.read_text())
    configuration = boto3.client("lambda").get_function_configuration(FunctionName=names["detection_function"])
    return Deployed(names, configuration["Environment"]["Variables"])
