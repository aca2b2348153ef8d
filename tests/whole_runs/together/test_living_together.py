"""Several machines that share a bucket take turns at a ledger that changes: as right as one machine alone.

The machine of `test_living.py`, whose runs are done in one of three data folders each; what is correct does not depend
on which. Requests to the bucket fail in between, and runs are interrupted anywhere.
"""

import random
from collections.abc import Set
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from flows.run.request import RunRequest
from flows.stores.bucket import leases
from tests.support.faults.bucket_faults import dying_at, sprinkled
from tests.support.runs.ledger_runs import rows_of
from tests.support.servers.bucket_server import BucketServer, bucket_in_reach
from tests.whole_runs.test_living import SLOWLY, Interrupted, LivingMachine
from transforms.report.since_last_run import Changes

MACHINES = 3


class Together(LivingMachine):
    """The state machine, with a bucket and a folder for each of several machines."""

    server: BucketServer

    def __init__(self) -> None:
        super().__init__()
        self.server = self.stack.enter_context(bucket_in_reach())
        # A machine that was interrupted leaves its lease.
        self.stack.enter_context(patch.object(leases, "LEASE", timedelta(0)))
        self.root = self.data_dir
        self.is_shown_unknown = False

    def _perform(self, request: RunRequest, is_whole: bool, faults: Set[str], seed: int) -> Changes | None:
        self.data_dir = self.root / f"machine-{seed % MACHINES}"
        of_machine = self.context.settings.model_copy(
            update={"data_dir": self.data_dir, "lake_url": self.server.url}
        )
        self.context = replace(self.context, settings=of_machine)
        self.server.fault = sprinkled(random.Random(seed), 0.02 * (seed % 4 == 0))
        dies = (
            dying_at(1 + seed // 2, is_done=seed % 2 == 0, how=Interrupted)
            if seed % 5 == 1
            else nullcontext()
        )
        try:
            with dies:
                since = super()._perform(request, is_whole, faults, seed)
        except Interrupted:
            self.is_shown_unknown |= is_whole  # it may have shown what it found, or not
            raise
        finally:
            self.server.fault = lambda method, path: "as asked"
        return since

    def _compare_since(self, since: Changes | None) -> None:
        if since is None or not self.is_shown_unknown:
            super()._compare_since(since)
            return
        self.is_shown_unknown = False
        rows = rows_of(self.data_dir, "select * from marts.fct_recordings")
        self.shown = {row["recording_sid"]: row for row in rows}


@pytest.fixture(autouse=True)
def only_planned_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in `test_living.py`."""
    monkeypatch.setattr("transforms.ingest.blocks._SMALL", -1)


def test_machines_that_take_turns_match_the_model() -> None:
    few = settings(max_examples=2, stateful_step_count=3, derandomize=True, suppress_health_check=SLOWLY)
    run_state_machine_as_test(Together, settings=few)


@pytest.mark.slow
def test_machines_that_take_turns_match_the_model_often() -> None:
    many = settings(max_examples=12, stateful_step_count=20, suppress_health_check=SLOWLY)
    run_state_machine_as_test(Together, settings=many)
