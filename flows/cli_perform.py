"""Doing a job from the command line: progress, Prefect or not, what came of it, and the exit code."""

import json
import os
import sys
from dataclasses import replace

import typer

from flows.cli_output import say, show
from flows.job import Job, Summary, Work

_INTERRUPTED = 130  # as a shell says of a program that Ctrl-C ended


def perform_job(work: Work | None, job: Job, *, as_json: bool, prefect: bool) -> None:
    """Do a job with a progress bar, directly or through Prefect, and print what came of it."""
    from flows.screen import progress_shown
    from flows.settings import load
    from flows.stages import perform, prepare

    work = work or prepare(load(), job)
    through_prefect = prefect or bool(os.environ.get("PREFECT_API_URL"))
    if through_prefect and not os.environ.get("PREFECT_API_URL"):
        say(
            "Starting a temporary Prefect server; this takes some seconds. Set PREFECT_API_URL to use your own."
        )
    try:
        with progress_shown() as progress:
            work = replace(work, progress=progress)
            if through_prefect:
                from flows.pipeline import perform_as_flow

                summary = perform_as_flow(work, job)
            else:
                summary = perform(work, job)
    except KeyboardInterrupt:
        say("Stopped. What has landed is kept, and the next run goes on from there.")
        # At once: Python would wait for the answers that lanes still expect.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_INTERRUPTED)
    _show(summary, work, as_json=as_json)
    if summary.exit_code:
        raise typer.Exit(summary.exit_code)


def _show(summary: Summary, work: Work, *, as_json: bool) -> None:
    from flows.screen import files_line, remarks, since_lines, spend_tables, stage_line

    if as_json:
        typer.echo(json.dumps(summary.as_object()))
        return
    if summary.cost is not None:
        show(*spend_tables(work.settings.data_dir))
    since = since_lines(summary.since) if summary.since else []
    show(stage_line(summary), *since, *remarks(summary))
    if summary.reports:
        show(files_line(work.settings.data_dir))
