"""This machine's AWS and Airflow: where they are, and the commands that start them and deploy the stacks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo import DemoError
from demo.progress import Progress
from local.config import HOST, ROOT, Config
from local.services import services

POLL_SECONDS = 0.1
LOG_LINES = 30
# Who watches does not want to wait the minute that Firehose gathers by default.
ARCHIVE_BUFFER = "streaming.ArchiveBufferSeconds=15"
# Gets the alerts; the local AWS keeps its mails in var/mail/.
OPERATOR = "operator@example.com"
# Of failures and of CloudWatch's alarms; a mailbox of its own, so that the alerts are seen.
OPERATIONS = "operations@example.com"
PARAMETERS = (
    *("--parameter", ARCHIVE_BUFFER),
    *("--parameter", f"detection.AlertEmail={OPERATOR}"),
    *("--parameter", f"streaming.OperatorEmail={OPERATIONS}"),
)


@dataclass(frozen=True)
class Machine:
    """The local platform and the stage of the stacks on it."""

    stage: str
    config: Config

    @property
    def deployment(self) -> Path:
        """The outputs of the stacks, as the deploy command writes them."""
        return self.config.var / "deploy" / f"{self.stage}.json"

    def enter(self) -> None:
        """Turns this process, and all that it starts, to the local platform, with no key or profile of the user's."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        # A proxy of the user's network knows nothing of this machine.
        proxied = os.environ.get("NO_PROXY") or os.environ.get("no_proxy", "")
        direct = ",".join(filter(None, [proxied, HOST]))
        os.environ.update(
            AWS_ENDPOINT_URL=self.config.endpoint,
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",
            AWS_DEFAULT_REGION=self.config.region,
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            AWS_EC2_METADATA_DISABLED="true",
            # The older rules raise what they repeat no more, before demo.watch is asked.
            AWS_RETRY_MODE="standard",
            NO_PROXY=direct,
            no_proxy=direct,
            ECOMM_STAGE=self.stage,
            ECOMM_DEPLOYMENT=str(self.deployment),
            ECOMM_CONSOLE=f"{self.config.endpoint}/_local/console",
        )

    def start_and_deploy(self, progress: Progress) -> None:
        """Starts what is not up and deploys meanwhile: the stacks need the AWS API, which is up long before Airflow.

        Raises DemoError with the end of its output where a command fails.
        """
        up = Command("up", [str(ROOT / ".venv/local/bin/python"), "-m", "local", "up"], self.config.logs)
        deploy: Command | None = None
        with progress.waiting("starting the local AWS and Airflow, deploying the stacks"):
            while up.running or deploy is None or deploy.running:
                if deploy is None and self._answers():
                    words = [sys.executable, "-m", "infra.deploy", "--stage", self.stage, "--yes"]
                    words += ["--outputs", str(self.deployment), *PARAMETERS]
                    deploy = Command("deploy", words, self.config.logs)
                for command, what in ((up, "the local AWS and Airflow are up"), (deploy, "the stacks are deployed")):
                    if command is not None and command.has_ended():
                        progress.seconds[command.name] = command.seconds
                        progress.done(what, command.seconds)
                if deploy is None and not up.running and not self._answers():
                    raise DemoError(
                        f"The local AWS was started but does not answer at {self.config.endpoint}; see `make logs`."
                    )
                time.sleep(POLL_SECONDS)

    def _answers(self) -> bool:
        """Whether the AWS of this folder is up; the one of another folder on the same port is nothing to deploy to."""
        platform = services(self.config)[0]
        process = platform.process() if self.config.as_started() == self.config else None
        return process is not None and platform.waiting_for(process.create_time()) is None


class Command:
    """A command at work, with its output in a file of var/log; Ctrl-C at the demo does not reach it."""

    def __init__(self, name: str, words: Sequence[str], logs: Path) -> None:
        self.name = name
        self.running = True
        self.seconds = 0.0
        self._words = words
        logs.mkdir(parents=True, exist_ok=True)
        self._log = logs / f"demo-{name}.log"
        self._started = time.monotonic()
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                words, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def wait(self) -> None:
        """Until it has ended well; raises DemoError when it failed."""
        while not self.has_ended():
            time.sleep(POLL_SECONDS)

    def has_ended(self) -> bool:
        """True once, when it has ended well; raises DemoError when it failed."""
        if not self.running or self._process.poll() is None:
            return False
        self.running = False
        self.seconds = time.monotonic() - self._started
        if self._process.returncode:
            end = "\n".join(self._log.read_text(errors="replace").splitlines()[-LOG_LINES:])
            raise DemoError(f"`{' '.join(self._words)}` failed:\n\n{end}\n\nAll of it is in {self._log}.")
        return True
