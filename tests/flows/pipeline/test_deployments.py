"""What Prefect shows of the pipeline: parameters that are safe to fill in, and consistent deployments."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import date
from typing import Any, cast

import pytest
import yaml
from httpx import ConnectError
from prefect.deployments.runner import RunnerDeployment
from prefect.utilities.callables import parameter_schema

from flows.pipeline import deployments
from flows.pipeline.deployments import Timetable
from flows.pipeline.flow import FLOW, pipeline
from flows.run.request import RunRequest
from flows.settings.settings import Settings
from tests.support import TOP
from transforms.errors import ConfigError
from transforms.settings.run_names import ALL_ACCOUNTS, HOURLY


def test_flow_parameters_are_typed_described_and_not_secret() -> None:
    schema = parameter_schema(pipeline)
    assert schema.required == []
    shown = schema.properties
    assert [name for name, field in shown.items() if not field.get("description")] == []
    for name in ("first", "last"):
        assert {"type": "string", "format": "date"} in shown[name]["anyOf"]
    assert shown["concurrency"]["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 64}
    assert (shown["audit_days"]["minimum"], shown["wait_minutes"]["minimum"]) == (0, 0)
    secrets = {name for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)}
    assert secrets
    assert shown.keys() & secrets == set()


@pytest.fixture(scope="module")
def said_apart() -> list[Any]:
    """Ask a process that loads Prefect again, as it reads the environment only then, for prefect.yaml and more."""
    said = (
        "prefect_yaml.render()",
        "deployments.environment_of_runs()",
        "lost_runs._lost_runs('1').trigger.within.total_seconds()",
    )
    script = (
        "import json; from flows.pipeline import deployments, lost_runs, prefect_yaml; "
        f"print(json.dumps([{', '.join(said)}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True
    )
    found: list[Any] = json.loads(done.stdout)
    return found


def test_flow_allows_as_many_windows_as_the_settings() -> None:
    low, high = Settings.model_fields["concurrency"].metadata
    shown = parameter_schema(pipeline).properties["concurrency"]["anyOf"][0]
    assert (shown["minimum"], shown["maximum"]) == (low.ge, high.le)


def test_prefect_yaml_is_written_by_make_docs(said_apart: list[Any]) -> None:
    written = (TOP / "prefect.yaml").read_text("utf-8")
    assert written == said_apart[0]


def test_prefect_yaml_says_what_recspend_deploy_does(said_apart: list[Any]) -> None:
    project = yaml.safe_load((TOP / "prefect.yaml").read_text("utf-8"))
    assert [project[step] for step in ("build", "push", "pull")] == [None, None, None]
    (written,) = project["deployments"]
    made: RunnerDeployment = deployments.deployment_of(ALL_ACCOUNTS, None, Timetable(HOURLY))
    assert (written["name"], written["entrypoint"], written["tags"]) == (
        made.name,
        made.entrypoint,
        made.tags,
    )
    assert made.entrypoint == "recspend_installed.pipeline"
    assert written["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert written["work_pool"]["name"] == "recspend"
    env = written["work_pool"]["job_variables"]["env"]
    assert env == said_apart[1]
    assert env["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "60"
    (schedule,) = written["schedules"]
    assert made.schedules
    cron = made.schedules[0].schedule
    assert cron
    assert cron.model_dump(include={"cron", "timezone"}) == schedule


def test_run_is_lost_after_three_minutes_without_a_heartbeat(said_apart: list[Any]) -> None:
    assert said_apart[2] == 180


class Running:
    """Replaces Prefect's runner: runs until it is asked to end, or raises an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.was_asked_to_end = False

    async def start(self) -> None:
        if self.error:
            raise self.error
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.was_asked_to_end = True
            raise


def test_served_process_ends_when_its_server_has_ended() -> None:
    runner, asked = Running(), iter([False, True])
    with pytest.raises(ConfigError, match="has ended by itself"):
        asyncio.run(deployments._run_with_server(lambda: next(asked), cast(Any, runner)))
    assert runner.was_asked_to_end


def test_runner_reports_an_unresponsive_server_in_a_sentence() -> None:
    groups = [
        ExceptionGroup("of a task group", [ExceptionGroup("of another", [error])])
        for error in (ConnectError("refused"), RuntimeError("Service exceeded error threshold."))
    ]
    for group, name in zip(groups, ("ConnectError", "RuntimeError"), strict=True):
        runner = cast(Any, Running(group))
        with (
            pytest.raises(ConfigError, match=rf"does not respond \({name}\)"),
            deployments._server_errors_reported(),
        ):
            asyncio.run(deployments._run_with_server(lambda: False, runner))
    with pytest.raises(ExceptionGroup), deployments._server_errors_reported():
        raise ExceptionGroup("something else", [KeyError("unexpected")])


def test_deployment_of_one_account_waits_for_the_others() -> None:
    made = deployments.deployment_of("support", "support", None)
    assert made.full_name == f"{FLOW}/support"
    assert made.parameters["account"] == "support"
    assert made.parameters["wait_minutes"] > 0
    assert not made.schedules


def test_shards_are_deployments_of_their_own() -> None:
    made = deployments.shard_deployments(3, Timetable("5 * * * *"))
    assert [(each.name, each.parameters) for each in made] == [
        ("shard-1-of-3", {"shard": "1/3"}),
        ("shard-2-of-3", {"shard": "2/3"}),
        ("shard-3-of-3", {"shard": "3/3"}),
    ]


@pytest.mark.parametrize("cron", ["", "x y", "61 * * * *", "* * * *"])
def test_invalid_schedule_is_refused(cron: str) -> None:
    with pytest.raises(ConfigError, match="is not a valid schedule"):
        Timetable(cron).schedule()


@pytest.mark.parametrize("cron", ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_schedule_that_is_never_due_is_refused(cron: str) -> None:
    with pytest.raises(ConfigError, match=r"is never due\. Correct its day and month\."):
        Timetable(cron, "Europe/Berlin").refuse_never_due()


@pytest.mark.parametrize("cron", ["17 * * * *", "0 0 29 2 *", "0 0 31 * 1", "@daily"])
def test_schedule_that_is_due_is_accepted(cron: str) -> None:
    Timetable(cron, "Europe/Berlin").refuse_never_due()


@pytest.mark.parametrize(
    ("run_request", "words"),
    [
        (RunRequest(first=date(2026, 10, 1), last=date(2026, 9, 1)), "is after the last day, 2026-09-01"),
        (RunRequest(first=date(2026, 12, 1)), "is in the future"),
        (RunRequest(first=date(2026, 12, 1), last=date(2026, 12, 2)), "is in the future"),
        (RunRequest(again=True), "needs a first day"),
        (RunRequest(account="support", figures_only=True), "--figures-only reads nothing"),
    ],
)
def test_impossible_days_are_refused(run_request: RunRequest, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        run_request.checked(date(2026, 11, 23))


def test_possible_days_are_accepted() -> None:
    run_request = RunRequest(first=date(2026, 11, 23), last=date(2026, 11, 23), again=True)
    assert run_request.checked(date(2026, 11, 23)) is run_request
    assert RunRequest(last=date(2027, 1, 1)).checked(date(2026, 11, 23))


def test_account_name_invalid_in_prefect_is_replaced_by_its_sid() -> None:
    assert deployments._deployable("AC1", "support") == "support"
    name = deployments._deployable("AC1", "EU/support")
    assert name == "AC1"
    made = deployments.deployment_of(name, "EU/support", None)
    assert (made.full_name, made.parameters["account"]) == (f"{FLOW}/AC1", "EU/support")
