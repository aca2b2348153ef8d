"""The states that a flow run ends in, told from its summary or its error. Automations act on their names.

Types are Prefect's own, so that whoever watches for Failed sees every failure; the name says which.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import runtime
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed, Scheduled

from flows.job import Summary
from transforms.errors import ApiError, BusyError, ConfigError, RecspendError

WITH_HOLES = "Completed with holes"
FAILED_CHECKS = "Failed checks"
API_REFUSED = "API refused"
WRONG_SETTINGS = "Wrong settings"
BUSY = "Data folder busy"

_BETWEEN_TRIES = timedelta(minutes=1)
_TRIES = 60


def state_of_summary(summary: Summary) -> State[Any]:
    """The state of a run that came to its end."""
    if summary.stopping_checks:
        names = ", ".join(check.check.name for check in summary.stopping_checks)
        return Failed(name=FAILED_CHECKS, message=f"Checks failed: {names}. The reports stay as they were.")
    if summary.failed:
        accounts = " ".join(f"{account}: {told}" for account, told in summary.failed.items())
        return Failed(name=API_REFUSED, message=accounts)
    if summary.holes:
        return Completed(
            name=WITH_HOLES,
            message=f"{summary.holes} days of accounts are missing; reports/holes.csv says which.",
        )
    return Completed(message="Done.")


def state_of_error(error: RecspendError) -> State[Any]:
    """The state of a run that an error ended. One that found the data folder held is tried again when it can be."""
    match error:
        case BusyError():
            return _busy(error)
        case ConfigError():
            return Failed(name=WRONG_SETTINGS, message=str(error))
        case ApiError():
            return Failed(name=API_REFUSED, message=str(error))
        case _:
            return Failed(message=str(error))


def _busy(error: BusyError) -> State[Any]:
    """Deployments of several accounts share a data folder and a minute, so they take turns.

    Prefect starts a run anew only when it is of a deployment. The next one of the same deployment then finds its slot
    taken, and is cancelled: it would read nothing that this one does not.
    """
    if runtime.deployment.id and (runtime.flow_run.run_count or 0) < _TRIES:
        again = datetime.now(UTC) + _BETWEEN_TRIES
        return Scheduled(name=BUSY, scheduled_time=again, message=str(error))
    return Cancelled(name=BUSY, message=str(error))
