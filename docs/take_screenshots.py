"""Takes the pictures of the documentation: each DAG's pages in Airflow, Flink's page, and what the demo reported.

Run it after the demo: make screenshots. All pictures go to var/screenshots/, to be looked at; those that the
documentation shows go to docs/images/ too. A DAG that never ran is run once, so that there is something to see.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from demo import DemoError
from demo.airflow_api import Airflow
from demo.follow import follow
from demo.machine import Machine
from demo.progress import Progress, make_console
from local.config import ROOT, Config

IMAGES = ROOT / "docs" / "images"
DAGS = sorted(path.stem for path in (ROOT / "dags").glob("*.py"))
UPLOAD, BATCH = "ecomm_dataset_upload", "ecomm_batch_kpis"
DRILL, START, STOP = "ecomm_streaming_drill", "ecomm_streaming_start", "ecomm_streaming_stop"
# What the demo does not run, in an order in which each has what it needs.
BESIDE_THE_DEMO = (DRILL, "ecomm_archive_to_curated", STOP)
CONFIGURATIONS = {"ecomm_archive_to_curated": {"day": f"{datetime.now(UTC):%Y-%m-%d}"}}
# A file that nobody has, so that a task fails with its sentence.
FAILING, FAILED_TASK = {"sources": ["/data/2019-Oct.csv.zip"]}, "check_sources"
# Those that the documentation shows.
KEPT = (f"{BATCH}-graph", f"{DRILL}-graph", f"{UPLOAD}-form", "flink", "report")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Root has no sandbox; the others keep the browser from looking for its maker's servers.
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FLAGS += " --disable-component-update --disable-sync"
# As tall as the longest form; pictures are cut to what they show.
WIDTH, HEIGHT, SCALE = 1280, 1200, 1.5
DIALOG = '{"width": 900, "height": 720}'
COLORS = 64
PATIENCE_SECONDS = 60


# x, y, width, height.
Box = Any


class Camera:
    """Takes pictures of one page of a browser into a folder."""

    def __init__(self, page: Page, folder: Path, progress: Progress) -> None:
        self.page = page
        self._folder = folder
        self._progress = progress

    def open(self, url: str, shows: str) -> None:
        """Goes there and waits until the first element of the selector `shows` is in sight."""
        self.page.goto(url)
        self.page.locator(shows).first.wait_for()

    def take(self, name: str, *shown: Box, air: float = 0) -> None:
        """Waits until the page is at rest and takes `<name>.png`: of all of it, or of what is `shown`."""
        self.page.wait_for_load_state("networkidle")
        clip: Any = _around(shown, air) if shown else None
        self.page.screenshot(path=self._folder / f"{name}.png", animations="disabled", full_page=bool(shown), clip=clip)
        self._progress.done(f"{name}.png")

    def boxes(self, selector: str) -> list[Box]:
        """Where the elements are, in pixels of the page."""
        return [box for one in self.page.locator(selector).all() if (box := one.bounding_box())]


def _around(boxes: Sequence[Box], air: float) -> Box:
    """The rectangle with all of them, and so many pixels around."""
    left, top = (max(0, min(box[side] for box in boxes) - air) for side in ("x", "y"))
    right, bottom = (max(box[a] + box[b] for box in boxes) + air for a, b in (("x", "width"), ("y", "height")))
    return {"x": left, "y": top, "width": min(right, WIDTH) - left, "height": bottom - top}


@contextmanager
def camera(folder: Path, progress: Progress) -> Iterator[Camera]:
    """A browser's page of its own; raises DemoError where there is no browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise DemoError("No Chromium was found. On Debian: apt-get install chromium; on macOS: brew install chromium.")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser, args=FLAGS.split())
        viewport: Any = {"width": WIDTH, "height": HEIGHT}
        page = running.new_page(viewport=viewport, device_scale_factor=SCALE, color_scheme="light", timezone_id="UTC")
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        yield Camera(page, folder, progress)
        running.close()


def run_once(airflow: Airflow, dag_id: str, configuration: dict[str, Any], progress: Progress) -> str:
    """Runs the DAG and gives the run's id; raises DemoError where it fails."""
    run_id = f"manual__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    airflow.unpause(dag_id)
    airflow.trigger(dag_id, run_id, configuration)
    follow(airflow, dag_id, run_id, progress)
    return run_id


def take_dag(camera: Camera, airflow: Airflow, dag_id: str, run_id: str) -> None:
    """The DAG's grid and graph with this run, the form that starts it, and its documentation."""
    url = f"{airflow.url}/dags/{dag_id}"
    run = f"{url}/runs/{quote(run_id)}"
    camera.open(run, "[data-testid^=task-]")
    camera.take(f"{dag_id}-grid")
    camera.page.get_by_title("Show Graph").click()
    camera.page.get_by_label("Collapse Details Panel").click()
    camera.page.locator(".react-flow__node").first.wait_for()
    camera.page.get_by_title("Fit View").click()
    camera.take(f"{dag_id}-graph", *camera.boxes(".react-flow__node"), air=24)
    camera.page.get_by_title("Show Grid").click()
    camera.page.get_by_label("Details Panel").click()
    camera.page.evaluate(f"localStorage.setItem('airflow-markdown-dialog-size', '{DIALOG}')")
    camera.open(url, "[data-testid=trigger-dag-button]")
    camera.page.get_by_title("Dag Docs").click()
    camera.page.locator("[role=dialog] h3").wait_for()
    camera.take(f"{dag_id}-docs", *camera.boxes("[role=dialog]"))
    camera.page.keyboard.press("Escape")
    camera.page.get_by_test_id("trigger-dag-button").click()
    camera.page.get_by_test_id("trigger-dag-submit").wait_for()
    camera.take(f"{dag_id}-form", *camera.boxes("[role=dialog]"))


def take_failure(camera: Camera, airflow: Airflow, progress: Progress) -> None:
    """The log of a task that fails."""
    with suppress(DemoError):
        run_once(airflow, UPLOAD, FAILING, progress)
    run_id = airflow.latest_run(UPLOAD, "failed")
    camera.open(f"{airflow.url}/dags/{UPLOAD}/runs/{quote(str(run_id))}/tasks/{FAILED_TASK}", "text=DataError")
    camera.take(f"{UPLOAD}-failure")


def take_flink(camera: Camera, url: str) -> None:
    """The running job in Flink's own UI."""
    camera.open(f"{url}/#/job/running", "text=RUNNING")
    camera.page.get_by_role("cell", name="ecomm-user-activity-counts").first.click()
    camera.page.locator("flink-dagre .node").first.wait_for()
    camera.take("flink")


def take_report(camera: Camera, page: Path) -> None:
    """What the demo reported."""
    if not page.exists():
        raise DemoError(f"There is no {page}; run the demo first: make demo.")
    camera.open(page.as_uri(), "pre")
    (whole,), (scans, *_), (stream, *_) = (
        camera.boxes(selector) for selector in ("pre", "span:text('What Athena read')", "span:text('Actions per user')")
    )
    camera.take("report", {**whole, "height": scans["y"] - whole["y"]})
    camera.take("mail", {**whole, "y": stream["y"], "height": whole["y"] + whole["height"] - stream["y"]})


def keep(folder: Path) -> None:
    """The pictures of the documentation, in as few bytes as their colors need."""
    IMAGES.mkdir(exist_ok=True)
    for name in KEPT:
        with Image.open(folder / f"{name}.png") as image:
            image.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


def take_all(machine: Machine, progress: Progress) -> None:
    airflow = Airflow(machine.config.airflow_endpoint, ROOT / "dags")
    folder = machine.config.var / "screenshots"
    with camera(folder, progress) as taking:
        take_report(taking, machine.config.var / "demo" / "report.html")
        take_flink(taking, machine.config.flink_endpoint)
        take_failure(taking, airflow, progress)
        for dag_id in BESIDE_THE_DEMO:
            if airflow.latest_run(dag_id, "success") is None:
                run_once(airflow, dag_id, CONFIGURATIONS.get(dag_id, {}), progress)
                if dag_id == STOP:
                    run_once(airflow, START, {}, progress)
        for dag_id in DAGS:
            run_id = airflow.latest_run(dag_id, "success")
            if run_id is None:
                raise DemoError(f"{dag_id} has no run that ended well; run the demo first: make demo.")
            take_dag(taking, airflow, dag_id, run_id)
    keep(folder)


def main() -> int:
    progress = Progress(make_console())
    try:
        take_all(Machine(os.environ.get("STAGE", "dev"), Config.from_environment().as_started()), progress)
    except DemoError as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
