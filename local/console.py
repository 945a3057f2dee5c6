"""What stands for AWS's console: the page behind a link of it shows what the platform knows of a run, a query, a log.

    http://127.0.0.1:4566/_local/console/gluestudio/home?region=us-east-1#/job/<job>/run/<run>

The console's addresses say what they are about after the #, which a browser keeps to itself; so the page asks again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

PATH = "/_local/console"
SHOWN = f"{PATH}/shown"
PAGE = f"""<!doctype html>
<meta charset="utf-8"><title>On this machine</title>
<style>body {{ font: 14px/1.5 monospace; margin: 2em }} pre {{ white-space: pre-wrap }}</style>
<pre id="shown">…</pre>
<script>
  const show = async () => {{
    const answer = await fetch("{SHOWN}?at=" + encodeURIComponent(location.hash))
    document.getElementById("shown").textContent = await answer.text()
  }}
  addEventListener("hashchange", show)
  show()
</script>
"""
LOG_LINES = 1000
Client = Callable[[str], Any]


class UnknownPageError(LookupError):
    """An address that the console here has nothing for."""


def shown(client: Client, at: str) -> str:
    """The text of the page at this fragment of an address. Raises UnknownPageError; ClientError as AWS would."""
    for pattern, show in _PAGES.items():
        if match := re.fullmatch(pattern, at):
            return show(client, *(unquote(word) for word in match.groups()))
    raise UnknownPageError(f"{at!r} is no page of the console that exists on this machine.")


def _job_run(client: Client, job: str, run_id: str) -> str:
    run = client("glue").get_job_run(JobName=job, RunId=run_id)["JobRun"]
    group = run.get("Arguments", {}).get("--custom-logGroup-prefix")
    if not group:
        defaults = client("glue").get_job(JobName=job)["Job"].get("DefaultArguments", {})
        group = defaults.get("--custom-logGroup-prefix", "/aws-glue/jobs")
    logs = [_stream(client, f"{group}/{kind}", run_id) for kind in ("output", "error")]
    return "\n\n".join([_record(run), *logs])


def _crawler(client: Client, name: str) -> str:
    return (
        f"{_record(client('glue').get_crawler(Name=name)['Crawler'])}\n\n{_stream(client, '/aws-glue/crawlers', name)}"
    )


def _profile_job(client: Client, job: str) -> str:
    runs = client("databrew").list_job_runs(Name=job)["JobRuns"]
    return "\n\n".join(_record(run) for run in sorted(runs, key=lambda run: run["StartedOn"], reverse=True))


def _query(client: Client, query_id: str) -> str:
    query = client("athena").get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    return f"{query.pop('Query')}\n\n{_record(query)}"


def _log_group(client: Client, name: str) -> str:
    # The console writes a name's slashes as %2F, with a $ for the %, and that twice.
    group = unquote(unquote(name.replace("$", "%")))
    events = client("logs").filter_log_events(logGroupName=group, limit=LOG_LINES)["events"]
    return f"{group}\n\n{_lines(events)}"


def _stream(client: Client, group: str, stream: str) -> str:
    try:
        events = client("logs").get_log_events(logGroupName=group, logStreamName=stream, limit=LOG_LINES)["events"]
    except ClientError as error:
        return f"{group}, {stream}: {error.response['Error']['Message']}"
    return f"{group}, {stream}\n\n{_lines(events)}"


def _lines(events: list[dict[str, Any]]) -> str:
    return "\n".join(event["message"].rstrip() for event in events)


def _record(answer: dict[str, Any]) -> str:
    return json.dumps(answer, indent=2, default=str)


_PAGES: dict[str, Callable[..., str]] = {
    r"#/job/([^/]+)/run/([^/]+)": _job_run,
    r"#/v2/data-catalog/crawlers/view/([^/]+)": _crawler,
    r"#job-details\?job=([^&]+)": _profile_job,
    r"#/query-editor/history/([^/]+)": _query,
    r"#logsV2:log-groups/log-group/([^/]+)": _log_group,
}
