"""Runs whose process was killed: Prefect's server detects them by their missing heartbeats."""

from datetime import timedelta

from flows.stores.prefect import defaults as prefect_defaults  # noqa: F401 (before Prefect)

# isort: split
from prefect import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.settings import get_current_settings

from flows.pipeline.flow import FLOW

_LOST_RUNS = f"{FLOW}: runs whose process was killed"
_HEARTBEATS_MISSED = 3


def watch_for_lost_runs() -> None:
    """Make the server mark a run as crashed if its process sends no more heartbeats.

    Otherwise a run whose machine lost power would count as running forever and keep the next runs from starting.
    """
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow_from_name(FLOW)
        wanted = _lost_runs(str(flow_id))
        found = next((each for each in client.read_automations() if each.name == wanted.name), None)
        if found:
            client.update_automation(found.id, wanted)
        else:
            client.create_automation(wanted)


def _lost_runs(flow_id: str) -> AutomationCore:
    heartbeat = get_current_settings().flows.heartbeat_frequency or 0
    within = timedelta(seconds=_HEARTBEATS_MISSED * heartbeat)
    return AutomationCore(
        name=_LOST_RUNS,
        description="Marks a run as crashed when its heartbeats stop, so that the next one can start.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            # Any event of the run: another heartbeat, or the state it ends in.
            expect={"prefect.flow-run.*"},
            match_related={"prefect.resource.id": f"prefect.flow.{flow_id}", "prefect.resource.role": "flow"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=within,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                name="Crashed",
                force=False,
                message=f"No heartbeat for {within.total_seconds():.0f} seconds. What has landed is kept; "
                "the next run, or a retry of this one, continues from there.",
            )
        ],
    )
