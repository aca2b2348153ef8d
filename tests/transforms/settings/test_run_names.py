from datetime import date

import pytest

from transforms.settings.run_names import ALL_ACCOUNTS, is_deployment_name, run_name, span

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2026-09-01", "2026-09-01", "2026-09-01"),
        ("2026-09-01", "2026-09-07", "2026-09-01..07"),
        ("2026-09-28", "2026-10-04", "2026-09-28..10-04"),
        ("2025-12-29", "2026-01-04", "2025-12-29..2026-01-04"),
        ("2025-09-01", "2026-09-07", "2025-09-01..2026-09-07"),
    ],
)
def test_span_does_not_repeat_common_parts(first: str, last: str, words: str) -> None:
    assert span(date.fromisoformat(first), date.fromisoformat(last)) == words


@pytest.mark.parametrize(
    ("account", "first", "last", "name"),
    [
        (None, None, None, "run all accounts up to 2026-11-23"),
        ("support", None, None, "run support up to 2026-11-23"),
        ("support", None, "2026-09-07", "run support up to 2026-09-07"),
        ("support", "2026-09-01", "2026-09-07", "run support 2026-09-01..07"),
        ("support", "2026-11-01", None, "run support 2026-11-01..23"),
        # The run refuses reversed days; its name must not hide them by looking right.
        (None, "2026-10-01", "2026-09-01", "run all accounts up to 2026-09-01"),
    ],
)
def test_run_name_has_account_and_days(
    account: str | None, first: str | None, last: str | None, name: str
) -> None:
    days = [date.fromisoformat(day) if day else None for day in (first, last)]
    assert run_name("run", account, days[0], days[1], TODAY) == name


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        (ALL_ACCOUNTS, True),
        ("M\u00fcller {EU} #2", True),
        *((f"EU{sign}support", False) for sign in "/%&<>"),
        ("", False),
        (" ", False),
    ],
)
def test_deployment_name_must_be_accepted_by_prefect(name: str, is_taken: bool) -> None:
    assert is_deployment_name(name) is is_taken
