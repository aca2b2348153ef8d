"""The four stages in order, and what they add up to. Knows nothing of Prefect: a *step* runs each piece of work.

What only a later stage needs is imported there: an ingest does not wait for DuckDB and sqlglot.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow as pa

from flows.ingest.ingest import IngestSummary, ingest_account
from flows.ingest.lanes import Lanes
from flows.ingest.plan import IngestRequest, find_dialect, plan_account
from flows.monitor.notify import Announce, run_told
from flows.run.job import RunContext, RunRequest, RunSummary
from flows.run.lifecycle import beginning, held_for
from flows.settings.accounts import accesses, account_names, account_providers, with_usage
from flows.settings.settings import Settings
from flows.stores.api.retries import RetryPolicy
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from flows.stores.shipped import shipped
from transforms.ingest.plan import DayCount, Rules, expected_pages, windows_of
from transforms.values.windows import covered_days


def prepare(settings: Settings, job: RunRequest, announce: Announce | None = None) -> RunContext:
    """What a job needs, from the settings. Raises ConfigError when an account or its token is missing."""
    with beginning(settings, job, announce):
        accounts = accesses(settings, job.account) if job.reads_api else []
    return RunContext(settings, accounts, account_names(settings), announce=announce)


def perform(work: RunContext, job: RunRequest) -> RunSummary:
    """Do the job, holding the data folder, and tell who is to know. An account that cannot be read stops no other."""
    summary = RunSummary()
    with run_told(work, job, summary), held_for(work, job) as is_rebuilt:
        if is_rebuilt and job.command not in ("run", "model"):  # these come to it by themselves
            _rebuild_warehouse(work, job)
        match job.command:
            case "run":
                from flows.run.record import recorded

                with recorded(work, summary) as record, _telling(work, summary):
                    _ingest(work, job, summary)
                    _normalize(work, job, summary)
                    record()
                    build_models(work, job, summary)
                    if not summary.stopping_checks:
                        _report(work, job, summary)
            case "ingest":
                _ingest(work, job, summary)
            case "normalize":
                _normalize(work, job, summary)
            case "model":
                with _telling(work, summary):
                    build_models(work, job, summary)
            case "report":
                _report(work, job, summary)
    return summary


def planned(work: RunContext, job: RunRequest) -> pa.Table:
    """What ingesting would read: account, first_day, last_day, reason, and about how many requests it takes.

    How many is estimated from the recordings known so far. Raises ApiError when an account cannot be asked for its
    first day.
    """
    settings = work.settings
    rows: list[tuple[Any, ...]] = []
    for access in work.accounts:
        raw, today = RawPages(settings.data_dir), work.clock().date()
        with Lanes(access, raw, _retry_policy(settings), settings.concurrency, work.clock) as lanes:
            find_dialect(lanes, settings.data_dir, today)
            days = plan_account(lanes, settings.data_dir, _asked(settings, job), today)
        # A day that was read and has no recordings will hardly have any now.
        read = covered_days(landing.fetch for landing in raw.complete(access.account_sid))
        known = dict.fromkeys((day.day for day in read), DayCount(0, 0))
        known |= Lake(settings.data_dir).count_by_day(access.account_sid)
        for reason in dict.fromkeys(days.values()):
            for window in windows_of(day for day in days if days[day] == reason):
                rows.append((access.name, window.first, window.last, reason, expected_pages(window, known)))
    names = ["account", "first_day", "last_day", "reason", "requests"]
    types = [pa.string(), pa.date32(), pa.date32(), pa.string(), pa.int64()]
    columns = zip(*rows, strict=True) if rows else [[]] * len(names)
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, types, strict=True)], names)


def _retry_policy(settings: Settings) -> RetryPolicy:
    return RetryPolicy(
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        attempts=settings.attempts,
        backoff=settings.backoff,
    )


def _asked(settings: Settings, job: RunRequest) -> IngestRequest:
    rules = Rules(settings.lookback_days, settings.settle_days, job.audit_days)
    return IngestRequest(job.first, job.last, job.again, rules, settings.usage_records)


def _ingest(work: RunContext, job: RunRequest, summary: RunSummary) -> None:
    settings = work.settings
    retry_policy, asked = _retry_policy(settings), _asked(settings, job)
    total = IngestSummary()
    with _timed(summary, "ingest"):
        for access in work.accounts:
            total.add(
                ingest_account(
                    access,
                    settings.data_dir,
                    asked,
                    concurrency=settings.concurrency,
                    retry_policy=retry_policy,
                    progress=work.progress,
                    step=work.step,
                    clock=work.clock,
                )
            )
    summary.requests, summary.retries = total.requests, total.retries
    summary.pages, summary.rows = total.pages, total.rows
    summary.failed, summary.warnings = total.failed, total.warnings


def _normalize(work: RunContext, job: RunRequest, summary: RunSummary) -> None:
    from flows.normalize.normalize import NormalizeSummary, normalize_account

    data_dir = work.settings.data_dir
    total = NormalizeSummary()
    with _timed(summary, "normalize"):
        for sid in RawPages(data_dir).accounts():
            name = work.names.get(sid, sid)
            fold = partial(
                normalize_account, data_dir, sid, name, rebuild=job.rebuild, progress=work.progress
            )
            total.add(work.step(f"normalize {name}", fold))
    summary.new, summary.changed, summary.deleted = total.new, total.changed, total.deleted
    summary.rejected, summary.oddities = total.rejected, total.oddities


def build_models(work: RunContext, job: RunRequest, summary: RunSummary) -> None:
    """The stage `model`, for who holds the data folder already."""
    from flows.model.inputs import ModelOptions
    from flows.model.model import model

    settings = work.settings
    options = ModelOptions(
        names=work.names,
        providers=account_providers(settings),
        provider=settings.provider,
        reporting_timezone=settings.reporting_timezone,
        unpriced_share_warning=settings.unpriced_share_warning,
        short_recording_seconds=settings.short_recording_seconds,
        settle_days=settings.settle_days,
        accrual_rate_days=settings.accrual_rate_days,
        bill_tolerance_amount=settings.bill_tolerance_amount,
        bill_tolerance_share=settings.bill_tolerance_share,
        with_usage=with_usage(settings),
        anomaly_window_days=settings.anomaly_window_days,
        anomaly_deviations=settings.anomaly_deviations,
        anomaly_min_share=settings.anomaly_min_share,
        embed_recordings=settings.embed_recordings,
    )
    work.progress("model", 0, 1)
    with _timed(summary, "model"):
        build = partial(model, settings.data_dir, shipped("sql"), shipped("reference"), options)
        built = work.step("model", build)
    work.progress("model", 1, 1)
    summary.unpriced, summary.cost, summary.holes = built.unpriced, built.cost, built.holes
    summary.checks = built.checks


def _rebuild_warehouse(work: RunContext, job: RunRequest) -> None:
    """After an upgrade: a warehouse that is a view on the lake cannot be read once the lake has other columns."""
    from flows.stores.warehouse.warehouse import warehouse_path

    if warehouse_path(work.settings.data_dir).exists():
        _normalize(work, job, RunSummary())  # of every account: the models want all of the lake in order
        build_models(work, job, RunSummary())


@contextmanager
def _telling(work: RunContext, summary: RunSummary) -> Iterator[None]:
    """Say what the block changed of the figures that were told last.

    Only when all else is done are the new ones taken for told: what a run found that was killed, the next one tells.
    """
    from flows.report.since_last_run import changes_since, figures_now, figures_told, keep_told

    data_dir = work.settings.data_dir
    before = figures_told(data_dir)
    yield
    now = figures_now(data_dir, before, work.clock())
    summary.since = changes_since(data_dir, before, now)
    keep_told(data_dir, now)


def _report(work: RunContext, job: RunRequest, summary: RunSummary) -> None:
    from flows.report.report import report

    settings = work.settings
    work.progress("report", 0, 1)
    with _timed(summary, "report"):
        write = partial(
            report,
            settings.data_dir,
            shipped("sql"),
            job.presets,
            job.formats,
            with_page=settings.report_page,
        )
        written = work.step("report", write)
    work.progress("report", 1, 1)
    summary.reports = written.files


@contextmanager
def _timed(summary: RunSummary, stage: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    summary.seconds[stage] = round(time.monotonic() - began, 3)
