"""What does not run on this machine is refused; ministack would answer with success although nothing runs."""

from __future__ import annotations

from functools import partial
from typing import Any

import ministack.app
from ministack.core import router
from ministack.core.responses import error_response_json
from ministack.services import s3

from local.s3_bodies import Body

# By x-amz-target, or by path.
_WITHOUT_ENGINE = {
    "ElasticMapReduce.RunJobFlow": "a Hadoop cluster; Spark scripts run as Glue jobs here",
}
_WITHOUT_DOCKER = {
    "/v1/submitjob": "Docker; install and start it, then start the platform again",
    "AmazonEC2ContainerServiceV20141113.RunTask": "Docker; install and start it, then start the platform again",
}


def install() -> None:
    # ministack loads boto3's models of all services, 400 MB, to ask whether a name that it does not know is AWS's.
    router._is_aws_service_name = lambda name: True
    ministack.app._dispatch_service_request = partial(_dispatch, ministack.app._dispatch_service_request)


async def _dispatch(
    stock: Any, method: str, path: str, headers: dict[str, str], body: Body, query_params: Any, request_id: str
) -> Any:
    action = headers.get("x-amz-target") or path
    missing = _WITHOUT_ENGINE if ministack.app._docker_socket_present() else _WITHOUT_ENGINE | _WITHOUT_DOCKER
    if action in missing:
        return _refusal(headers, f"{action.rpartition('.')[2]} needs {missing[action]}.")
    answer = await stock(method, path, headers, body, query_params, request_id)
    unknown = b'{"error": "Unsupported service: '
    if answer[0] == 400 and isinstance(answer[2], bytes) and answer[2].startswith(unknown):
        service = answer[2].removeprefix(unknown).rstrip(b'"}').decode()
        return _refusal(headers, f"The service {service} is not part of the local platform.")
    return answer


def _refusal(headers: dict[str, str], sentence: str) -> Any:
    """An error in the protocol of the request."""
    code = "UnsupportedOperationException"
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        root = s3.Element("ErrorResponse")
        error = s3.SubElement(root, "Error")
        for name, text in (("Type", "Sender"), ("Code", code), ("Message", sentence)):
            s3.SubElement(error, name).text = text
        return 400, {"Content-Type": "text/xml"}, s3._xml_body(root)
    status, answer_headers, body = error_response_json(code, sentence, 400)
    return status, {**answer_headers, "x-amzn-errortype": code}, body
