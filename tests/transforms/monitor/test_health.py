from datetime import UTC, date, datetime, timedelta

import pytest

from transforms.monitor.health import AccountHealth, Health, Run

NOW = datetime(2026, 9, 14, 10, tzinfo=UTC)
TODAY = date(2026, 9, 14)


def account(sid: str, until: datetime | None, **counts: int) -> AccountHealth:
    day = until.date() if until else None
    return AccountHealth(sid, f"name of {sid}", day, day, until, **counts)


def as_of_now(*accounts: AccountHealth) -> Health:
    return Health(NOW, accounts, TODAY - timedelta(days=1), NOW)


def test_coverage_age_is_that_of_the_account_furthest_behind() -> None:
    found = as_of_now(account("A", NOW - timedelta(hours=1)), account("B", NOW - timedelta(hours=30)))
    assert found.furthest_behind == found.accounts[1]
    assert found.age == timedelta(hours=30)


@pytest.mark.parametrize(("hours", "is_older"), [(26.01, True), (26, False), (0, False)])
def test_coverage_is_too_old_only_above_the_age(hours: float, is_older: bool) -> None:
    assert (
        as_of_now(account("A", NOW - timedelta(hours=hours))).is_older_than(timedelta(hours=26)) is is_older
    )


def test_coverage_never_read_is_older_than_any_age() -> None:
    for found in (as_of_now(), as_of_now(account("A", NOW), account("B", None))):
        assert found.age is None
        assert found.is_older_than(timedelta(days=9999))
        assert found.as_object(timedelta(days=9999))["is_current"] is False


def test_coverage_read_in_the_future_is_not_current() -> None:
    read = [account("A", NOW - timedelta(hours=1)), account("B", NOW + timedelta(minutes=6))]
    found = as_of_now(*read)
    assert found.is_in_the_future
    assert found.is_older_than(timedelta(hours=26))
    assert not as_of_now(account("A", NOW + timedelta(minutes=4))).is_older_than(timedelta(hours=26))


def test_as_object_adds_up_counts_and_keeps_unknown_null() -> None:
    run = Run(NOW - timedelta(hours=1), None, None, requests=3, retries=1, rejected=2)
    accounts = [
        account("A", NOW - timedelta(minutes=90), holes=2, unpriced=3),
        account("B", NOW, holes=5),
        account("C", NOW),
    ]
    shown = Health(NOW, accounts, TODAY, NOW, ["keys"], ["odd"], last_run=run).as_object()
    assert (shown["holes"], shown["unpriced"], shown["rejected"]) == (7, 3, None)
    assert (shown["newest_day"], shown["covered_until"], shown["age_seconds"]) == (
        "2026-09-14",
        "2026-09-14T08:30:00+00:00",
        5400,
    )
    assert (shown["max_age_seconds"], shown["is_current"], shown["last_success"]) == (None, None, None)
    assert shown["last_run"] == {
        "started_at": "2026-09-14T09:00:00+00:00",
        "finished_at": None,
        "exit_code": None,
        "requests": 3,
        "retries": 1,
        "rejected": 2,
        "is_under_way": False,
    }
    assert (shown["failed_checks"], shown["warning_checks"]) == (["keys"], ["odd"])
    assert as_of_now().as_object()["failed_checks"] is None
    assert [each["account_name"] for each in shown["accounts"]] == ["name of A", "name of B", "name of C"]
