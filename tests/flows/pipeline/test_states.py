"""The states that a flow run ends in: their types are Prefect's, their names say what happened."""

from typing import Literal

import pytest
from prefect.client.schemas.objects import StateType

from flows.pipeline.states import state_of_error, state_of_summary
from flows.run.summary import RunSummary
from flows.stores.warehouse.checks import CheckResult
from tests.support.samples.summaries import summary_of
from transforms.errors import ApiError, BusyError, ConfigError, DataError, RecspendError
from transforms.model.models import Check


def failing(severity: Literal["fail", "warn"]) -> CheckResult:
    check = Check("keys_are_unique", "keys_are_unique.sql", "select 1", severity, "Rows would count twice.")
    return CheckResult(check, 2, [])


@pytest.mark.parametrize(
    ("summary", "kind", "name", "words"),
    [
        (summary_of(holes=0), StateType.COMPLETED, "Completed", "Done."),
        (summary_of(holes=4), StateType.COMPLETED, "Completed with holes", "4 days of accounts"),
        (
            summary_of(failed={"sales": "The API refuses."}),
            StateType.FAILED,
            "API refused",
            "sales: The API refuses.",
        ),
        # The basis of the reports comes before what is missing in them.
        (summary_of(holes=4, failed={"sales": "No."}), StateType.FAILED, "API refused", "No."),
        (
            summary_of(failed={"sales": "No."}, checks=[failing("fail")]),
            StateType.FAILED,
            "Failed checks",
            "keys_are_unique",
        ),
        (summary_of(holes=0, checks=[failing("warn")]), StateType.COMPLETED, "Completed", "Done."),
    ],
)
def test_summary_becomes_a_state(summary: RunSummary, kind: StateType, name: str, words: str) -> None:
    state = state_of_summary(summary)
    assert (state.type, state.name) == (kind, name)
    assert words in (state.message or "")
    assert state.is_completed() == (summary.exit_code == 0)


@pytest.mark.parametrize(
    ("error", "kind", "name"),
    [
        (BusyError("Held."), StateType.CANCELLED, "Data folder busy"),
        (ConfigError("Wrong."), StateType.FAILED, "Wrong settings"),
        (ApiError("No."), StateType.FAILED, "API refused"),
        (DataError("Torn."), StateType.FAILED, "Failed"),
    ],
)
def test_error_becomes_a_state_with_its_message(error: RecspendError, kind: StateType, name: str) -> None:
    state = state_of_error(error)
    assert (state.type, state.name, state.message) == (kind, name, str(error))
