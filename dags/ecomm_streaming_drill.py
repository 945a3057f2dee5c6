"""
### Tries the alarm: an attack of our own, from the click to the mail

Sends 25 clicks of one made-up user among 90 of thirty others, and looks at every place where the alarm has to show:
the item in the table, the mail, the metric, the line in the log, and that none of the thirty was alerted. It fails with
the sentence that names what is wrong.

1. **Check** that Flink runs (or **start** it) and that the alarm is set: threshold, mapping, an address that gets mail.
2. **Send** the clicks, all at once.
3. **Wait** for what has to follow. No step waits for a time to pass; each has a patience.
4. **Wait** for the final counts of the window, which the drill brings about with a click in every shard.
5. **Summarize**, with the seconds from the click to the mail.
6. **Clean up**, always: the made-up users leave the table, and so the block list. A late count or a replay
   mails no one.

What the form asks for, as the API and the command line take it:

```json
{"actions": 25, "start_application": true}
```

**May be run at any time**, in production too: the users are of a range of their own, 9 100 000 000 000 and up, and
the operator gets one mail, which says that it is a drill. Flink goes on running afterwards;
ecomm_streaming_stop stops it.

What the mail means to the one who is woken by it: docs/runbook.md.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, chain, dag, task
from ecomm.dag_defaults import EVERY_DAG, FLINK, TAGS
from ecomm.operators.flink_application import LATEST, StartApplicationOperator
from ecomm.settings import settings


@dag(
    description="An attack of our own, looked for in table, mail, metric and log",
    doc_md=__doc__,
    schedule=None,
    tags=[*TAGS, "streaming"],
    **EVERY_DAG,
    params={
        "actions": Param(
            25,
            type="integer",
            minimum=2,
            maximum=400,
            title="Actions",
            description="Clicks of the attacker, all in one window of 10 seconds.",
        ),
        "start_application": Param(
            True,
            type="boolean",
            title="Start Flink",
            description="Where it does not run; otherwise the drill fails then, and says so.",
        ),
        "patience_seconds": Param(
            120,
            type="integer",
            minimum=5,
            maximum=540,
            title="Patience, seconds",
            description="After which a step that still sees nothing fails.",
        ),
    },
)
def ecomm_streaming_drill() -> None:
    names = settings()

    @task
    def check_application(params: Any = None) -> str:
        from ecomm.detection import drill

        return drill.check_application(params["start_application"])

    start_application = StartApplicationOperator(
        task_id="start_application",
        application=names.flink_application,
        log_group=names.flink_log_group,
        snapshot=LATEST,
        execution_timeout=FLINK,
    )

    @task
    def check_alarm(params: Any = None) -> dict[str, Any]:
        from ecomm.detection import drill

        return drill.check_alarm(params["actions"])

    @task
    def choose_users() -> dict[str, Any]:
        from ecomm.detection import drill

        return drill.choose_users()

    # A second try would be a second attack, and the first one's user would stay in the table.
    @task(retries=0)
    def send_clicks(ti: Any = None, params: Any = None) -> dict[str, Any]:
        from ecomm.detection import drill

        return drill.send_clicks(ti.xcom_pull("choose_users"), params["actions"])

    # The tasks below pull what was sent instead of taking it as an argument: so the graph shows the story.
    @task
    def wait_for_item(ti: Any = None, params: Any = None) -> dict[str, Any]:
        from ecomm.detection import drill

        return drill.wait_for_item(ti.xcom_pull("send_clicks"), params["patience_seconds"])

    @task
    def wait_for_mail(ti: Any = None, params: Any = None) -> dict[str, Any]:
        from ecomm.detection import drill

        return drill.wait_for_mail(ti.xcom_pull("send_clicks"), params["patience_seconds"])

    @task
    def wait_for_metric(ti: Any = None, params: Any = None) -> float:
        from ecomm.detection import drill

        return drill.wait_for_metric(ti.xcom_pull("send_clicks"), params["patience_seconds"])

    @task
    def wait_for_log_line(ti: Any = None, params: Any = None) -> dict[str, Any]:
        from ecomm.detection import drill

        return drill.wait_for_log_line(ti.xcom_pull("send_clicks"), params["patience_seconds"])

    @task
    def check_others(ti: Any = None) -> int:
        from ecomm.detection import drill

        return drill.check_others(ti.xcom_pull("send_clicks"))

    @task
    def wait_for_final_counts(ti: Any = None, params: Any = None) -> int:
        from ecomm.detection import drill

        return drill.wait_for_final_counts(ti.xcom_pull("send_clicks"), params["patience_seconds"])

    @task
    def summarize(ti: Any = None) -> dict[str, Any]:
        from ecomm.streaming.tasks import summary

        sent, mail = ti.xcom_pull("send_clicks"), ti.xcom_pull("wait_for_mail")
        return summary(
            {"attacker": sent["attacker"], "clicks": sent["clicks"], **ti.xcom_pull("wait_for_item")},
            mail=mail["subject"],
            seconds_to_mail=mail["seconds"],
            alerts_counted=ti.xcom_pull("wait_for_metric"),
            final_count=ti.xcom_pull("wait_for_final_counts"),
            ordinary_users_left_alone=ti.xcom_pull("check_others"),
        )

    @task
    def clean_up(ti: Any = None, params: Any = None) -> int:
        from ecomm.detection import drill

        users, sent = ti.xcom_pull("choose_users"), ti.xcom_pull("send_clicks")
        return drill.clean_up(users, sent, params["patience_seconds"])

    users: Any = choose_users()
    signs: Any = [wait_for_mail(), wait_for_metric(), wait_for_log_line(), check_others()]
    chain(check_application(), start_application, check_alarm(), users, send_clicks(), wait_for_item(), signs)
    chain(signs, wait_for_final_counts(), summarize(), clean_up().as_teardown(setups=users))


ecomm_streaming_drill()
