"""What changed between two reports, from figures written by hand."""

from datetime import UTC, datetime
from decimal import Decimal

from transforms.report.since_last_run import (
    Changes,
    Fetched,
    Figures,
    Mover,
    SpendFigure,
    changes,
    crowded_accounts,
    fetch_of,
    unreported_fetches,
)

MONDAY, TUESDAY = datetime(2026, 9, 7, tzinfo=UTC), datetime(2026, 9, 8, tzinfo=UTC)


def cell(
    source: str, cost: str | None, recordings: int = 1, currency: str = "USD", sid: str = "AC-1"
) -> SpendFigure:
    return SpendFigure(
        sid, f"name of {sid}", source, currency, recordings, None if cost is None else Decimal(cost)
    )


def figures(reported_at: datetime, *cells: SpendFigure, deleted: int = 0) -> Figures:
    return Figures(reported_at, "inputs", [], deleted, list(cells))


def test_changes_count_everything_as_new_the_first_time() -> None:
    found = changes(None, figures(MONDAY, cell("a", "0.1", 3), cell("b", None, 2)), 0, 0)
    assert found == Changes(
        None, new=5, cost={"USD": Decimal("0.1")}, movers=[Mover("name of AC-1", "a", "USD", Decimal("0.1"))]
    )


def test_movers_are_the_three_largest_of_each_currency() -> None:
    before = figures(
        MONDAY, cell("up", "1"), cell("down", "5"), cell("little", "1"), cell("least", "1"), cell("same", "9")
    )
    after = figures(
        TUESDAY,
        *(cell("up", "3"), cell("down", "2"), cell("little", "1.000000002"), cell("least", "1.000000001")),
        *(cell("same", "9"), cell("up", "0.5", currency="JPY"), cell("up", None, currency="XXX", sid="AC-2")),
    )
    found = changes(before, after, 4, 0)
    assert [(mover.currency, mover.source, mover.change) for mover in found.movers] == [
        ("JPY", "up", Decimal("0.5")),
        ("USD", "down", Decimal(-3)),
        ("USD", "up", Decimal(2)),
        ("USD", "little", Decimal("0.000000002")),
    ]
    assert found.cost == {"JPY": Decimal("0.5"), "USD": Decimal("-0.999999997")}
    assert (found.new, found.changed, found.before) == (2, 4, MONDAY)


def test_opposite_changes_that_cancel_out_are_still_changes() -> None:
    before, after = figures(MONDAY, cell("a", "1")), figures(TUESDAY, cell("b", "1"))
    found = changes(before, after, 1, 0)
    assert found.cost == {"USD": Decimal(0)}
    assert [mover.source for mover in found.movers] == ["a", "b"]
    assert not found.is_nothing


def test_unchanged_sums_of_a_source_are_not_movers() -> None:
    before = figures(MONDAY, cell("a", "1"), cell("b", None))
    after = figures(TUESDAY, cell("a", "1"), cell("b", "0"))
    assert changes(before, after, 0, 0).is_nothing
    assert not changes(before, after, 1, 0).is_nothing  # it now has a price of zero


def test_deleted_recording_that_returns_is_counted_as_returned() -> None:
    before, after = (
        figures(MONDAY, cell("a", "1", 9), deleted=4),
        figures(TUESDAY, cell("a", "1", 9), deleted=3),
    )
    assert changes(before, after, 0, 0).returned == 1
    assert changes(before, after, 0, 2).returned == 3
    assert not changes(before, after, 0, 2).is_nothing


def test_changes_keep_money_as_plain_text_in_json() -> None:
    found = changes(figures(MONDAY), figures(TUESDAY, cell("a", "0.000000001", 2)), 1, 0)
    assert found.as_object() == {
        "before": "2026-09-07T00:00:00+00:00",
        "new": 2,
        "changed": 1,
        "deleted": 0,
        "returned": 0,
        "cost": {"USD": "0.000000001"},
        "movers": [
            {"account_name": "name of AC-1", "source": "a", "currency": "USD", "change": "0.000000001"}
        ],
    }


def test_movers_use_the_newest_account_name() -> None:
    old = SpendFigure("AC-1", "old", "a", "USD", 1, Decimal(1))
    new = SpendFigure("AC-1", "new", "a", "USD", 2, Decimal(3))
    found = changes(figures(MONDAY, old), figures(TUESDAY, new), 0, 0)
    assert found.movers == [Mover("new", "a", "USD", Decimal(2))]


def test_fetches_since_are_those_that_were_not_summed_up_before() -> None:
    def fetch(account: str, day: int) -> Fetched:
        return account, datetime(2026, 10, day, tzinfo=UTC)

    reported = {fetch("A", day) for day in (4, 6, 8)} | {fetch("B", 5)}
    older, late, newer, other, unknown = (
        fetch(*each) for each in (("A", 5), ("A", 7), ("A", 9), ("B", 2), ("C", 1))
    )
    found = {older, late, newer, other, unknown, *reported}
    assert unreported_fetches(found, reported, kept=2) == {late, newer, other, unknown}
    assert unreported_fetches(found, reported, kept=4) == {older, late, newer, other, unknown}
    assert crowded_accounts(reported, 3) == {"A"}


def test_landing_names_say_account_and_fetch() -> None:
    name = "raw/account_sid=A/2026-10-01_2026-10-02/20261003T040506.000007Z"
    assert fetch_of(name) == ("A", datetime(2026, 10, 3, 4, 5, 6, 7, tzinfo=UTC))
