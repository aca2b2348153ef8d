"""Emit findings as Prefect events, such as `recspend.budget.exceeded`, for automations of the Prefect server.

Each finding is one event, however many there are. Emitting does not wait for the server.
"""

from collections.abc import Callable

from prefect.events import emit_event
from prefect.settings import get_current_settings

from transforms.monitor.findings import Finding
from transforms.monitor.messages import Message


def announcer() -> Callable[[Message], None] | None:
    """Return the function that emits events; None if the Prefect server is a temporary one.

    A temporary server ends with the run and has no automations, so the events are left to the next permanent server.
    """
    return announce if get_current_settings().api.url else None


def announce(message: Message) -> None:
    """Emit an event for each finding of a message.

    The resource is what the finding is about, so that automations can distinguish findings. Known facts are labels of
    the resource (`recspend.currency`); the payload has the sentence and what to do.
    """
    for finding in message.findings:
        emit_event(
            event=message.event,
            resource=_resource(finding),
            payload={
                "key": finding.key,
                "sentence": finding.sentence,
                "to_do": message.to_do,
                "facts": finding.facts,
            },
        )


def _resource(finding: Finding) -> dict[str, str]:
    known = {f"recspend.{name}": value for name, value in finding.facts.items() if value is not None}
    return {
        "prefect.resource.id": f"recspend.{finding.key.replace(' ', '.')}",
        "prefect.resource.name": finding.facts.get("account_name") or finding.subject,
        **known,
    }
