"""Write `prefect.yaml`, for `prefect deploy --all`, from the deployment of `recspend deploy`. `make docs` runs it."""

from pathlib import Path

import yaml

from flows.pipeline.deployments import Timetable, deployment_of, environment_of_runs
from flows.pipeline.flow import FLOW
from transforms.settings.run_names import ALL_ACCOUNTS, HOURLY

PATH = Path(__file__).parents[2] / "prefect.yaml"

_HEADER = """\
# Written by `make docs`. Run `prefect deploy --all` in the folder that holds the settings file. `recspend deploy` does
# the same for any work pool, can create a deployment per account, and makes the server detect runs whose process was
# killed.
#
# Nothing is built or copied: the code is loaded from where recspend is installed, and runs use the current folder.
# One run at a time: a run that is due in the meantime is cancelled, and the next one reads whatever is not covered.
"""


def render() -> str:
    """Return the text of prefect.yaml: one deployment of all accounts, hourly, for the pool `recspend`."""
    made = deployment_of(ALL_ACCOUNTS, None, Timetable(HOURLY))
    if made.concurrency_options is None:
        raise ValueError("The deployment does not limit concurrent runs.")
    deployment = {
        "name": made.name,
        "entrypoint": made.entrypoint,
        "tags": made.tags,
        "concurrency_limit": {
            "limit": made.concurrency_limit,
            "collision_strategy": made.concurrency_options.collision_strategy.value,
        },
        "schedules": [{"cron": HOURLY, "timezone": "UTC"}],
        "work_pool": {"name": FLOW, "job_variables": {"env": environment_of_runs()}},
    }
    project = {"name": FLOW, "build": None, "push": None, "pull": None, "deployments": [deployment]}
    return _HEADER + yaml.safe_dump(project, sort_keys=False)


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
