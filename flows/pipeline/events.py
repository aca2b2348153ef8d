"""Findings as Prefect events, `recspend.budget.exceeded` and so on, for automations of the Prefect server to act on.

An event goes out for each finding, however many there are. Emitting does not wait for the server.
"""

from collections.abc import Callable

from prefect.events import emit_event
from prefect.settings import get_current_settings

from transforms.monitor.findings import Finding
from transforms.monitor.messages import Message


def announcer() -> Callable[[Message], None] | None:
    """What announces to the Prefect server; None when it is a temporary one.

    That one ends with the run, and no automation acts on what it heard: the next server is to be told.
    """
    return announce if get_current_settings().api.url else None


def announce(message: Message) -> None:
    """Emit an event for each finding of a message.

    Its resource is what the finding is about, so that an automation can tell one from the other; the facts known are
    labels of it (`recspend.currency`), and the payload has the sentence and what to do.
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
