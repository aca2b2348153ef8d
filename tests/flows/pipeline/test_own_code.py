"""The runs of `serve`, and its search for hooks, load our flow."""

import asyncio
import os

import pytest
from prefect.runner import runner as runner_module

from flows.pipeline.deployments import ENTRYPOINT
from flows.pipeline.flow import pipeline
from flows.pipeline.own_code import run_only_our_flow
from transforms.errors import ConfigError


def test_served_runs_and_hooks_are_those_of_our_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__FLOW_ENTRYPOINT", "theirs.py:flow")
    loader = "load_flow_from_flow_run"
    monkeypatch.setattr(runner_module, loader, getattr(runner_module, loader))
    run_only_our_flow(ENTRYPOINT)
    assert os.environ["PREFECT__FLOW_ENTRYPOINT"] == "recspend_installed.pipeline"
    load = getattr(runner_module, loader)
    assert asyncio.run(load("a flow run", storage_base_path="/theirs")) is pipeline
    monkeypatch.delattr(runner_module, loader)
    with pytest.raises(ConfigError, match="loads flows in an unknown way"):
        run_only_our_flow(ENTRYPOINT)
