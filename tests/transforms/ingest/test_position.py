"""How far a list is, and where what is left of it is cut."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.ingest.position import ListPosition
from transforms.values.windows import Window, days_of

QUARTER = Window(date(2026, 7, 1), date(2026, 9, 30))
DAY = Window(date(2026, 9, 30), date(2026, 9, 30))


def rows(*created: datetime | None) -> list[bytes]:
    dates = [None if instant is None else format_datetime(instant) for instant in created]
    return [json.dumps({"sid": "R", "date_created": each}).encode() for each in dates]


def after_pages(window: Window, pages_a_day: float, pages: int = 1) -> ListPosition:
    """Return the position in a list after some pages of an evenly filled window."""
    position, span = ListPosition(window.span), timedelta(days=1) / pages_a_day
    newest = window.created_before - timedelta(seconds=1)
    for page in range(pages):
        position.count(rows(newest - page * span, newest - (page + 1) * span))
    return position


def middle(position: ListPosition, window: Window, *, by_minutes: bool = False) -> datetime | None:
    return position.middle(window.created_from, by_days=True, by_minutes=by_minutes)


def at(day: int, hour: int = 0, month: int = 9) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def test_list_without_pages_is_not_cut() -> None:
    position = ListPosition(QUARTER.span)
    assert position.pages_left(QUARTER.created_from) == 0
    assert middle(position, QUARTER) is None


@pytest.mark.parametrize("pages", [1, 2, 5, 8])
def test_list_of_a_few_pages_is_not_cut(pages: int) -> None:
    assert middle(after_pages(QUARTER, pages / 92), QUARTER) is None


def test_long_list_is_cut_in_the_middle_of_what_is_left() -> None:
    assert middle(after_pages(QUARTER, 1, pages=1), QUARTER) == at(15, month=8)
    assert middle(after_pages(QUARTER, 1, pages=47), QUARTER) == at(23, month=7)


def test_end_of_a_long_list_is_cut_until_little_is_left() -> None:
    position = after_pages(QUARTER, 0.2, pages=17)
    assert position.pages_left(QUARTER.created_from) == pytest.approx(1.4, abs=0.01)
    assert middle(position, QUARTER) == at(4, month=7)
    position.count(rows(at(2, month=7), at(1, 1, month=7)))
    assert middle(position, QUARTER) is None


def test_busy_day_is_cut_only_if_the_api_can_list_hours() -> None:
    position = after_pages(DAY, 24, pages=4)  # it has reached 20:00
    assert middle(position, DAY) is None
    assert middle(position, DAY, by_minutes=True) == at(30, 10)


def test_midnight_is_preferred_to_a_minute() -> None:
    days = Window(date(2026, 9, 29), date(2026, 9, 30))
    assert middle(after_pages(days, 24), days, by_minutes=True) == at(30)


def test_density_is_that_of_the_latest_page() -> None:
    position = after_pages(QUARTER, 1, pages=2)
    position.count(rows(at(28, 23), at(28, 21)))
    assert position.pages_left(at(28)) == pytest.approx(10.5)


@pytest.mark.parametrize(
    "contradiction",
    [rows(at(1), at(2)), rows(at(30, 12), at(1))],
    ids=["within a page", "newer than the page before"],
)
def test_list_that_is_not_newest_first_ends_only_at_its_end(
    contradiction: Sequence[bytes],
) -> None:
    position = after_pages(QUARTER, 1, pages=5)
    position.count(contradiction)
    position.count(rows(at(5, month=7), at(4, month=7)))
    assert middle(position, QUARTER) is None
    assert not position.has_passed(at(1))


def test_rows_without_a_valid_date_are_ignored() -> None:
    position = ListPosition(QUARTER.span)
    position.count(rows(None, at(30), None, at(29), None))
    assert middle(position, QUARTER) == at(15, month=8)


def test_list_has_passed_what_is_older_than_its_last_row() -> None:
    position = after_pages(QUARTER, 1, pages=5)
    last = QUARTER.created_before - timedelta(days=5, seconds=1)
    assert not position.has_passed(last)
    assert position.has_passed(last + timedelta(seconds=1))


def test_rows_that_were_not_asked_for_show_no_end() -> None:
    position = after_pages(QUARTER, 1, pages=5)
    position.count(rows(datetime(2020, 1, 2, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)))
    assert not position.has_passed(at(1))


def test_part_of_a_long_list_is_cut_although_it_is_short() -> None:
    part = Window(date(2026, 7, 1), date(2026, 7, 3))
    position = ListPosition(part.span, after_pages(QUARTER, 1))
    assert position.pages_left(part.created_from) == pytest.approx(3, abs=0.01)
    assert middle(position, part) == at(3, month=7)


SEPTEMBER = Window(date(2026, 9, 1), date(2026, 9, 30))
EMPTY = dict.fromkeys(days_of(SEPTEMBER), 0)


def a_page_into(known: Mapping[date, int]) -> ListPosition:
    """Return the position in a list of September whose first page has half of the last day."""
    position = ListPosition(SEPTEMBER.span, known=known)
    position.count(rows(at(30, 23), at(30, 12)))
    return position


def test_pages_left_are_those_of_known_days() -> None:
    position = a_page_into(EMPTY | {date(2026, 9, 3): 12_000, date(2026, 9, 30): 2_000})
    assert position.pages_left(at(1)) == pytest.approx(13)
    assert position.pages_left(at(3, 12)) == pytest.approx(7)
    assert position.pages_left(at(4)) == pytest.approx(1)
    # A day that is not known is like the latest page.
    unknown = {day: number for day, number in EMPTY.items() if day.day != 5}
    assert a_page_into(unknown).pages_left(at(1)) == pytest.approx(24 / 11)


def test_days_known_to_be_empty_are_not_cut_off() -> None:
    position = a_page_into(EMPTY | {date(2026, 9, 3): 12_000, date(2026, 9, 30): 2_000})
    assert middle(position, SEPTEMBER) == at(4)
    older = Window(SEPTEMBER.first, date(2026, 9, 3))
    assert middle(ListPosition(older.span, position), older) is None
    assert middle(ListPosition(older.span, position), older, by_minutes=True) == at(3, 12)
    assert position.middle(at(4), by_days=True, by_minutes=False) is None


def test_list_known_to_have_a_few_pages_is_not_cut() -> None:
    known = EMPTY | {date(2026, 9, 10): 4_500, date(2026, 9, 30): 2_000}
    assert middle(a_page_into({}), SEPTEMBER) == at(16)
    assert middle(a_page_into(known), SEPTEMBER) is None


def test_list_longer_than_known_is_cut_by_its_latest_page() -> None:
    position = a_page_into(EMPTY)
    for page in range(1, 9):
        assert middle(position, SEPTEMBER) is None
        position.count(rows(at(30, 12 - page), at(30, 11 - page)))
    assert position.pages_left(at(29)) == pytest.approx(27)
    assert middle(position, SEPTEMBER) == at(16)


@given(
    known=st.dictionaries(st.integers(1, 30), st.integers(0, 20_000)),
    reached=st.integers(1, 30 * 24 - 2),
    start=st.integers(0, 30 * 24 - 1),
    by_minutes=st.booleans(),
)
def test_cut_of_known_days_leaves_enough_on_the_older_side(
    known: dict[int, int], reached: int, start: int, by_minutes: bool
) -> None:
    position = ListPosition(SEPTEMBER.span, known={date(2026, 9, day): rows for day, rows in known.items()})
    reached_at, start_at = at(1) + timedelta(hours=reached), at(1) + timedelta(hours=start)
    position.count(rows(reached_at + timedelta(hours=1), reached_at))
    found = position.middle(start_at, by_days=True, by_minutes=by_minutes)
    if found is not None:
        assert start_at < found <= reached_at
        assert (found.second, found.microsecond) == (0, 0)
        assert position.pages_left(start_at) >= 0.5


@given(
    pages_a_day=st.floats(0.01, 2000),
    pages=st.integers(1, 20),
    days=st.integers(1, 100),
    by_minutes=st.booleans(),
)
def test_cut_is_between_the_start_and_what_has_been_reached(
    pages_a_day: float, pages: int, days: int, by_minutes: bool
) -> None:
    window = Window(date(2026, 9, 30) - timedelta(days=days - 1), date(2026, 9, 30))
    position = after_pages(window, pages_a_day, pages)
    found = middle(position, window, by_minutes=by_minutes)
    reached = window.created_before - timedelta(seconds=1) - pages * timedelta(days=1) / pages_a_day
    if found is not None:
        assert window.created_from < found <= max(reached, window.created_from)
        assert found.second == 0
