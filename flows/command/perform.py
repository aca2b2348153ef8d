"""A run started from the command line: progress, Prefect or not, the result and the exit code."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import typer

from flows.command.screen.output import put, say, show
from flows.run.request import RunContext, RunRequest
from flows.run.summary import RunSummary
from flows.stage import utc_now
from flows.stores.prefect.temporary_server import stop_temporary_server

# What a shell reports for a program ended by Ctrl-C or SIGTERM.
_INTERRUPTED, _TERMINATED = 130, 143


def perform_request(context: RunContext | None, request: RunRequest, *, as_json: bool, prefect: bool) -> None:
    """Do what is asked for with a progress bar, directly or through Prefect, and print the result."""
    from flows.command.screen.progress import progress_shown
    from flows.run.request import context_of
    from flows.run.stages import perform
    from flows.settings.accounts import refuse_unknown
    from flows.settings.loading import load

    through_prefect = prefect or bool(os.environ.get("PREFECT_API_URL"))
    with _stopping_well():
        if context is None:
            context = context_of(load())
            # This is wrong use, not a failed run.
            refuse_unknown(context.settings, request.account)
        request = request.checked(utc_now().date())
        if through_prefect and not os.environ.get("PREFECT_API_URL"):
            say(
                "Starting a temporary Prefect server; this takes some seconds. Set PREFECT_API_URL to use your own."
            )
        with progress_shown() as progress:
            context = replace(context, progress=progress)
            if through_prefect:
                from flows.pipeline.flow import perform_as_flow

                summary = perform_as_flow(context, request)
            else:
                summary = perform(context, request)
    _show(summary, context, as_json=as_json)
    if summary.exit_code:
        raise typer.Exit(summary.exit_code)


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM ends a run where Ctrl-C would."""


def _terminate(*_: object) -> None:
    raise _TerminatedError


@contextmanager
def _stopping_well() -> Iterator[None]:
    """Have Ctrl-C and SIGTERM end the block, and the process with it, with a sentence and nothing left running."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except KeyboardInterrupt as error:
        # One signal is enough; what is left takes five seconds at most.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        say("Stopped. Everything fetched so far is kept, and the next run continues from there.")
        stop_temporary_server()
        # Exit at once: Python would wait for the responses that workers still expect.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_TERMINATED if isinstance(error, _TerminatedError) else _INTERRUPTED)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def _show(summary: RunSummary, context: RunContext, *, as_json: bool) -> None:
    from flows.command.screen.run_summary import files_line, remarks, since_lines, stage_line
    from flows.command.screen.tables import spend_tables

    if as_json:
        put(json.dumps(summary.as_object()))
        return
    if summary.cost is not None:
        show(*spend_tables(context.settings.data_dir))
    since = since_lines(summary.since) if summary.since else []
    show(stage_line(summary), *since, *remarks(summary))
    if summary.reports:
        show(files_line(context.settings.data_dir))
