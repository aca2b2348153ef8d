"""The stages of a run, in order. Does not depend on Prefect: a *step* runs each piece of work.

A stage imports what only it needs, so that an ingest does not wait for DuckDB and sqlglot to load.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from flows.ingest.accounts import ingest_accounts
from flows.ingest.dialects import Dialects
from flows.ingest.ingest import ingest_account
from flows.ingest.plan import PLAN_SCHEMA, planned_reads
from flows.run.lifecycle import SECONDS_FOR_A_BUILD, Run, lifecycle
from flows.run.request import RunContext, RunRequest, accounts_to_read
from flows.run.summary import RunSummary
from flows.settings.groups import model_options, retry_policy, rules
from flows.settings.settings import Settings
from flows.stores.folder.data_locks import DataLocks
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from flows.stores.shipped import shipped
from transforms.errors import DataError
from transforms.ingest.request import IngestRequest, ListLimits

if TYPE_CHECKING:
    from flows.model.model import ModelSummary
    from flows.normalize.summary import NormalizeSummary
    from transforms.report.since_last_run import Figures

_SECONDS_FOR_AN_ACCOUNT = 600.0


def perform(context: RunContext, request: RunRequest) -> RunSummary:
    """Run the stages that are asked for. A failed account does not stop the others; the summary says why it failed.

    Raises what `lifecycle` raises.
    """
    with lifecycle(context, request) as run:
        match request.command:
            case "run":
                _everything(run)
            case "ingest":
                _refresh_warehouse(run)
                ingest(run)
            case "normalize":
                _refresh_warehouse(run)
                normalize(run)
            case "model":
                run.hold_warehouse()
                before = _figures_before(run)
                model(run)
                _compare(run, before)
            case "report":
                _refresh_warehouse(run)
                run.hold_warehouse()
                report(run)
    return run.summary


def _everything(run: Run) -> None:
    _repair(run)
    if not run.request.figures_only:
        ingest(run)
        normalize(run)
    run.save_record()
    if not run.request.builds_tables:
        return
    run.hold_warehouse()
    before = _figures_before(run)
    model(run)
    if not run.summary.stopping_checks:
        report(run)
    _compare(run, before)


def _repair(run: Run) -> None:
    """Rebuild accounts whose files are not as they were written, before days are planned by what is in them."""
    context = run.context
    lake = Lake(context.settings.data_dir)
    accounts = filter(run.request.shard.has, lake.accounts()) if run.request.shard else lake.accounts()
    for sid in filter(lake.is_damaged, accounts):
        from flows.normalize.normalize import normalize_account

        with suppress(DataError):  # normalizing raises it again, when everything new has been fetched
            normalize_account(
                context.settings.data_dir, sid, context.names.get(sid, sid), progress=context.progress
            )


def ingest(run: Run) -> None:
    """Land the days that may have changed, several accounts at once."""
    settings, context = run.context.settings, run.context
    read = partial(
        ingest_account,
        data_dir=settings.data_dir,
        request=ingest_request(settings, run.request),
        retry_policy=retry_policy(settings),
        clock=context.clock,
        dialects=Dialects(),
        wait_seconds=run.wait_seconds,
    )
    with _timed(run, "ingest"):
        run.summary.ingest = ingest_accounts(
            run.accounts, read, settings.accounts_at_once, step=context.step, progress=context.progress
        )


def normalize(run: Run) -> None:
    """Bring the lake up to date with the landed pages, several accounts at once if there is much to do."""
    with _timed(run, "normalize"):
        run.summary.normalize = _normalized(run)


def _normalized(run: Run) -> "NormalizeSummary":
    from flows.normalize.accounts import normalize_accounts

    context, wait_seconds = run.context, max(run.wait_seconds, _SECONDS_FOR_AN_ACCOUNT)
    data_dir, shard = context.settings.data_dir, run.request.shard
    # What was just read is waited for. Another account that is busy stays as it is; the run that has it says so.
    read = {each.account_sid: each.name for each in run.accounts if each.name not in run.summary.busy}
    found = normalize_accounts(
        data_dir,
        {
            sid: context.names.get(sid, sid)
            for sid in RawPages(data_dir).accounts()
            if shard is None or shard.has(sid)
        },
        rebuild=run.request.rebuild,
        step=context.step,
        progress=context.progress,
        wait_seconds=dict.fromkeys(read, wait_seconds),
    )
    if not run.accounts:
        return found
    return replace(found, busy={name: found.busy[name] for name in read.values() if name in found.busy})


def model(run: Run) -> None:
    """Build the warehouse and run its checks."""
    run.context.progress("model", 0, 1)
    with _timed(run, "model"):
        run.summary.model = build_models(run.context)
    run.context.progress("model", 1, 1)


def build_models(context: RunContext) -> "ModelSummary":
    """Build the warehouse and run its checks, when the caller already has its lock."""
    from flows.model.model import model as build

    settings = context.settings
    options = model_options(settings, context.names)
    built: ModelSummary = context.step(
        "model", partial(build, settings.data_dir, shipped("sql"), shipped("reference"), options)
    )
    return built


def report(run: Run) -> None:
    """Write the report files."""
    from flows.report.report import report as write

    settings, request = run.context.settings, run.request
    run.context.progress("report", 0, 1)
    with _timed(run, "report"):
        run.summary.report = run.context.step(
            "report",
            partial(
                write,
                settings.data_dir,
                shipped("sql"),
                request.presets,
                request.formats,
                with_page=settings.report_page,
            ),
        )
    run.context.progress("report", 1, 1)


def planned(context: RunContext, request: RunRequest) -> pa.Table:
    """Return what ingesting would read (PLAN_SCHEMA), with an estimate of the requests.

    Raises ApiError when an account's first day is not known yet and the API cannot be asked for it, ConfigError when an
    account or its token is missing.
    """
    settings = context.settings
    wanted, policy, dialects = ingest_request(settings, request), retry_policy(settings), Dialects()
    plans = [
        planned_reads(each, settings.data_dir, wanted, policy, context.clock, dialects)
        for each in accounts_to_read(context, request)
    ]
    return pa.concat_tables([PLAN_SCHEMA.empty_table(), *plans])


def ingest_request(settings: Settings, request: RunRequest) -> IngestRequest:
    """Combine the settings and the request into what to read."""
    return IngestRequest(
        request.first,
        request.last,
        request.again,
        rules(settings, request.audit_days),
        settings.usage_records,
        settings.concurrency,
        ListLimits(settings.max_pages_per_window),
    )


def _refresh_warehouse(run: Run) -> None:
    """Rebuild the warehouse if an upgrade rebuilt the lake: its views fail once the lake has different columns."""
    from flows.stores.warehouse.warehouse import warehouse_path

    if run.is_rebuilt and warehouse_path(run.context.settings.data_dir).exists():
        _normalized(run)  # all accounts: the models read the whole lake
        with DataLocks(run.context.settings.data_dir).warehouse(SECONDS_FOR_A_BUILD):
            build_models(run.context)


def _figures_before(run: Run) -> "Figures | None":
    from flows.report.since_last_run import last_reported_figures

    return last_reported_figures(run.context.settings.data_dir)


def _compare(run: Run, before: "Figures | None") -> None:
    """Add to the summary what changed since the figures shown last, and have the current ones stored as shown."""
    from flows.report.since_last_run import changes_since, current_figures, save_reported_figures

    data_dir = run.context.settings.data_dir
    now = current_figures(data_dir, before, run.context.clock())
    run.summary.since = changes_since(data_dir, before, now)
    run.remember = partial(save_reported_figures, data_dir, now)


@contextmanager
def _timed(run: Run, stage: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    run.summary.seconds[stage] = round(time.monotonic() - began, 3)
