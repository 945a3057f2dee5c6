"""What holds for every DAG of the repository."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.airflow_environment import ROOT

FILES = sorted((ROOT / "dags").glob("*.py"))
MODULES = [*FILES, *(ROOT / "plugins").rglob("*.py")]
PARSE_SECONDS = 0.5
# Tasks that are not tried again, and why.
TRIED_ONCE = {"ecomm_streaming_drill.send_clicks": "a second try would be a second attack"}
# Functions that read a run's logical date, and what they do without one.
READ_LOGICAL_DATE = {"date_of_run": "a run by hand for a past date is for that date, any other for when it was due"}
# What a task may begin with, so that the grid reads as a story.
VERBS = {
    "announce", "audit", "check", "choose", "clean", "convert", "crawl", "profile", "publish", "refresh", "require",
    "send", "start", "stop", "summarize", "unpack", "upload", "wait", "write",
}  # fmt: skip
# Athena runs this many queries of an account at once in its smallest regions; more wait their turn.
ATHENA_QUERIES_AT_ONCE = 20


def load() -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(ROOT / "dags")
    assert bag.import_errors == {}
    return dict(bag.dags)


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    return load()


def test_every_file_holds_the_dag_of_its_name(dags: dict[str, Any]) -> None:
    """A DAG that is looked for is found by its name; one that is new or gone is so on purpose."""
    assert sorted(dags) == [path.stem for path in FILES]
    assert sorted(dags) == [
        "ecomm_archive_to_curated",
        "ecomm_batch_kpis",
        "ecomm_dataset_upload",
        "ecomm_streaming_drill",
        "ecomm_streaming_start",
        "ecomm_streaming_stop",
    ]


def test_every_dag_explains_itself(dags: dict[str, Any]) -> None:
    """Who is woken by a DAG knows it from what the UI shows alone, and finds its kin by their tags."""
    for dag in dags.values():
        assert dag.description
        assert len(dag.doc_md) > 500
        assert "ecomm" in dag.tags
        assert set(dag.tags) & {"batch", "streaming"}


def test_no_dag_runs_beside_itself_or_for_the_past(dags: dict[str, Any]) -> None:
    """Two runs would write the same tables; a run for a day gone by would convert today's files in its name."""
    for dag in dags.values():
        assert dag.catchup is False
        assert dag.max_active_runs == 1


def test_every_dag_tells_the_operators_of_its_failure(dags: dict[str, Any]) -> None:
    """One mail a run, and no DAG that fails unseen; a task tells its log alone, or there would be a mail a task."""
    from ecomm.dag_defaults import log_error_last
    from ecomm.failure_notice import tell_operators

    for dag in dags.values():
        assert dag.on_failure_callback in (tell_operators, [tell_operators]), dag.dag_id
        for task in dag.tasks:
            assert task.on_failure_callback in (log_error_last, [log_error_last]), (dag.dag_id, task.task_id)


def test_every_first_task_refuses_unknown_keys(dags: dict[str, Any]) -> None:
    """A key that no parameter has leaves the one that was meant at its default, and Airflow says nothing of it."""
    from ecomm.dag_defaults import refuse_unknown_keys
    from ecomm.errors import DataError

    def run_with(task: Any, conf: Any, ignored: bool = False) -> None:
        params = task.dag.params.dump() | (conf if isinstance(conf, dict) and not ignored else {})
        task._pre_execute_hook({"task": task, "dag": task.dag, "dag_run": SimpleNamespace(conf=conf), "params": params})

    for dag in dags.values():
        assert dag.roots
        for task in dag.roots:
            assert task._pre_execute_hook is refuse_unknown_keys
            for conf in (None, {}, {name: dag.params[name] for name in dag.params}):
                run_with(task, conf)
            with pytest.raises(DataError, match=rf'"no_such_key" is no parameter of {dag.dag_id}'):
                run_with(task, {"no_such_key": 1})
            for name in dag.params:
                with pytest.raises(DataError, match="ignore the configuration"):
                    run_with(task, {name: "another value"}, ignored=True)
            for wrong in (["sources"], "sources", 7):
                with pytest.raises(DataError, match="is an object of parameters"):
                    run_with(task, wrong)
        for task in set(dag.tasks) - set(dag.roots):
            run_with(task, {"no_such_key": 1})


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        ({"souces": []}, '"souces" is no parameter of ecomm_dataset_upload; did you mean "sources"?'),
        ({"Replace": True}, 'did you mean "replace"?'),
        ({" sample-lines": 9}, 'did you mean "sample_lines"?'),
        ({"": 1}, '"" is no parameter of ecomm_dataset_upload. It takes: generated_rows, '),
        ({"conf": {"sources": []}}, '"conf" is no parameter of ecomm_dataset_upload; give what is in it without it.'),
        ({"a": 1, "seeds": 2}, '"a" is no parameter of ecomm_dataset_upload. "seeds" is no parameter'),
    ],
)
def test_the_nearest_parameter_is_named(dags: dict[str, Any], conf: dict[str, Any], sentence: str) -> None:
    from ecomm.dag_defaults import refuse_unknown_keys
    from ecomm.errors import DataError

    dag = dags["ecomm_dataset_upload"]
    (task,) = [task for task in dag.roots if task.task_id == "check_sources"]
    with pytest.raises(DataError) as error:
        refuse_unknown_keys({"task": task, "dag": dag, "dag_run": SimpleNamespace(conf=conf)})
    assert sentence in str(error.value)


def test_every_parameter_has_a_title_a_description_and_limits(dags: dict[str, Any]) -> None:
    """The form is the only documentation that is read when it is needed, and refuses what the tasks could not use."""
    limits = {
        "boolean": set(),
        "array": {"maxItems"},
        "integer": {"minimum", "maximum"},
        "number": {"minimum", "maximum"},
        "object": {"propertyNames", "additionalProperties"},
    }
    for dag in dags.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.schema["title"] and param.description, (dag.dag_id, name)
            wanted = limits.get(param.schema["type"], {"pattern"})
            assert wanted <= param.schema.keys() or "enum" in param.schema, (dag.dag_id, name)
            param.resolve()


def test_the_form_can_be_sent_as_it_opens(dags: dict[str, Any]) -> None:
    """Airflow's form demands a value of every text, so an empty default would keep its button from being pressed."""
    for dag in dags.values():
        for name in dag.params:
            assert dag.params.get_param(name).value != "", (dag.dag_id, name)


def test_documentation_has_code_only_in_blocks_of_its_own(dags: dict[str, Any]) -> None:
    """Airflow's UI shows code within a sentence as a block, which tears the sentence apart."""
    for dag in dags.values():
        prose = "".join(dag.doc_md.split("```")[::2])
        assert "`" not in prose, dag.dag_id
        for name in dag.params:
            assert "`" not in dag.params.get_param(name).description, (dag.dag_id, name)


def test_a_failed_try_logs_its_error_last(dags: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            for callback in (*task.on_failure_callback, *task.on_retry_callback):
                caplog.clear()
                callback({"exception": ValueError("The file is empty.")})
                assert [record.getMessage() for record in caplog.records] == ["ValueError: The file is empty."]
                callback({})  # as after the death of a worker
            assert len(task.on_failure_callback) == len(task.on_retry_callback) == 1


def test_every_task_has_an_owner_retries_and_a_time_limit(dags: dict[str, Any]) -> None:
    """AWS throttles and drops connections, so a try more with a longer pause heals most; nothing hangs for ever."""
    for dag in dags.values():
        for task in dag.tasks:
            assert task.owner == "data-platform"
            assert task.retries == (0 if f"{dag.dag_id}.{task.task_id}" in TRIED_ONCE else 2)
            assert task.retry_exponential_backoff
            assert task.max_retry_delay is not None
            assert task.execution_timeout is not None


def test_what_is_paid_for_is_started_by_operators_that_find_it_again(dags: dict[str, Any]) -> None:
    """A try after one whose worker died must join what that one started; the provider's operators start anew."""
    from ecomm.operators.base import AwsOperator

    for dag in dags.values():
        for task in dag.tasks:
            own = isinstance(task, AwsOperator)
            assert own or task.task_type in ("_PythonDecoratedOperator", "PythonOperator"), task.task_id
    start = re.compile(r"\.(start_\w*(run|crawler|execution|application)|create_data_set_ingestion|create_ingestion)\(")
    starting = {path.name for path in (ROOT / "plugins/ecomm").rglob("*.py") if start.search(path.read_text())}
    operators = {path.name for path in (ROOT / "plugins/ecomm/operators").glob("*.py")}
    assert starting - operators <= {"athena.py"}


def test_waiting_in_the_triggerer_is_one_setting(dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's slot is paid by the hour, a small machine's triggerer is one process more: whoever runs it decides."""
    from ecomm.operators.base import AwsOperator

    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    for found, wanted in ((dags, False), (load(), True)):
        waiting = [task for dag in found.values() for task in dag.tasks if isinstance(task, AwsOperator)]
        assert len(waiting) > 10
        assert {task.deferrable for task in waiting} == {wanted}


def test_no_service_is_asked_for_more_than_it_gives_at_once(dags: dict[str, Any]) -> None:
    """Why there is no pool (docs/decisions/0093): all queries of the widest run are fewer than Athena runs at once."""
    from ecomm.operators.derived_table import AuditTableOperator, WriteTableOperator

    for dag in dags.values():
        querying = [task for task in dag.tasks if isinstance(task, WriteTableOperator | AuditTableOperator)]
        # Of a table, the writing and the audit follow each other.
        assert len(querying) / 2 <= ATHENA_QUERIES_AT_ONCE
        assert {task.pool for task in dag.tasks} == {"default_pool"}


def test_task_ids_read_as_a_story(dags: dict[str, Any]) -> None:
    """A grid of verbs tells a newcomer what happens, in words; numbers and abbreviations do not."""
    for dag in dags.values():
        for task in dag.tasks:
            assert re.fullmatch(r"([a-z_]+\.)?[a-z]+(_[a-z]+)*", task.task_id)
            assert task.task_id.rpartition(".")[2].partition("_")[0] in VERBS, task.task_id


@pytest.mark.parametrize(
    ("dag_id", "task_id"), [("ecomm_dataset_upload", "summarize"), ("ecomm_archive_to_curated", "announce_months")]
)
def test_new_files_start_the_batch(dags: dict[str, Any], dag_id: str, task_id: str) -> None:
    (asset,) = dags[dag_id].get_task(task_id).outlets
    assert asset.name == "ecomm_user_activity_uncompressed"
    assert [awaited.name for awaited in dags["ecomm_batch_kpis"].timetable.asset_condition.objects] == [asset.name]


def test_tasks_are_listed_in_the_order_of_the_story(dags: dict[str, Any]) -> None:
    """As the UI's grid lists them: of a group it looks at the tasks before it, not at those before its own tasks."""
    order = [task.task_id for task in dags["ecomm_batch_kpis"].topological_sort()]
    assert order[:2] == ["choose_months", "require_changes"]
    assert order[7:14] == [
        "choose_partition_key",
        "convert_to_parquet",
        "audit_activity",
        "publish_activity",
        "require_outdated_tables",
        "check_months",
        "agg_activity.write",
    ]
    for dag in dags.values():
        order = [task.task_id for task in dag.topological_sort()]
        assert [name for name in order if not dag.get_task(name).is_teardown][-1] == "summarize"
        for task in dag.tasks:
            assert all(order.index(before) < order.index(task.task_id) for before in task.upstream_task_ids)


def test_only_one_query_reads_the_events(dags: dict[str, Any]) -> None:
    from ecomm.tables import DERIVED, FACT, QUARANTINE

    assert [table.name for table in DERIVED if FACT in table.sources] == ["agg_activity"]
    for table in DERIVED:
        write = dags["ecomm_batch_kpis"].get_task(f"{table.name}.write")
        published = {task.removesuffix(".publish") for task in write.upstream_task_ids}
        of_the_conversion = {FACT: "require_outdated_tables", QUARANTINE: "require_outdated_tables"}
        assert published == {of_the_conversion.get(source, source) for source in table.sources}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_imports_airflows_sdk_and_the_plugins_only(path: Path) -> None:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            assert node.module in ("__future__", "typing", "airflow.sdk") or str(node.module).startswith("ecomm.")
        assert not isinstance(node, ast.Import)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_nothing_needs_a_logical_date(path: Path) -> None:
    """A run started by the API or by an asset has none."""
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if getattr(node, "name", None) not in READ_LOGICAL_DATE]
    nodes = list(ast.walk(tree))
    words = {node.id for node in nodes if isinstance(node, ast.Name)}
    words |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    words |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    words |= {word for text in re.findall(r"\{\{(.*?)\}\}", path.read_text()) for word in re.findall(r"\w+", text)}
    assert not words & {"ds", "ts", "logical_date", "execution_date", "data_interval_start", "data_interval_end"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_nothing_reads_airflows_variables_or_connections(path: Path) -> None:
    """Read at the top of a file they are a call every few seconds; and names have one place already, the settings."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("airflow"):
            assert not {name.name for name in node.names} & {"Variable", "Connection"}


def test_the_dags_are_read_in_half_a_second() -> None:
    program = f"""
import sys, time
sys.path.insert(0, {str(ROOT / "plugins")!r})
from airflow.sdk import Asset, dag, task

@dag(schedule=None)
def nothing():
    task(lambda: None, task_id="nothing")()

nothing()
started = time.process_time()
for path in {[str(path) for path in FILES]!r}:
    exec(compile(open(path).read(), path, "exec"), {{"__name__": "a_dag"}})
print(time.process_time() - started)
loaded = sorted(name for name in ("boto3", "botocore", "airflow.providers.amazon.aws") if name in sys.modules)
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert float(done.stdout.split()[-1]) < PARSE_SECONDS


def test_airflow_loads_no_file_of_the_package_as_a_plugin() -> None:
    """It would run each under its bare name, and so replace modules of such names for everybody."""
    from airflow._shared.module_loading import find_path_from_directory

    assert list(find_path_from_directory(str(ROOT / "plugins"), ".airflowignore", "glob")) == []
