"""What does not run on this machine is refused; ministack would answer with success although nothing runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn
from urllib.parse import parse_qs

import ministack.app
from ministack.core import router
from ministack.core.responses import error_response_json
from ministack.services import s3
from ministack.services.cloudformation import provisioners

from local.api_requests import signed_for
from local.s3_bodies import Body

# By the name that a request is signed for, and the operation: as x-amz-target or a form names it, else verb and path.
_TRIGGERS = "triggers and workflows, which only Glue itself carries out; start jobs and crawlers from a DAG"
_WITHOUT_ENGINE = {
    ("elasticmapreduce", "RunJobFlow"): "a Hadoop cluster; Spark scripts run as Glue jobs here",
    ("glue", "CreateTrigger"): _TRIGGERS,
    ("glue", "StartTrigger"): _TRIGGERS,
    ("glue", "StartWorkflowRun"): _TRIGGERS,
    ("logs", "PutMetricFilter"): "metrics made of log lines; log in the embedded metric format instead",
    ("codebuild", "StartBuild"): "a build machine, which is not part of the local platform",
    ("kafka", "POST /v1/clusters"): "Kafka's brokers, which are not part of the local platform",
    ("kafka", "POST /api/v2/clusters"): "Kafka's brokers, which are not part of the local platform",
    ("mq", "POST /v1/brokers"): "a message broker, which is not part of the local platform",
}
_DOCKER = "Docker; install and start it, then start the platform again"
_WITHOUT_DOCKER = dict.fromkeys(
    (
        ("batch", "POST /v1/submitjob"),
        ("ecs", "RunTask"),
        ("ec2", "RunInstances"),
        ("eks", "POST /clusters"),
        ("elasticache", "CreateCacheCluster"),
        ("elasticache", "CreateReplicationGroup"),
        ("es", "POST /2021-01-01/opensearch/domain"),
        ("rds", "CreateDBCluster"),
        ("rds", "CreateDBInstance"),
    ),
    _DOCKER,
)
_RESOURCES_WITHOUT_ENGINE = {
    "AWS::Glue::Trigger": _TRIGGERS,
    "AWS::Logs::MetricFilter": _WITHOUT_ENGINE["logs", "PutMetricFilter"],
}
_RESOURCES_WITHOUT_DOCKER = dict.fromkeys(
    (
        "AWS::EKS::Cluster",
        "AWS::ElastiCache::CacheCluster",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::OpenSearchService::Domain",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
    ),
    _DOCKER,
)


def install() -> None:
    # ministack loads boto3's models of all services, 400 MB, to ask whether a name that it does not know is AWS's.
    router._is_aws_service_name = lambda name: True
    ministack.app._dispatch_service_request = partial(_dispatch, ministack.app._dispatch_service_request)
    docker = ministack.app._docker_socket_present()
    for kind, need in (_RESOURCES_WITHOUT_ENGINE | ({} if docker else _RESOURCES_WITHOUT_DOCKER)).items():
        provisioners._RESOURCE_HANDLERS[kind]["create"] = partial(_refuse_resource, kind, need)


def _refuse_resource(kind: str, need: str, *_: Any) -> NoReturn:
    raise ValueError(f"{kind} needs {need}.")


async def _dispatch(
    stock: Any, method: str, path: str, headers: dict[str, str], body: Body, query_params: Any, request_id: str
) -> Any:
    operation = _operation(method, path, headers, body)
    needs = _WITHOUT_ENGINE if ministack.app._docker_socket_present() else _WITHOUT_ENGINE | _WITHOUT_DOCKER
    if need := needs.get((signed_for(headers) or "", operation)):
        return _refusal(headers, f"{operation} needs {need}.")
    answer = await stock(method, path, headers, body, query_params, request_id)
    unknown = b'{"error": "Unsupported service: '
    if answer[0] == 400 and isinstance(answer[2], bytes) and answer[2].startswith(unknown):
        service = answer[2].removeprefix(unknown).rstrip(b'"}').decode()
        return _refusal(headers, f"The service {service} is not part of the local platform.")
    return answer


def _operation(method: str, path: str, headers: Mapping[str, str], body: Body) -> str:
    if target := headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if _is_form(headers) and isinstance(body, bytes):
        return parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
    return f"{method} {path}"


def _is_form(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _refusal(headers: Mapping[str, str], sentence: str) -> Any:
    """An error in the protocol of the request."""
    code = "UnsupportedOperationException"
    if _is_form(headers):
        root = s3.Element("ErrorResponse")
        error = s3.SubElement(root, "Error")
        for name, text in (("Type", "Sender"), ("Code", code), ("Message", sentence)):
            s3.SubElement(error, name).text = text
        return 400, {"Content-Type": "text/xml"}, s3._xml_body(root)
    status, answer_headers, body = error_response_json(code, sentence, 400)
    return status, {**answer_headers, "x-amzn-errortype": code}, body
