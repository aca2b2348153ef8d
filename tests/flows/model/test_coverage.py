from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from flows.model.coverage import AccountCoverage, coverage
from flows.model.model import model
from flows.stores.folder.account_state import AccountState, AccountStates
from flows.stores.lake.commit import AppliedLanding, Commit
from flows.stores.lake.lake import Lake
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from flows.stores.shipped import shipped
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from tests.support.samples.raw import forget
from tests.support.samples.stores import fill, lake_rows
from transforms.errors import DataError
from transforms.model.options import ModelOptions
from transforms.values.covered import with_fetch
from transforms.values.windows import Window

PAGE = b'{"recordings": [], "next_page_uri": null}'


def at(month: int, day: int, hour: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def land(
    data_dir: Path, account_sid: str, first: date, last: date, fetched_at: datetime, *, complete: bool = True
) -> Landing:
    """Make a landing of the days first to last with one empty page."""
    landing = Landing(account_sid, Window(first, last), fetched_at)
    writer = RawPages(data_dir).writer(landing)
    writer.add("https://example.com/1", PAGE, 0)
    if complete:
        writer.complete(fetched_at)
    return landing


def apply(data_dir: Path, *landings: Landing) -> None:
    """Record the landings of one account as applied to its lake."""
    sid, commit = landings[0].account_sid, Commit()
    for each in landings:
        window = each.window
        applied = AppliedLanding(each.name, window.first, window.last, each.fetched_at, each.fetched_at)
        covered = with_fetch(commit.covered, each.fetch)
        commit = structs.replace(commit, recent=[*commit.recent, applied], covered=covered)
    Lake(data_dir).replace(sid, structs.replace(commit, position=RawPages(data_dir).journal(sid).end()))


def july(day: int) -> date:
    return date(2026, 7, day)


def days(found: AccountCoverage) -> list[int]:
    return [each.day.day for each in found.covered]


def test_complete_fetch_covers_each_of_its_days(tmp_path: Path) -> None:
    landing = land(tmp_path, "A", july(1), july(3), at(7, 10))
    apply(tmp_path, landing)
    (found,) = coverage(tmp_path, ["A"])
    assert (found.account_sid, found.holes) == ("A", [])
    assert [(each.day, each.fetched_at, each.landing, each.was_over) for each in found.covered] == [
        (july(day), at(7, 10), landing.name, True) for day in (1, 2, 3)
    ]
    assert [each.landing for each in found.commit.recent] == [landing.name]


def test_days_between_two_fetches_are_gaps(tmp_path: Path) -> None:
    apply(
        tmp_path,
        land(tmp_path, "A", july(1), july(3), at(7, 10)),
        land(tmp_path, "A", july(6), july(7), at(7, 11)),
    )
    (found,) = coverage(tmp_path, ["A"])
    assert days(found) == [1, 2, 3, 6, 7]
    assert found.holes == [july(4), july(5)]


def test_last_fetch_of_a_day_counts(tmp_path: Path) -> None:
    first = land(tmp_path, "A", july(1), july(2), at(7, 10))
    again = land(tmp_path, "A", july(2), july(3), at(7, 12))
    apply(tmp_path, first, again)
    (found,) = coverage(tmp_path, ["A"])
    assert [each.landing for each in found.covered] == [first.name, again.name, again.name]


def test_only_the_newest_day_may_be_incomplete(tmp_path: Path) -> None:
    running = land(tmp_path, "A", july(1), july(5), at(7, 5))
    apply(tmp_path, running)
    (found,) = coverage(tmp_path, ["A"])
    assert [each.was_over for each in found.covered] == [True, True, True, True, False]
    assert found.holes == []
    apply(tmp_path, running, land(tmp_path, "A", july(6), july(6), at(7, 6)))
    (found,) = coverage(tmp_path, ["A"])
    assert found.holes == [july(5)]


def test_day_that_had_not_begun_is_not_covered(tmp_path: Path) -> None:
    apply(tmp_path, land(tmp_path, "A", july(1), july(31), at(7, 3)))
    (found,) = coverage(tmp_path, ["A"])
    assert days(found) == [1, 2, 3]


def test_every_account_is_checked_up_to_the_newest_day_of_any(tmp_path: Path) -> None:
    apply(tmp_path, land(tmp_path, "A", july(1), july(3), at(7, 10)))
    apply(tmp_path, land(tmp_path, "B", july(1), july(5), at(7, 10)))
    a, b = coverage(tmp_path, [])
    assert (a.account_sid, a.holes) == ("A", [july(4), july(5)])
    assert (b.account_sid, b.holes) == ("B", [])


@pytest.mark.parametrize(
    ("first_day", "missing"),
    [
        (None, [july(1), july(2)]),
        (july(3), []),
        (july(2), [july(2)]),
        (date(2026, 6, 29), [date(2026, 6, 29), date(2026, 6, 30), july(1), july(2)]),
        (july(4), []),
    ],
)
def test_days_before_the_first_day_are_not_missing(
    first_day: date | None, missing: list[date], tmp_path: Path
) -> None:
    """Where it is not known, what the month of the first fetch had before may be missing from it."""
    apply(tmp_path, land(tmp_path, "A", july(3), july(5), at(7, 10)))
    AccountStates(tmp_path).write("A", AccountState(first_day))
    (found,) = coverage(tmp_path, ["A"])
    assert found.holes == missing
    assert found.has_nothing_before == (first_day is not None)


def test_account_never_read_begins_on_its_first_day(tmp_path: Path) -> None:
    apply(tmp_path, land(tmp_path, "A", july(1), july(3), at(7, 10)))
    AccountStates(tmp_path).write("Z", AccountState(july(2)))
    _, never_read = coverage(tmp_path, ["Z", "A"])
    assert never_read.holes == [july(2), july(3)]


def test_account_never_read_is_a_gap_from_the_first_day_of_any(tmp_path: Path) -> None:
    apply(tmp_path, land(tmp_path, "A", july(1), july(3), at(7, 10)))
    a, never_read = coverage(tmp_path, ["Z", "A"])
    assert (a.account_sid, a.holes) == ("A", [])
    assert (never_read.account_sid, never_read.covered, never_read.commit) == ("Z", [], Commit())
    assert never_read.holes == [july(1), july(2), july(3)]


def test_coverage_is_empty_when_nothing_was_read(tmp_path: Path) -> None:
    assert coverage(tmp_path, []) == []
    assert coverage(tmp_path, ["B", "A"]) == [
        AccountCoverage("A", Commit(), [], []),
        AccountCoverage("B", Commit(), [], []),
    ]


def test_unfinished_fetch_covers_nothing(tmp_path: Path) -> None:
    apply(tmp_path, land(tmp_path, "A", july(1), july(3), at(7, 10)))
    land(tmp_path, "A", july(4), july(6), at(7, 10, 4), complete=False)
    (found,) = coverage(tmp_path, ["A"])
    assert days(found) == [1, 2, 3]


def test_fetch_missing_from_the_lake_covers_nothing(tmp_path: Path) -> None:
    apply(tmp_path, land(tmp_path, "A", july(1), july(3), at(7, 10)))
    land(tmp_path, "A", july(4), july(6), at(7, 11))
    (found,) = coverage(tmp_path, ["A"])
    assert days(found) == [1, 2, 3]


def test_fetch_missing_from_the_journal_is_an_error(tmp_path: Path) -> None:
    kept = land(tmp_path, "A", july(1), july(2), at(7, 10))
    gone = land(tmp_path, "A", july(3), july(3), at(7, 11))
    apply(tmp_path, kept, gone)
    assert forget(tmp_path, lambda name: name == gone.name) == 1
    with pytest.raises(DataError, match="The lake of account A is not up to date"):
        coverage(tmp_path, ["A"])


def test_landings_never_normalized_are_an_error(tmp_path: Path) -> None:
    land(tmp_path, "A", july(1), july(3), at(7, 10))
    with pytest.raises(
        DataError, match=r"^The lake of account A is not up to date\. Run `recspend normalize` first\.$"
    ):
        coverage(tmp_path, [])


def test_lake_with_a_missing_file_is_an_error(tmp_path: Path) -> None:
    land(tmp_path, "A", july(1), july(3), at(7, 10))
    fill(Lake(tmp_path), {"2026-07": lake_rows("R1")}, "A")
    assert coverage(tmp_path, [])
    next(Lake(tmp_path).account("A").glob("*.parquet")).unlink()
    with pytest.raises(DataError, match="The lake of account A is not up to date"):
        coverage(tmp_path, [])


@pytest.mark.parametrize(
    ("first_day", "zone", "expected"),
    [
        # Not read and not known to be empty: both say that 13 days are missing.
        (None, "UTC", [(july(1), 16, 13)]),
        (july(14), "UTC", [(july(1), 29, 0)]),
        (july(12), "UTC", [(july(1), 27, 2)]),
        # In New York, the first day begins on the evening before, and the newest is not over.
        (july(14), "America/New_York", [(july(1), 28, 0)]),
        (july(12), "America/New_York", [(july(1), 25, 3)]),
        # It may be in the month before, of which only that evening is missing.
        (july(1), "America/New_York", [(date(2026, 6, 1), 29, 1), (july(1), 15, 13)]),
        (july(12), "Pacific/Auckland", [(july(1), 26, 3)]),
    ],
)
def test_months_miss_the_days_that_are_gaps(
    first_day: date | None, zone: str, expected: list[tuple[date, int, int]], tmp_path: Path
) -> None:
    apply(tmp_path, land(tmp_path, "A", july(14), july(30), at(7, 30)))
    AccountStates(tmp_path).write("A", AccountState(first_day))
    model(
        tmp_path, shipped("sql"), shipped("reference"), ModelOptions(settle_days=90, reporting_timezone=zone)
    )
    warehouse = Warehouse(warehouse_path(tmp_path))
    months = (
        "select month, days_read, days_missing from marts.months_read where account_sid = 'A' order by month"
    )
    assert [tuple(row.values()) for row in warehouse.table(months).to_pylist()] == expected


def test_models_get_coverage_budgets_and_settings(
    tmp_path: Path,
) -> None:
    apply(
        tmp_path,
        land(tmp_path, "A", july(1), july(3), at(7, 10)),
        land(tmp_path, "A", july(6), july(9), at(7, 10)),
    )
    apply(tmp_path, land(tmp_path, "B", july(1), july(7), at(7, 10)))
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "budgets.csv").write_text(
        "account_sid,valid_from,currency,amount\n,2026-07,USD,500\n"
    )
    options = ModelOptions(
        settle_days=90,
        anomaly_window_days=28,
        anomaly_deviations=Decimal("3.5"),
        anomaly_min_share=Decimal("0.5"),
    )
    model(tmp_path, shipped("sql"), shipped("reference"), options)
    warehouse = Warehouse(warehouse_path(tmp_path))
    unread = warehouse.table("select account_sid, day from landed.unread_days order by all").to_pylist()
    assert [(row["account_sid"], row["day"]) for row in unread] == [
        ("A", july(4)), ("A", july(5)), ("B", july(8)), ("B", july(9)),
    ]  # fmt: skip
    settings = "as_of, anomaly_window_days, anomaly_deviations, anomaly_min_share"
    (landed,) = warehouse.table(f"select {settings} from landed.settings").to_pylist()
    assert tuple(landed.values()) == (july(9), 28, Decimal("3.5"), Decimal("0.5"))
    (budget,) = warehouse.table("select month, budget, cost, budget_status from marts.budgets").to_pylist()
    assert tuple(budget.values()) == (july(1), Decimal(500), None, "not known")  # nothing is forecast
