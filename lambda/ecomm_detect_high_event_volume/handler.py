"""Entry of the function `ecomm-detect-high-event-volume`: counts of stream 2, mails that had to wait, and receipts.

Powertools' batch processing names what has to come again: by sequence number for records of the stream, by id for
messages of the queue.
"""

from __future__ import annotations

from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from ecomm_detect_high_event_volume.batch import CountsProcessor
from ecomm_detect_high_event_volume.deadline import Deadline
from ecomm_detect_high_event_volume.detection import Detector
from ecomm_detect_high_event_volume.failed_queue import FailedQueue
from ecomm_detect_high_event_volume.mailing import RETRY_SECONDS, DigestBusyError, Mailer
from ecomm_detect_high_event_volume.messages import MessageError, Receipt, read
from ecomm_detect_high_event_volume.settings import Settings
from ecomm_detect_high_event_volume.table import CALLS_AT_ONCE, Table

# Made once an environment, so that warm invocations reuse connections.
settings = Settings.from_environment()
# Short, so that one call that hangs does not take the invocation's time.
_client_config = Config(
    connect_timeout=1,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=CALLS_AT_ONCE,
)
# Looking at each of a batch's thousands of parameters takes a sixth of its time; table.py makes them all of one form.
_table_config = _client_config.merge(Config(parameter_validation=False))
sqs = boto3.client("sqs", config=_client_config)
table = Table(boto3.client("dynamodb", config=_table_config), settings.table)
# No second try: SNS may have taken the first, and would mail both. The mail queue tries again, and asks the receipts.
_mail_config = _client_config.merge(Config(retries={"total_max_attempts": 1}))
mailer = Mailer(table, settings, boto3.client("sns", config=_mail_config), sqs)
failed_queue = FailedQueue(sqs, settings.failed_queue_url)
# Both take their service, the name of the stage's function, from POWERTOOLS_SERVICE_NAME.
logger = Logger()
metrics = Metrics(namespace="Ecomm/Detection")
counts = CountsProcessor(Detector(table, settings, mailer), failed_queue, logger, metrics)


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: LambdaContext) -> Any:
    """Answers with the records or messages that failed; all others are done with."""
    deadline = Deadline(context.get_remaining_time_in_millis)
    if event["Records"][0]["eventSource"] == "aws:kinesis":
        counts.deadline = deadline
        with counts(event["Records"], counts.receive):
            counts.process()
        return counts.response()

    def see_to_mail(record: SQSRecord) -> None:
        try:
            message = read(record.body)
        except MessageError as error:
            queue = str(record.event_source_arn).rpartition(":")[2]
            failed_queue.put_message(record.body, queue, str(error))
            logger.error("A message cannot be read; it is in the queue of failures.", queue=queue, reason=str(error))
            return
        if isinstance(message, Receipt):
            mailer.note_receipt(message, deadline)
            return
        try:
            mails = mailer.send_digest(message.name, deadline)
        except Exception as error:
            if not isinstance(error, DigestBusyError):
                metrics.add_metric("MailsFailed", MetricUnit.Count, 1)
            # Sooner than the queue would by itself.
            sqs.change_message_visibility(
                QueueUrl=settings.mail_queue_url, ReceiptHandle=record.receipt_handle, VisibilityTimeout=RETRY_SECONDS
            )
            raise
        metrics.add_metric("MailsSent", MetricUnit.Count, mails)

    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False, logger=logger)
    return process_partial_response(event, see_to_mail, processor, context)
