"""The text for Prometheus, read by Prometheus's own parser."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.support import page
from transforms.monitor.health import AccountHealth, DayCost, Health, Run
from transforms.monitor.metrics import Metric, exposition, health_metrics
from transforms.values.visible import visible

NOW = datetime(2026, 9, 14, 10, tzinfo=UTC)
Labels = tuple[tuple[str, str], ...]
RUN = Run(NOW - timedelta(seconds=90.5), NOW, 0, requests=57, retries=4, rejected=3)
SUPPORT = AccountHealth("A1", "support", date(2026, 1, 1), date(2026, 9, 14), NOW, 2, 5, 4, 3)
SALES = AccountHealth("A2", "sales")
HEALTH = Health(
    as_of=NOW,
    accounts=[SUPPORT, SALES],
    day=date(2026, 9, 13),
    day_began=datetime(2026, 9, 13, tzinfo=UTC),
    failed_checks=["keys"],
    warning_checks=["odd", "odder"],
    day_costs=[
        DayCost("A1", "support", "USD", Decimal("0.0000001"), 4),
        DayCost("A1", "support", "EUR", None, 4),
    ],
    last_run=RUN,
    last_success=RUN,
    requests=100,
    retries=7,
)


def parsed(text: str) -> dict[str, dict[Labels, float]]:
    """Return samples by name and labels; check that families have a help and a type and that samples are unique."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("gauge", "counter")
        for sample in family.samples:
            assert sample.timestamp is None
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {})
            found[sample.name][labels] = sample.value
    return found


def test_prometheus_reads_every_figure() -> None:
    support = (("account", "support"), ("account_sid", "A1"))
    now = NOW.timestamp()
    assert parsed(exposition(health_metrics(HEALTH))) == {
        "recspend_last_success_timestamp_seconds": {(): now},
        "recspend_last_run_timestamp_seconds": {(): now},
        "recspend_last_run_duration_seconds": {(): 90.5},
        "recspend_last_run_exit_code": {(): 0},
        "recspend_last_run_requests": {(): 57},
        "recspend_last_run_retries": {(): 4},
        "recspend_last_run_rejected_records": {(): 3},
        "recspend_requests_total": {(): 100},
        "recspend_retries_total": {(): 7},
        "recspend_coverage_timestamp_seconds": {support: now},
        "recspend_hole_days": {support: 2},
        "recspend_unsettled_recordings": {support: 5},
        "recspend_unpriced_recordings": {support: 4},
        "recspend_rejected_records": {support: 3},
        "recspend_failed_checks": {(("severity", "fail"),): 1, (("severity", "warn"),): 2},
        "recspend_yesterday_timestamp_seconds": {(): now - 34 * 3600},
        "recspend_yesterday_cost": {(*support, ("currency", "USD")): 1e-7},
        "recspend_yesterday_unpriced_recordings": {support: 4},
    }


def test_metric_names_follow_the_conventions() -> None:
    for metric in health_metrics(HEALTH):
        assert re.fullmatch(r"recspend_[a-z]+(_[a-z]+)*", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        for _, value in metric.samples:
            assert metric.name.endswith("_timestamp_seconds") == isinstance(value, datetime)


def test_unknown_figures_are_left_out_and_not_zero() -> None:
    nothing = Health(NOW, [SALES], HEALTH.day, NOW)
    assert exposition(health_metrics(nothing)) == ""
    interrupted = Health(NOW, [SALES], HEALTH.day, NOW, last_run=Run(NOW, None, None, 2, 1, 0))
    found = parsed(exposition(health_metrics(interrupted)))
    assert found["recspend_last_run_requests"] == {(): 2}
    assert found.keys().isdisjoint(
        {
            "recspend_last_success_timestamp_seconds",
            "recspend_last_run_timestamp_seconds",
            "recspend_last_run_exit_code",
            "recspend_hole_days",
            "recspend_failed_checks",
            "recspend_yesterday_timestamp_seconds",
        }
    )


def test_account_never_read_shows_its_gaps() -> None:
    found = parsed(
        exposition(health_metrics(Health(NOW, [AccountHealth("A", "a", holes=9)], HEALTH.day, NOW)))
    )
    assert found == {"recspend_hole_days": {(("account", "a"), ("account_sid", "A")): 9}}


def test_accounts_of_the_same_name_stay_apart() -> None:
    twins = [AccountHealth(sid, "support", holes=1) for sid in ("A1", "A2")]
    found = parsed(exposition(health_metrics(Health(NOW, twins, HEALTH.day, NOW))))
    assert len(found["recspend_hole_days"]) == 2


@given(st.text())
def test_any_account_name_is_kept_or_shown_as_escapes(name: str) -> None:
    text = exposition([Metric("recspend_hole_days", "gauge", "Days.", [({"account": name}, 1)])])
    shown = visible(name, lines=True)
    assert parsed(text) == {"recspend_hole_days": {(("account", shown),): 1.0}}


def test_escapes_are_those_of_the_format() -> None:
    text = exposition([Metric("x_total", "counter", 'A \\ and\na "', [({"of": 'a\\b"c\nd'}, 1)])])
    assert (
        text == '# HELP x_total A \\\\ and\\na "\n# TYPE x_total counter\nx_total{of="a\\\\b\\"c\\nd"} 1.0\n'
    )


def test_exposition_of_each_kind_of_value() -> None:
    instant = datetime(2026, 9, 14, 10, 0, 0, 250004, tzinfo=UTC)
    samples: list[tuple[dict[str, str], int | Decimal | datetime]] = [
        ({"b": "1", "a": "x"}, 10**12),
        ({}, Decimal("1234567.123456789")),
        ({}, instant),
    ]
    assert exposition([Metric("recspend_x", "gauge", "Words.", samples)]).splitlines() == [
        "# HELP recspend_x Words.",
        "# TYPE recspend_x gauge",
        'recspend_x{a="x",b="1"} 1e+12',
        "recspend_x 1.234567123456789e+06",
        "recspend_x 1.78938000025e+09",
    ]


def test_page_describes_every_metric() -> None:
    described = set(re.findall(r"`(recspend_\w+)`", page("flows/monitor")))
    assert described == {metric.name for metric in health_metrics(HEALTH)}
