"""Have the runs of `serve` load our flow, whatever their deployment on the server says."""

import os
from typing import Any

from flows.stores.prefect import defaults as prefect_defaults  # noqa: F401 (before Prefect)

# isort: split
from prefect.flows import Flow
from prefect.runner import runner as prefect_runner

from flows.pipeline.flow import pipeline
from transforms.errors import ConfigError

_CODE_OF_RUNS = "PREFECT__FLOW_ENTRYPOINT"
_LOADER = "load_flow_from_flow_run"


def run_only_our_flow(entrypoint: str) -> None:
    """Load this flow in all runs that this process starts. A deployment may be changed on the server to run commands.

    Raises ConfigError if this version of Prefect loads flows in a way that we do not know.
    """
    os.environ[_CODE_OF_RUNS] = entrypoint
    # After a run was cancelled or killed, this process would load what the deployment names, to look for hooks.
    if not hasattr(prefect_runner, _LOADER):
        raise ConfigError(
            "This version of Prefect loads flows in an unknown way. Install the one of requirements.lock."
        )
    setattr(prefect_runner, _LOADER, _our_flow)


async def _our_flow(*_: object, **__: object) -> Flow[..., Any]:
    return pipeline
