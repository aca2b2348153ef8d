"""The states that a flow run ends in, derived from its summary or error. Automations react to their names.

Types are Prefect's own, so that an automation for Failed sees every failure; the name says which one it is.
"""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from flows.run.summary import RunSummary
from transforms.errors import ApiError, BusyError, ConfigError, RecspendError
from transforms.report.run_remarks import days_missing
from transforms.values.visible import visible

WITH_HOLES = "Completed with holes"
FAILED_CHECKS = "Failed checks"
API_REFUSED = "API refused"
WRONG_SETTINGS = "Wrong settings"
BUSY = "Data folder busy"


def state_of_summary(summary: RunSummary) -> State[Any]:
    """Return the state of a run that finished."""
    if summary.stopping_checks:
        names = ", ".join(check.check.name for check in summary.stopping_checks)
        return Failed(name=FAILED_CHECKS, message=f"Checks failed: {names}. The reports were not changed.")
    if summary.failed:
        accounts = " ".join(f"{account}: {reason}" for account, reason in summary.failed.items())
        return Failed(name=API_REFUSED, message=visible(accounts))
    if summary.holes:
        return Completed(
            name=WITH_HOLES,
            message=days_missing(summary.holes).with_file,
        )
    return Completed(message="Done.")


def state_of_error(error: RecspendError) -> State[Any]:
    """Return the state of a run that an error ended. Its message is the one that the command line shows."""
    match error:
        case BusyError():
            # Not a failure: the run that holds the folder, or the next one, reads what this one would have read.
            return Cancelled(name=BUSY, message=visible(str(error)))
        case ConfigError():
            return Failed(name=WRONG_SETTINGS, message=visible(str(error)))
        case ApiError():
            return Failed(name=API_REFUSED, message=visible(str(error)))
        case _:
            return Failed(message=visible(str(error)))
