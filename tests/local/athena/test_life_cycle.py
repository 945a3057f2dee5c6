"""The life of a query: its output, its pages, its stop, its idempotency, and what a restart leaves of it."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.conftest import start_platform, stop_platform
from tests.local.athena.conftest import Athena, athena_of

ENDLESS = (
    "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a(x) CROSS JOIN UNNEST(sequence(1, 10000)) b(y) "
    "CROSS JOIN UNNEST(sequence(1, 10000)) c(z) WHERE x * y % 7 = z % 7"
)


def refused(error: pytest.ExceptionInfo[ClientError]) -> str:
    assert error.value.response["Error"]["Code"] == "InvalidRequestException"
    return str(error.value.response["Error"]["Message"])


def state(athena: Athena, query_id: str) -> str:
    return str(athena.client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]["State"])


def wait_for(athena: Athena, query_id: str, wanted: str) -> None:
    deadline = time.monotonic() + 120
    while state(athena, query_id) != wanted:
        assert time.monotonic() < deadline, f"{query_id} is {state(athena, query_id)}, not {wanted}"
        time.sleep(0.02)


def test_the_result_is_a_csv_with_every_field_quoted_and_null_bare(athena: Athena) -> None:
    result = athena.run(
        "SELECT * FROM (VALUES (1, 'a \"b\", c', 1.50, true, 1e20), (2, NULL, NULL, NULL, NULL), "
        "(3, '', 0, false, 0.5)) AS t(n, \"Some Text\", d, b, f) ORDER BY n"
    )
    location = result.execution["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{athena.bucket}/results/{result.id}.csv"
    body = athena.s3.get_object(Bucket=athena.bucket, Key=f"results/{result.id}.csv")["Body"].read().decode()
    assert body == (
        '"n","Some Text","d","b","f"\n"1","a ""b"", c","1.50","true","1.0E20"\n"2",,,,\n"3","","0.00","false","0.5"\n'
    )
    assert result.rows == [
        ["1", 'a "b", c', "1.50", "true", "1.0E20"], ["2", None, None, None, None], ["3", "", "0.00", "false", "0.5"],
    ]  # fmt: skip
    kinds = [(column["Type"], column["Precision"], column["Scale"]) for column in result.columns]
    assert kinds == [("integer", 10, 0), ("varchar", 8, 0), ("decimal", 12, 2), ("boolean", 0, 0), ("double", 17, 0)]


def test_line_breaks_inside_of_fields_stay_inside(athena: Athena) -> None:
    assert athena.rows("SELECT 'a' || chr(10) || '\"' AS x, 'b' AS y") == [['a\n"', "b"]]


def test_large_results_come_in_pages_after_the_header(athena: Athena) -> None:
    query_id = athena.wait(athena.start("SELECT n, 'x' AS t FROM UNNEST(sequence(1, 2500)) AS u(n) ORDER BY n")).id
    pages = list(athena.client.get_paginator("get_query_results").paginate(QueryExecutionId=query_id))
    assert [len(page["ResultSet"]["Rows"]) for page in pages] == [1000, 1000, 501]
    values = [row["Data"][0]["VarCharValue"] for page in pages for row in page["ResultSet"]["Rows"]]
    assert values == ["n", *map(str, range(1, 2501))]
    few = athena.client.get_query_results(QueryExecutionId=query_id, MaxResults=3)
    assert [row["Data"][0]["VarCharValue"] for row in few["ResultSet"]["Rows"]] == ["n", "1", "2"]
    with pytest.raises(ClientError) as error:
        athena.client.get_query_results(QueryExecutionId=query_id, NextToken="nonsense")
    assert "NextToken" in refused(error)


def test_the_order_of_a_large_result_is_kept(athena: Athena) -> None:
    query_id = athena.wait(athena.start("SELECT n FROM UNNEST(sequence(1, 300000)) AS u(n) ORDER BY n DESC")).id
    body = athena.s3.get_object(Bucket=athena.bucket, Key=f"results/{query_id}.csv")["Body"].read().decode()
    assert [int(line.strip('"')) for line in body.splitlines()[1:]] == list(range(300_000, 0, -1))


def test_statistics_and_statement_types_are_told(athena: Athena) -> None:
    query = athena.run("SELECT 1 AS one").execution
    assert (query["StatementType"], query["SubstatementType"]) == ("DML", "SELECT")
    assert query["Statistics"]["TotalExecutionTimeInMillis"] >= query["Statistics"]["EngineExecutionTimeInMillis"]
    assert query["Status"]["CompletionDateTime"] >= query["Status"]["SubmissionDateTime"]
    assert query["EngineVersion"]["EffectiveEngineVersion"] == "Athena engine version 3"
    shown = athena.run("SHOW TABLES").execution
    assert (shown["StatementType"], shown["SubstatementType"]) == ("UTILITY", "SHOW_TABLES")
    assert shown["ResultConfiguration"]["OutputLocation"].endswith(".txt")


def test_a_failure_is_told_in_the_status_and_its_results_are_refused(athena: Athena) -> None:
    result = athena.wait(athena.start("SELECT nothing"))
    error = result.execution["Status"]["AthenaError"]
    assert error["ErrorMessage"] == result.reason == "COLUMN_NOT_FOUND: line 1:8: Column 'nothing' cannot be resolved"
    assert (error["ErrorCategory"], error["Retryable"]) == (2, False)
    with pytest.raises(ClientError) as refusal:
        athena.client.get_query_results(QueryExecutionId=result.id)
    assert "did not finish successfully" in refused(refusal)


def test_a_running_query_is_stopped_and_leaves_nothing(athena: Athena) -> None:
    query_id = athena.start(f"CREATE TABLE endless AS {ENDLESS.replace('count(*)', 'count(*) AS n')}")
    wait_for(athena, query_id, "RUNNING")
    athena.client.stop_query_execution(QueryExecutionId=query_id)
    result = athena.wait(query_id)
    assert (result.state, result.reason) == ("CANCELLED", "Query was cancelled by user")
    assert athena.rows("SHOW TABLES 'endless'") == []
    assert athena.keys(f"results/tables/{query_id}") == []
    athena.client.stop_query_execution(QueryExecutionId=query_id)


def test_queries_wait_in_a_queue_and_may_be_stopped_there(athena: Athena) -> None:
    started = [athena.start(ENDLESS) for _ in range(5)]
    waiting = started[-1]
    wait_for(athena, started[0], "RUNNING")
    assert state(athena, waiting) == "QUEUED"
    athena.client.stop_query_execution(QueryExecutionId=waiting)
    assert state(athena, waiting) == "CANCELLED"
    for query_id in started[:-1]:
        athena.client.stop_query_execution(QueryExecutionId=query_id)
    assert {athena.wait(query_id).state for query_id in started} == {"CANCELLED"}
    assert athena.rows("SELECT 1 AS one") == [["1"]]


def test_the_same_request_token_starts_one_query(athena: Athena) -> None:
    token = "a-token-of-more-than-thirty-two-characters"
    first = athena.start("SELECT 1 AS one", ClientRequestToken=token)
    assert athena.start("SELECT 1 AS one", ClientRequestToken=token) == first
    with pytest.raises(ClientError) as error:
        athena.start("SELECT 2 AS two", ClientRequestToken=token)
    assert refused(error) == "Idempotent parameters do not match"


def test_requests_that_cannot_start_are_refused(athena: Athena) -> None:
    with pytest.raises(ClientError) as error:
        athena.client.start_query_execution(QueryString="SELECT 1")
    assert refused(error).startswith("No output location provided.")
    with pytest.raises(ClientError) as error:
        athena.start("SELECT 1", ResultConfiguration={"OutputLocation": "s3://no-such-bucket/x/"})
    assert refused(error) == "Unable to verify/create output bucket no-such-bucket"
    with pytest.raises(ClientError) as error:
        athena.start("SELECT 1", WorkGroup="nowhere")
    assert refused(error) == "WorkGroup nowhere is not found."
    with pytest.raises(ClientError) as error:
        athena.client.get_query_execution(QueryExecutionId="nothing")
    assert "was not found" in refused(error)


def test_a_disabled_workgroup_starts_nothing(athena: Athena) -> None:
    athena.client.create_work_group(Name="resting")
    athena.client.update_work_group(WorkGroup="resting", State="DISABLED")
    with pytest.raises(ClientError) as error:
        athena.start("SELECT 1", WorkGroup="resting")
    assert refused(error) == "WorkGroup resting is disabled."


def test_executions_are_listed_by_workgroup_newest_first(athena: Athena) -> None:
    athena.client.create_work_group(Name="listed")
    first = athena.run("SELECT 1 AS one", WorkGroup="listed").id
    second = athena.run("SELECT 2 AS two", WorkGroup="listed").id
    assert athena.client.list_query_executions(WorkGroup="listed")["QueryExecutionIds"] == [second, first]
    page = athena.client.list_query_executions(WorkGroup="listed", MaxResults=1)
    following = athena.client.list_query_executions(WorkGroup="listed", MaxResults=1, NextToken=page["NextToken"])
    assert page["QueryExecutionIds"] + following["QueryExecutionIds"] == [second, first]
    batch = athena.client.batch_get_query_execution(QueryExecutionIds=[first, "unknown"])
    assert [found["Query"] for found in batch["QueryExecutions"]] == ["SELECT 1 AS one"]
    assert [found["QueryExecutionId"] for found in batch["UnprocessedQueryExecutionIds"]] == ["unknown"]


def test_parameters_take_the_places_of_question_marks(athena: Athena) -> None:
    assert athena.rows("SELECT ? + 1, ?, '?'", ExecutionParameters=["41", "'a''b'"]) == [["42", "a'b", "?"]]
    assert athena.fail("SELECT ?, ?", ExecutionParameters=["1"]) == (
        "INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected 2 but found 1"
    )
    assert athena.fail("SELECT ?", ExecutionParameters=["1; SELECT 2"]).startswith("SYNTAX_ERROR")


def test_prepared_statements_live_in_their_workgroup(athena: Athena) -> None:
    athena.run("PREPARE plus FROM SELECT ? + ? AS n")
    assert athena.rows("EXECUTE plus USING 1, 2") == [["3"]]
    assert athena.rows("EXECUTE plus", ExecutionParameters=["3", "4"]) == [["7"]]
    kept = athena.client.get_prepared_statement(StatementName="plus", WorkGroup="primary")["PreparedStatement"]
    assert kept["QueryStatement"] == "SELECT ? + ? AS n"
    athena.client.create_prepared_statement(
        StatementName="by_the_api", WorkGroup="primary", QueryStatement="SELECT concat(?, '!') AS t"
    )
    assert athena.rows("EXECUTE by_the_api USING 'x'") == [["x!"]]
    athena.run("DEALLOCATE PREPARE plus")
    assert athena.fail("EXECUTE plus USING 1, 2").startswith("NOT_FOUND: Prepared statement not found: plus")


def test_results_outlive_a_stop_and_a_kill_and_running_queries_do_not(tmp_path: Path) -> None:
    platform = start_platform(tmp_path)
    try:
        athena = athena_of(platform.endpoint, "restarts")
        athena.run("CREATE TABLE kept AS SELECT 5 AS n")
        athena.run("CREATE VIEW seen AS SELECT n + 1 AS m FROM kept")
        done = athena.run("SELECT * FROM seen").id
        endless = athena.start(ENDLESS)
        wait_for(athena, endless, "RUNNING")
        stop_platform(platform)
        for how in (signal.SIGKILL, signal.SIGTERM):
            platform = start_platform(tmp_path)
            athena = Athena(platform.endpoint, "restarts", "restarts")
            assert athena.wait(done).rows == [["m"], ["6"]]
            assert (athena.wait(endless).state, athena.wait(endless).reason) == (
                "FAILED", "The platform stopped while the query ran: start it again",
            )  # fmt: skip
            assert athena.rows("SELECT m, n FROM seen, kept") == [["6", "5"]]
            stop_platform(platform, how)
    finally:
        if platform.process.poll() is None:
            platform.process.kill()
            platform.process.wait()
