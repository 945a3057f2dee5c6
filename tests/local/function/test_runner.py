"""What the platform says where a function cannot be started at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

from local.clients import factory
from local.cloudwatch_meter import Meter
from local.config import Config
from local.function.runner import UNITS, Runner
from local.function.settings import Function
from tests.conftest import Platform
from tests.local.function.conftest import zipped


def test_a_missing_runtime_is_an_error_that_says_what_to_do(platform: Platform, tmp_path: Path) -> None:
    config = Config(1, 2, tmp_path, "us-east-1", environments=tmp_path / "none")
    clients = factory(platform.endpoint, "us-east-1")
    meter = Meter(lambda: clients("cloudwatch"), "AWS/Lambda", "FunctionName", UNITS)
    runner = Runner(config, clients, meter)
    content = zipped("def handle(event, context): return 1")
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    code = hashlib.sha256(content).hexdigest()
    function = Function(arn, "$LATEST", "handler.handle", 128, 3, (), code, "/aws/lambda/f")
    outcome = runner.invoke(function, arn, content, b"{}", None)
    assert outcome.error == "Unhandled"
    assert "`make setup` installs it" in outcome.answer["errorMessage"]
    runner.close()
    meter.close()
