"""Health in the text exposition format of Prometheus, version 0.0.4.

The file is read repeatedly until the next run replaces it, usually by node_exporter's textfile collector. It therefore
contains instants and no ages, which would not advance: `time() - recspend_coverage_timestamp_seconds` is the age. An
unknown value is left out and is not 0. Samples have no time stamps, because that collector refuses them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from prometheus_client import generate_latest
from prometheus_client.core import Metric as MetricFamily

from transforms.monitor.health import AccountHealth, DayCost, Health
from transforms.values.visible import visible

Value = int | Decimal | datetime
"""A number, or an instant; instants are written as seconds since 1970 (UTC)."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric family: its name, help text, and a value for each set of labels. Without a value it is left out."""

    name: str
    kind: Literal["gauge", "counter"]
    words: str
    samples: Sequence[tuple[Mapping[str, str], Value]]


def exposition(metrics: Iterable[Metric]) -> str:
    """Return the families as text, in order; labels are escaped and the last line is terminated."""
    return generate_latest(_Families([_family(metric) for metric in metrics if metric.samples])).decode()


def health_metrics(health: Health) -> list[Metric]:
    """Return the metrics of a data folder.

    Labels are accounts, their currencies, and two severities; each account adds about eight series. The sid is a label
    in addition to the name, because names need not be unique and two samples with the same labels invalidate the file.
    """
    return [*_of_runs(health), *_of_accounts(health.accounts), *_of_checks(health), *_of_the_day(health)]


def _of_runs(health: Health) -> list[Metric]:
    run = health.last_run
    if run is None:
        return []
    took = None if run.finished_at is None else (run.finished_at - run.started_at).total_seconds()
    counts = {
        "recspend_last_run_requests": ("Requests of the last run, including repeated ones.", run.requests),
        "recspend_last_run_retries": ("Repeated requests of the last run.", run.retries),
        "recspend_last_run_rejected_records": (
            "Records that could not be understood, at the end of the last run.",
            run.rejected,
        ),
    }
    return [
        _one(
            "recspend_last_success_timestamp_seconds",
            "End of the last successful run (exit code 0).",
            health.last_success.finished_at if health.last_success else None,
        ),
        _one(
            "recspend_last_run_timestamp_seconds", "End of the last run, successful or not.", run.finished_at
        ),
        _one(
            "recspend_last_run_duration_seconds",
            "Duration of the last run.",
            None if took is None else Decimal(str(took)),
        ),
        _one(
            "recspend_last_run_exit_code",
            "Exit code of the last run: 0 success, 1 a check failed, 2 wrong use or settings, 3 the API.",
            run.exit_code,
        ),
        *(_one(name, words, count) for name, (words, count) in counts.items()),
        _one(
            "recspend_requests_total",
            "Requests of all runs, including repeated ones.",
            health.requests,
            "counter",
        ),
        _one("recspend_retries_total", "Repeated requests of all runs.", health.retries, "counter"),
    ]


def _of_accounts(accounts: Sequence[AccountHealth]) -> list[Metric]:
    until = _known((_labels(each), each.covered_until) for each in accounts)
    counts = {
        "recspend_hole_days": ("Days that were not read, or not completely.", "holes"),
        "recspend_unpriced_recordings": ("Recordings without a price.", "unpriced"),
        "recspend_unsettled_recordings": ("Recordings without a price or unfinished.", "unsettled"),
        "recspend_rejected_records": (
            "Records that could not be understood and are not in any figure.",
            "rejected",
        ),
    }
    return [
        Metric(
            "recspend_coverage_timestamp_seconds",
            "gauge",
            "Everything created before this was read, except for the hole days.",
            until,
        ),
        *(
            Metric(name, "gauge", words, _known((_labels(each), getattr(each, count)) for each in accounts))
            for name, (words, count) in counts.items()
        ),
    ]


def _of_checks(health: Health) -> list[Metric]:
    found = {"fail": health.failed_checks, "warn": health.warning_checks}
    samples = _known(({"severity": of}, None if names is None else len(names)) for of, names in found.items())
    return [Metric("recspend_failed_checks", "gauge", "Checks that found rows in the tables.", samples)]


def _of_the_day(health: Health) -> list[Metric]:
    if not health.day_costs:
        return []
    unpriced = {(each.account_sid, each.account_name): each.unpriced for each in health.day_costs}
    return [
        _one(
            "recspend_yesterday_timestamp_seconds",
            "Start of the day that the metrics of yesterday describe, in the reporting time zone.",
            health.day_began,
        ),
        Metric(
            "recspend_yesterday_cost",
            "gauge",
            "Cost of yesterday, as far as prices are known; only for accounts that were read completely.",
            _known(({**_labels(each), "currency": each.currency}, each.cost) for each in health.day_costs),
        ),
        Metric(
            "recspend_yesterday_unpriced_recordings",
            "gauge",
            "Recordings of yesterday without a price yet, which are not in the cost.",
            [({"account": name, "account_sid": sid}, count) for (sid, name), count in unpriced.items()],
        ),
    ]


def _one(name: str, words: str, value: Value | None, kind: Literal["gauge", "counter"] = "gauge") -> Metric:
    return Metric(name, kind, words, _known([({}, value)]))


def _known(
    samples: Iterable[tuple[Mapping[str, str], Value | None]],
) -> list[tuple[Mapping[str, str], Value]]:
    """Return the samples with a known value. An unknown value is not 0 and is left out."""
    return [(labels, value) for labels, value in samples if value is not None]


def _labels(of: AccountHealth | DayCost) -> dict[str, str]:
    return {"account": of.account_name, "account_sid": of.account_sid}


class _Families:
    """A registry for prometheus_client to render."""

    def __init__(self, families: Iterable[MetricFamily]) -> None:
        self._families = families

    def collect(self) -> Iterable[MetricFamily]:
        """Return all families, in order."""
        return self._families


def _family(metric: Metric) -> MetricFamily:
    family = MetricFamily(metric.name.removesuffix("_total"), metric.words, metric.kind)
    for labels, value in metric.samples:
        shown = {name: visible(label, lines=True) for name, label in labels.items()}
        family.add_sample(metric.name, shown, _number(value))
    return family


def _number(value: Value) -> float:
    return round(value.timestamp(), 3) if isinstance(value, datetime) else float(value)
