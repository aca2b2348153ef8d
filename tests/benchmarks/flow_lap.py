"""A whole run as a process, as plain functions or as a Prefect flow, with marks of when the work began and ended.

Its only argument is `plain` or `flow`; settings come from the environment, as for the command. Prints one line of JSON.
"""

import json
import sys
import time

_BEGAN = time.time()


def main() -> None:
    """Do the run, and tell: seconds until the stages began, in them, and until all was done; CPU seconds but for the
    first; rows and cost."""
    from flows.run import stages
    from flows.run.request import RunContext, RunRequest, context_of
    from flows.run.summary import RunSummary
    from flows.settings.settings import load

    perform, marks = stages.perform, []

    def marked(context: RunContext, request: RunRequest) -> RunSummary:
        marks.extend([time.process_time(), time.time()])
        summary = perform(context, request)
        marks.append(time.time())
        return summary

    stages.perform = marked  # before the flow takes hold of it
    job = RunRequest("run")
    work = context_of(load())
    if sys.argv[1] == "flow":
        from flows.pipeline.flow import perform_as_flow

        summary = perform_as_flow(work, job)
    else:
        summary = stages.perform(work, job)
    cpu_entered, entered, left = marks
    told = {
        "start": entered - _BEGAN,
        "stages": left - entered,
        "after": time.time() - left,
        "run_cpu": time.process_time() - cpu_entered,
        "rows": summary.rows,
        "cost": summary.cost,
        "exit_code": summary.exit_code,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
