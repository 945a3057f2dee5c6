"""DataBrew's API of datasets, profile jobs and runs. Recipes, projects, rulesets and schedules are refused."""

from __future__ import annotations

import copy
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from local.api_errors import ApiError, not_found
from local.api_model import check
from local.databrew import source
from local.databrew.configuration import Configuration
from local.databrew.engine import ACTIVE, ProfileEngine

Record = dict[str, Any]
FULL, CUSTOM = "FULL_DATASET", "CUSTOM_ROWS"
DEFAULT_SAMPLE = {"Mode": CUSTOM, "Size": 20_000}
DEFAULT_TIMEOUT = 2880
_PAGE = 100
_JOB_SETTINGS = (
    "RoleArn",
    "EncryptionMode",
    "EncryptionKeyArn",
    "LogSubscription",
    "MaxCapacity",
    "MaxRetries",
    "Timeout",
)
# What a run shows of its job.
_RUN_SETTINGS = ("DatasetName", "JobSample", "LogSubscription", "ProfileConfiguration")


class Scope(NamedTuple):
    """Whose things a request sees."""

    account: str
    region: str

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:databrew:{self.region}:{self.account}:{kind}/{name}"

    @property
    def root(self) -> str:
        return f"arn:aws:iam::{self.account}:root"


@dataclass
class Shelf:
    """What one scope has, by name; the runs of a job from the oldest to the newest."""

    datasets: dict[str, Record] = field(default_factory=dict)
    jobs: dict[str, Record] = field(default_factory=dict)
    runs: dict[str, list[Record]] = field(default_factory=dict)


class DataBrewService:
    """Answers requests and keeps the records; the engine ends them."""

    def __init__(self, engine: ProfileEngine) -> None:
        self._engine = engine
        self._shelves: dict[Scope, Shelf] = {}
        self._operations: dict[str, Callable[[Scope, Shelf, Record], Record]] = {
            "CreateDataset": self._create_dataset,
            "UpdateDataset": self._update_dataset,
            "DeleteDataset": self._delete_dataset,
            "DescribeDataset": lambda scope, shelf, data: _found(shelf.datasets, "Dataset", data["Name"]),
            "ListDatasets": lambda scope, shelf, data: _page("Datasets", list(shelf.datasets.values()), data),
            "CreateProfileJob": self._create_job,
            "UpdateProfileJob": self._update_job,
            "DeleteJob": self._delete_job,
            "DescribeJob": lambda scope, shelf, data: _found(shelf.jobs, "Job", data["Name"]),
            "ListJobs": self._list_jobs,
            "StartJobRun": self._start_run,
            "StopJobRun": self._stop_run,
            "DescribeJobRun": lambda scope, shelf, data: _run(shelf, data),
            "ListJobRuns": self._list_runs,
        }

    def answer(self, action: str, scope: Scope, data: Record) -> Record:
        """What DataBrew answers. Raises ApiError."""
        operation = self._operations.get(action)
        if operation is None:
            raise _invalid(f"{action} is not part of the local platform, which has datasets and profile jobs.")
        check("databrew", action, data)
        return operation(scope, self._shelves.setdefault(scope, Shelf()), data)

    def state(self) -> list[Record]:
        """A copy of all records, for `restore`."""
        return [
            {**scope._asdict(), **{name: copy.deepcopy(value) for name, value in vars(shelf).items()}}
            for scope, shelf in list(self._shelves.items())
        ]

    def restore(self, state: list[Record]) -> None:
        """Takes over the records of an earlier platform; runs that it left are failed."""
        for saved in state:
            shelf = Shelf(saved["datasets"], saved["jobs"], saved["runs"])
            self._shelves[Scope(saved["account"], saved["region"])] = shelf
            for run in (run for runs in shelf.runs.values() for run in runs):
                ProfileEngine.fail_interrupted(run)

    def _create_dataset(self, scope: Scope, shelf: Shelf, data: Record) -> Record:
        name = data["Name"]
        if name in shelf.datasets:
            raise _conflict(f"The dataset {name} already exists.")
        source.check(data)
        shelf.datasets[name] = {
            **_created(scope),
            "ResourceArn": scope.arn("dataset", name),
            "Source": "S3",
            "Tags": {},
            **data,
        }
        return {"Name": name}

    def _update_dataset(self, scope: Scope, shelf: Shelf, data: Record) -> Record:
        dataset = _found(shelf.datasets, "Dataset", data["Name"])
        source.check(data)
        for gone in ("Format", "FormatOptions", "PathOptions"):
            dataset.pop(gone, None)
        dataset.update(data, **_modified(scope))
        return {"Name": data["Name"]}

    def _delete_dataset(self, scope: Scope, shelf: Shelf, data: Record) -> Record:
        _found(shelf.datasets, "Dataset", data["Name"])
        if users := [job["Name"] for job in shelf.jobs.values() if job["DatasetName"] == data["Name"]]:
            raise _conflict(f"The dataset {data['Name']} is used by {', '.join(users)}; delete that first.")
        del shelf.datasets[data["Name"]]
        return {"Name": data["Name"]}

    def _create_job(self, scope: Scope, shelf: Shelf, data: Record) -> Record:
        name = data["Name"]
        if name in shelf.jobs:
            raise _conflict(f"The job {name} already exists.")
        _found(shelf.datasets, "Dataset", data["DatasetName"])
        shelf.jobs[name] = {
            "Name": name,
            "Type": "PROFILE",
            "DatasetName": data["DatasetName"],
            "ResourceArn": scope.arn("job", name),
            "Tags": data.get("Tags") or {},
            **_created(scope),
            **_settings(data),
        }
        shelf.runs[name] = []
        return {"Name": name}

    def _update_job(self, scope: Scope, shelf: Shelf, data: Record) -> Record:
        job = _found(shelf.jobs, "Job", data["Name"])
        settings = _settings(data)
        for gone in (*_JOB_SETTINGS, "ProfileConfiguration"):
            job.pop(gone, None)
        job.update(settings, **_modified(scope))
        return {"Name": data["Name"]}

    def _delete_job(self, scope: Scope, shelf: Shelf, data: Record) -> Record:
        name = data["Name"]
        _found(shelf.jobs, "Job", name)
        if any(run["State"] in ACTIVE for run in shelf.runs[name]):
            raise _conflict(f"The job {name} runs; stop the run first.")
        del shelf.jobs[name], shelf.runs[name]
        return {"Name": name}

    def _list_jobs(self, scope: Scope, shelf: Shelf, data: Record) -> Record:
        wanted = data.get("DatasetName")
        jobs = [job for job in shelf.jobs.values() if wanted in (None, job["DatasetName"])]
        return _page("Jobs", [] if data.get("ProjectName") else jobs, data)

    def _start_run(self, scope: Scope, shelf: Shelf, data: Record) -> Record:
        job = _found(shelf.jobs, "Job", data["Name"])
        dataset = _found(shelf.datasets, "Dataset", job["DatasetName"])
        run = {
            "RunId": f"db_{secrets.token_hex(32)}",
            "JobName": job["Name"],
            "State": "STARTING",
            "Attempt": 0,
            "ExecutionTime": 0,
            "StartedBy": scope.root,
            "StartedOn": time.time(),
            **{name: copy.deepcopy(job[name]) for name in _RUN_SETTINGS if name in job},
        }
        if job["LogSubscription"] == "ENABLE":
            run["LogGroupName"] = f"/aws-glue-databrew/jobs-{job['Name']}"
        shelf.runs[job["Name"]].append(run)
        self._engine.start(copy.deepcopy(job), copy.deepcopy(dataset), run)
        return {"RunId": run["RunId"]}

    def _stop_run(self, scope: Scope, shelf: Shelf, data: Record) -> Record:
        run = _run(shelf, data)
        if not self._engine.stop(run["RunId"]):
            raise _invalid(f"The run {run['RunId']} is {run['State']}; it cannot be stopped.")
        return {"RunId": run["RunId"]}

    def _list_runs(self, scope: Scope, shelf: Shelf, data: Record) -> Record:
        _found(shelf.jobs, "Job", data["Name"])
        return _page("JobRuns", shelf.runs[data["Name"]][::-1], data)


def _settings(data: Mapping[str, Any]) -> Record:
    """What CreateProfileJob and UpdateProfileJob set alike."""
    if data.get("ValidationConfigurations"):
        raise _invalid("The local platform validates no rulesets; leave ValidationConfigurations out.")
    Configuration.of(data.get("Configuration"))
    sample = {**DEFAULT_SAMPLE, **(data.get("JobSample") or {})}
    return {
        "LogSubscription": "DISABLE",
        "MaxCapacity": 5,
        "MaxRetries": 0,
        "Timeout": DEFAULT_TIMEOUT,
        **{name: data[name] for name in _JOB_SETTINGS if data.get(name) is not None},
        **({"ProfileConfiguration": data["Configuration"]} if data.get("Configuration") else {}),
        "JobSample": {"Mode": FULL} if sample["Mode"] == FULL else sample,
        "Outputs": [{"Format": "JSON", "Location": data["OutputLocation"], "Overwrite": False}],
    }


def _created(scope: Scope) -> Record:
    return {"CreatedBy": scope.root, "CreateDate": time.time(), **_modified(scope)}


def _modified(scope: Scope) -> Record:
    return {"LastModifiedBy": scope.root, "LastModifiedDate": time.time()}


def _found(records: Mapping[str, Record], kind: str, name: str) -> Record:
    if name not in records:
        raise not_found(f"{kind} {name} was not found.")
    return records[name]


def _run(shelf: Shelf, data: Record) -> Record:
    _found(shelf.jobs, "Job", data["Name"])
    runs = {run["RunId"]: run for run in shelf.runs[data["Name"]]}
    return _found(runs, f"Of the job {data['Name']}, the run", data["RunId"])


def _page(name: str, found: list[Record], data: Record) -> Record:
    token = data.get("NextToken") or "0"
    if not token.isdigit():
        raise _invalid(f"The NextToken {token!r} is not one that was given out.")
    start, number = int(token), data.get("MaxResults") or _PAGE
    more = {"NextToken": str(start + number)} if start + number < len(found) else {}
    return {name: found[start : start + number], **more}


def _invalid(sentence: str) -> ApiError:
    return ApiError("ValidationException", sentence)


def _conflict(sentence: str) -> ApiError:
    return ApiError("ConflictException", sentence)
