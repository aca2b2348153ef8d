"""Windows that are asked for again have the same bounds, so that what did not change is received unchanged."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from transforms.ingest.blocks import windows_to_fetch
from transforms.ingest.plan import Reason
from transforms.values.windows import CoveredDay, Window, days_of

TODAY = date(2026, 9, 30)
YEAR = Window(date(2025, 10, 1), TODAY)
YESTERDAY = TODAY - timedelta(days=1)


def day(month: int, number: int) -> date:
    return date(2026, month, number)


def read(*windows: Window) -> dict[date, CoveredDay]:
    at = datetime(2026, 9, 30, 1, tzinfo=UTC)
    return {
        each: CoveredDay(each, at, "landing", each < TODAY, window)
        for window in windows
        for each in days_of(window)
    }


ALL_YEAR = read(Window(date(2025, 10, 1), day(3, 31)), Window(day(4, 1), TODAY))


def test_days_never_read_are_asked_for_by_quarter() -> None:
    reads: dict[date, Reason] = dict.fromkeys(days_of(Window(day(5, 1), TODAY)), "not covered")
    assert windows_to_fetch(reads, YEAR, TODAY, {}, {}) == [
        Window(day(5, 1), day(6, 30)),
        Window(day(7, 1), TODAY),
    ]


def test_days_asked_for_again_are_as_wide_as_days_never_read() -> None:
    reads: dict[date, Reason] = dict.fromkeys(days_of(Window(day(6, 29), TODAY)), "asked again")
    busy = dict.fromkeys(days_of(YEAR), 300)
    assert windows_to_fetch(reads, Window(day(6, 29), TODAY), TODAY, ALL_YEAR, busy) == [
        Window(day(6, 29), day(6, 30)),
        Window(day(7, 1), TODAY),
    ]


def test_quiet_newest_days_cost_one_request() -> None:
    reads: dict[date, Reason] = {day(9, 28): "look back", YESTERDAY: "not covered", TODAY: "not covered"}
    covered = {each: known for each, known in ALL_YEAR.items() if each != TODAY}
    assert windows_to_fetch(reads, YEAR, TODAY, covered, {YESTERDAY: 200}) == [Window(day(9, 28), TODAY)]
    assert windows_to_fetch(reads, YEAR, TODAY, covered, {YESTERDAY: 200, day(9, 28): 1}) == [
        Window(day(9, 25), day(9, 28)),
        Window(YESTERDAY, TODAY),
    ]


def test_day_under_way_is_read_again_with_days_never_read() -> None:
    reads: dict[date, Reason] = {YESTERDAY: "not covered", TODAY: "look back"}
    assert windows_to_fetch(reads, YEAR, TODAY, read(Window(TODAY, TODAY)), {}) == [Window(YESTERDAY, TODAY)]


def test_busy_days_that_may_change_are_asked_for_one_by_one() -> None:
    reads: dict[date, Reason] = {day(9, 28): "look back", YESTERDAY: "look back", TODAY: "look back"}
    busy = dict.fromkeys(days_of(YEAR), 300)
    days = [Window(each, each) for each in reads]
    assert windows_to_fetch(reads, YEAR, TODAY, ALL_YEAR, busy) == days


def test_quiet_days_are_asked_for_in_blocks_that_stay() -> None:
    quiet = dict.fromkeys(days_of(YEAR), 20)
    asked = {
        tuple(windows_to_fetch({each: "unsettled"}, YEAR, TODAY, ALL_YEAR, quiet))
        for each in days_of(Window(day(9, 1), day(9, 8)))
    }
    assert asked == {(Window(day(9, 1), day(9, 8)),)}
    # A month that is over and fits is a block.
    few = dict.fromkeys(days_of(YEAR), 2)
    assert windows_to_fetch({day(2, 10): "unsettled"}, YEAR, TODAY, ALL_YEAR, few) == [
        Window(day(2, 1), day(2, 28))
    ]


def test_block_never_has_today_or_a_day_never_read() -> None:
    few = dict.fromkeys(days_of(YEAR), 1)
    assert windows_to_fetch({YESTERDAY: "look back"}, YEAR, TODAY, ALL_YEAR, few) == [
        Window(YESTERDAY, YESTERDAY)
    ]
    covered = {each: known for each, known in ALL_YEAR.items() if each != day(9, 5)}
    assert windows_to_fetch({day(9, 6): "unsettled"}, YEAR, TODAY, covered, few) == [
        Window(day(9, 6), day(9, 6))
    ]


def test_audited_days_are_asked_for_as_they_were_read() -> None:
    reads: dict[date, Reason] = {day(2, 3): "audit", day(2, 4): "audit"}
    few = dict.fromkeys(days_of(YEAR), 10)
    assert windows_to_fetch(reads, YEAR, TODAY, ALL_YEAR, few) == [Window(date(2025, 10, 1), day(3, 31))]
    many = dict.fromkeys(days_of(YEAR), 400)
    assert windows_to_fetch(reads, YEAR, TODAY, ALL_YEAR, many) == [Window(day(2, 3), day(2, 4))]
    # A window that reaches today has grown since.
    assert windows_to_fetch({day(9, 1): "audit"}, YEAR, TODAY, ALL_YEAR, few) == [
        Window(day(9, 1), day(9, 16))
    ]


def test_no_day_is_asked_for_that_was_not_wanted() -> None:
    few = dict.fromkeys(days_of(YEAR), 1)
    wanted = Window(day(2, 5), day(2, 12))
    assert windows_to_fetch({day(2, 6): "unsettled"}, wanted, TODAY, ALL_YEAR, few) == [
        Window(day(2, 5), day(2, 8))
    ]
    assert windows_to_fetch({day(2, 9): "audit"}, wanted, TODAY, ALL_YEAR, few) == [
        Window(day(2, 9), day(2, 12))
    ]


REASONS: list[Reason] = ["look back", "unsettled", "not covered", "audit", "deletions"]


@given(
    st.dictionaries(st.sampled_from(days_of(YEAR)), st.sampled_from(REASONS), max_size=40),
    st.dictionaries(st.sampled_from(days_of(YEAR)), st.integers(0, 900), max_size=60),
    st.sets(st.sampled_from(days_of(YEAR)), max_size=40),
)
def test_every_day_is_in_a_window_and_no_window_is_in_another(
    reads: dict[date, Reason], recordings: dict[date, int], unread: set[date]
) -> None:
    covered = {each: known for each, known in ALL_YEAR.items() if each not in unread}
    windows = windows_to_fetch(reads, YEAR, TODAY, covered, recordings)
    assert {each for window in windows for each in days_of(window)} >= reads.keys()
    assert not [
        (one, other)
        for one in windows
        for other in windows
        if one != other and other.first <= one.first and one.last <= other.last
    ]
