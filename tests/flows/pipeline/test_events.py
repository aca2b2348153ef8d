"""Findings as Prefect events: they go to a permanent server, not to a temporary one."""

from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.pipeline import events, flow_run
from flows.run.request import RunContext, RunRequest
from flows.run.summary import RunSummary
from tests.support.samples.attacks import ATTACK, acting
from transforms.errors import ConfigError
from transforms.monitor.findings import KINDS, Finding
from transforms.monitor.messages import messages


def test_event_has_no_character_that_acts_on_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    emitted = list[Any]()
    monkeypatch.setattr(events, "emit_event", lambda **given: emitted.append(given))
    odd = Finding("rate.differs", ATTACK, ATTACK, {"account_name": ATTACK, "source": ATTACK, "note": None})
    for message in messages([odd], (), KINDS):
        events.announce(message)
        assert acting([message.text, message.as_object()]) == set()
    assert len(emitted) == 1
    assert acting(emitted) == set()


@pytest.mark.parametrize(("server", "is_announced"), [("http://127.0.0.1:9/api", True), (None, False)])
def test_events_go_only_to_a_permanent_server(
    server: str | None, is_announced: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_settings: None
) -> None:
    announced = list[bool]()

    def perform(context: RunContext, _: RunRequest) -> RunSummary:
        announced.append(context.announce is not None)
        raise ConfigError("Enough was seen.")

    monkeypatch.setenv("RECSPEND_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(flow_run, "perform", perform)
    with temporary_settings({PREFECT_API_URL: server}):
        flow_run.in_flow(RunRequest("model"))
    assert announced == [is_announced]
