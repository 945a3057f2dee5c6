"""One CloudFormation stack: its change set, the events of its execution, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.failures import DeployError, Failure, StackError, ended

type Event = dict[str, Any]
type OnEvent = Callable[[Event], None]

PATIENCE_SECONDS = 3600
_ENDS = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "DELETE_COMPLETE",
    "ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_FAILED",
    "DELETE_FAILED",
}
_MADE = ("CREATE_COMPLETE", "FAILED")
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class ChangeSet:
    """What would happen to a stack.

    changes: the `ResourceChange` of each resource, as CloudFormation describes it.
    parameters: every parameter's value then.
    """

    arn: str
    changes: list[dict[str, Any]]
    parameters: dict[str, str]


class Stack:
    """A stack by name, whether it exists or not."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def description(self) -> dict[str, Any] | None:
        """What CloudFormation says of it; None where there is none, or only the draft of one."""
        try:
            stack: dict[str, Any] = self._client.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return None if stack["StackStatus"] in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE") else stack

    def status(self) -> str | None:
        stack = self.description()
        return stack["StackStatus"] if stack else None

    def parameters(self) -> dict[str, str]:
        stack = self.description() or {}
        return {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack.get("Parameters", [])}

    def outputs(self) -> dict[str, str]:
        stack = self.description() or {}
        return {entry["OutputKey"]: entry["OutputValue"] for entry in stack.get("Outputs", [])}

    def settle(self, on_event: OnEvent) -> str | None:
        """Waits for an operation that is under way, and returns the status it left."""
        seen = {event["EventId"] for event in self._events(self.name)} if self.description() else set()

        def settled() -> bool:
            status = self.status()
            for event in self._new_events(self.name, seen) if status else ():
                on_event(event)
            return not (status or "").endswith("_IN_PROGRESS")

        _wait(settled, f"{self.name} to come to rest")
        return self.status()

    def plan(
        self, template: str, capabilities: list[str], parameters: list[dict[str, Any]], tags: dict[str, str]
    ) -> ChangeSet | None:
        """Makes a change set; None where nothing would change.

        parameters: as CreateChangeSet takes them.
        Raises StackError where CloudFormation refuses it.
        """
        created = self._client.create_change_set(
            StackName=self.name,
            ChangeSetName=f"deploy-{time.time_ns()}",
            ChangeSetType="UPDATE" if self.description() else "CREATE",
            TemplateBody=template,
            Capabilities=capabilities,
            Parameters=parameters,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        arn = created["Id"]
        _wait(lambda: self._change_set(arn)["Status"] in _MADE, f"the change set of {self.name}")
        described = self._change_set(arn)
        if described["Status"] == "FAILED":
            reason = described.get("StatusReason", "")
            unchanged = any(words in reason for words in _NO_CHANGES)
            failures = [] if unchanged else self._validation_failures(ChangeSetName=arn)
            self._discard(arn)
            if unchanged:
                return None
            raise StackError(f"CloudFormation refused the change set of {self.name}. {reason}", failures)
        return ChangeSet(
            arn=arn,
            changes=[change["ResourceChange"] for change in described["Changes"]],
            parameters={entry["ParameterKey"]: entry["ParameterValue"] for entry in described.get("Parameters", [])},
        )

    def discard(self, change_set: ChangeSet) -> None:
        self._discard(change_set.arn)

    def _discard(self, arn: str) -> None:
        """Deletes a change set, and the draft of a stack that was made for it."""
        self._client.delete_change_set(ChangeSetName=arn)
        if self.description() is None:
            self._client.delete_stack(StackName=self.name)

    def execute(self, change_set: ChangeSet, on_event: OnEvent) -> None:
        """Carries a change set out and hands over the events as they happen.

        Raises StackError with each failed resource where the stack does not end as asked.
        """
        stack_id = self._change_set(change_set.arn)["StackId"]
        seen = {event["EventId"] for event in self._events(stack_id)}
        self._client.execute_change_set(ChangeSetName=change_set.arn)
        self._follow(stack_id, seen, on_event, ("CREATE_COMPLETE", "UPDATE_COMPLETE"))

    def delete(self, on_event: OnEvent) -> None:
        """Deletes the stack; raises StackError where something of it stays."""
        stack_id = (self.description() or {})["StackId"]
        seen = {event["EventId"] for event in self._events(stack_id)}
        self._client.delete_stack(StackName=stack_id)
        self._follow(stack_id, seen, on_event, ("DELETE_COMPLETE",))

    def _follow(self, stack_id: str, seen: set[str], on_event: OnEvent, wanted: tuple[str, ...]) -> None:
        happened: list[Event] = []

        def over() -> bool:
            for event in self._new_events(stack_id, seen):
                happened.append(event)
                on_event(event)
            # The stack's own event, since its status may still be that of the operation before.
            return bool(happened) and happened[-1]["PhysicalResourceId"] == stack_id and _status(happened[-1]) in _ENDS

        _wait(over, f"{self.name} to come to rest")
        status = _status(happened[-1])
        if status not in wanted:
            operations = {event["OperationId"] for event in happened if "OperationId" in event}
            found = self._validation_failures(StackName=stack_id, operations=operations)
            raise StackError(ended(self.name, status), found or _failures(happened))

    def _change_set(self, arn: str) -> dict[str, Any]:
        pages = self._client.get_paginator("describe_change_set").paginate(ChangeSetName=arn)
        described: dict[str, Any] = {}
        for page in pages:
            described = page | {"Changes": described.get("Changes", []) + page.get("Changes", [])}
        return described

    def _events(self, stack_id: str) -> Iterator[Event]:
        """Newest first."""
        for page in self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
            yield from page["StackEvents"]

    def _new_events(self, stack_id: str, seen: set[str]) -> list[Event]:
        """Those not seen before, oldest first; marks them as seen."""
        new: list[Event] = []
        for event in self._events(stack_id):
            if event["EventId"] in seen:
                break
            new.append(event)
        seen.update(event["EventId"] for event in new)
        return new[::-1]

    def _validation_failures(self, operations: Collection[str] = (), **of: str) -> list[Failure]:
        """What CloudFormation found before it touched anything, such as a name that is taken.

        operations: those whose findings count; all where none is named.
        """
        try:
            events = self._client.describe_events(Filters={"FailedEvents": True}, **of)["OperationEvents"]
        except ClientError:
            # Who may not ask for them, or asks where there are none yet, is told of the failure by its other events.
            return []
        return [
            Failure(event.get("LogicalResourceId", ""), event.get("ResourceType", ""), event["ValidationStatusReason"])
            for event in events
            if event.get("ValidationStatusReason") and (not operations or event.get("OperationId") in operations)
        ]


def _status(event: Event) -> str:
    return str(event["ResourceStatus"])


def _failures(events: list[Event]) -> list[Failure]:
    """The resources that failed by themselves; those cancelled because another failed say nothing."""
    return [
        Failure(event["LogicalResourceId"], event["ResourceType"], event.get("ResourceStatusReason", "no reason given"))
        for event in events
        if _status(event).endswith("_FAILED") and "cancelled" not in event.get("ResourceStatusReason", "")
    ]


def _wait(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = 0.05
    while not done():
        if time.monotonic() > deadline:
            raise DeployError(f"Waited an hour for {what}. Run the same command again to go on waiting.")
        time.sleep(pause)
        pause = min(pause * 1.5, 3)
