"""Do a whole run in its own process, as plain functions or as a Prefect flow, and time its parts.

The only argument is `plain` or `flow`. Settings come from the environment, as for the command. Prints one line of JSON.
"""

import json
import sys
import time

_BEGAN = time.time()


def main() -> None:
    """Do the run and print its times, rows and cost.

    `start`, `stages` and `after` are wall seconds before, in and after the stages. `run_cpu` are CPU seconds without
    the start.
    """
    from flows.run import stages
    from flows.run.request import RunContext, RunRequest, context_of
    from flows.run.summary import RunSummary
    from flows.settings.loading import load

    perform, marks = stages.perform, []

    def marked(context: RunContext, request: RunRequest) -> RunSummary:
        marks.extend([time.process_time(), time.time()])
        summary = perform(context, request)
        marks.append(time.time())
        return summary

    stages.perform = marked  # before the flow imports it
    request = RunRequest("run")
    context = context_of(load())
    if sys.argv[1] == "flow":
        from flows.pipeline.flow import perform_as_flow

        summary = perform_as_flow(context, request)
    else:
        summary = stages.perform(context, request)
    cpu_entered, entered, left = marks
    printed = {
        "start": entered - _BEGAN,
        "stages": left - entered,
        "after": time.time() - left,
        "run_cpu": time.process_time() - cpu_entered,
        "rows": summary.rows,
        "cost": summary.cost,
        "exit_code": summary.exit_code,
    }
    sys.stdout.write(json.dumps(printed) + "\n")


if __name__ == "__main__":
    main()
