"""Which old days are fetched again to find deletions."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from math import ceil
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.ingest.audit import Blocks, days_to_audit
from transforms.values.windows import CoveredDay, Window, days_of

TODAY = date(2026, 9, 30)
YEAR = Window(date(2025, 10, 1), TODAY)


def read(ages: Mapping[date, int], *together: Window) -> dict[date, CoveredDay]:
    """Return days read that many days before today, each by itself or in one of these windows."""
    noon = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)
    windows = {day: window for window in together for day in days_of(window)}
    return {
        day: CoveredDay(day, noon - timedelta(days=age), "landing", True, windows.get(day, Window(day, day)))
        for day, age in ages.items()
    }


def day(month: int, number: int) -> date:
    return date(2026, month, number)


EVERY_DAY = read(dict.fromkeys(days_of(YEAR), 10))


def audited(
    kept: Mapping[date, int], requests: int, covered: Mapping[date, CoveredDay] = EVERY_DAY
) -> list[date]:
    return days_to_audit(YEAR, TODAY, covered, kept, [], requests)


def test_audit_reads_again_together_what_was_read_together() -> None:
    kept = {day(7, 1): 900, day(7, 3): 900, day(7, 4): 5, day(8, 20): 2}
    covered = read(
        dict.fromkeys(days_of(YEAR), 10), Window(day(7, 1), day(7, 31)), Window(day(8, 1), day(8, 31))
    )
    # The two pages of July, although one of its days would be worth more by itself.
    assert audited(kept, 1, covered) == [day(7, 1), day(7, 3), day(7, 4)]
    assert audited(kept, 2, covered) == [day(7, 1), day(7, 3), day(7, 4)]
    assert audited(kept, 3, covered) == [*kept]


def test_audit_divides_a_window_of_many_pages() -> None:
    kept = {day(7, number): 2000 for number in range(1, 6)}
    covered = read(dict.fromkeys(days_of(YEAR), 10), Window(day(7, 1), day(7, 31)))
    assert audited(kept, 4, covered) == [day(7, 1), day(7, 2)]


def test_audit_prefers_many_recordings_per_request() -> None:
    kept = {day(2, 1): 5, day(5, 1): 900, day(8, 1): 1001}
    assert [audited(kept, number) for number in (1, 2, 3)] == [
        [day(5, 1)],
        [day(2, 1), day(5, 1)],
        [day(5, 1), day(8, 1)],
    ]


def test_audit_prefers_what_was_read_long_ago() -> None:
    kept = {day(2, 1): 100, day(5, 1): 400}
    ages = {day(2, 1): 21, day(5, 1): 10}
    assert audited(kept, 1, EVERY_DAY | read(ages)) == [day(2, 1)]
    assert audited(kept, 1, EVERY_DAY | read(ages | {day(2, 1): 19})) == [day(5, 1)]


def test_audit_leaves_out_days_of_today_and_without_recordings() -> None:
    covered = EVERY_DAY | read({day(5, 1): 0})
    assert audited({day(2, 1): 0, day(5, 1): 7}, 9, covered) == []
    assert audited({day(2, 1): 7}, 0) == []
    assert days_to_audit(YEAR, TODAY, EVERY_DAY, {day(2, 1): 7}, [day(2, 1)], 9) == []
    assert days_to_audit(Window(day(3, 1), TODAY), TODAY, EVERY_DAY, {day(2, 1): 7}, [], 9) == []
    # A day that was not over, or never read, is read anyway.
    unread = {each: covered_day for each, covered_day in EVERY_DAY.items() if each != day(2, 1)}
    assert audited({day(2, 1): 7}, 9, unread) == []


def test_audit_reads_a_day_of_more_pages_than_requests() -> None:
    assert audited({day(5, 1): 90_000}, 3) == [day(5, 1)]


@given(st.dictionaries(st.sampled_from(days_of(YEAR)), st.integers(0, 2500), max_size=40), st.integers(1, 8))
@settings(max_examples=15)
def test_audit_reads_every_day_in_time_with_bounded_requests(kept: dict[date, int], requests: int) -> None:
    """Every run has its requests, and no day with recordings waits for ever."""
    ages, most = dict.fromkeys(days_of(YEAR), 10), 0
    pages = sum(ceil(number / 1000) for number in kept.values())
    for _ in range(12 * (pages + 1)):
        chosen = days_to_audit(YEAR, TODAY, read(ages), kept, [], requests)
        expected = sum(ceil(kept.get(each, 0) / 1000) for each in chosen if kept.get(each, 0) > 1000)
        assert expected <= max(requests, 3)
        ages = {each: 1 if each in chosen else age + 1 for each, age in ages.items()}
        most = max([most, *(ages[each] for each, number in kept.items() if number)])
    assert most <= 10 + 60 * (pages + 1)


@given(
    st.dictionaries(st.integers(0, 90), st.integers(0, 40), min_size=1),
    st.integers(0, 200),
    st.randoms(use_true_random=False),
)
def test_block_is_the_same_from_each_of_its_days(
    known: dict[int, int], most_rows: int, order: Random
) -> None:
    rows = {date(2026, 1, 20) + timedelta(days=number): count for number, count in known.items()}
    days = list(rows)
    order.shuffle(days)
    at_once = Blocks(rows, most_rows)
    assert [at_once.around(day) for day in days] == [Blocks(rows, most_rows).around(day) for day in days]
