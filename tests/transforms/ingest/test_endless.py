import json
from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.errors import EndlessListError
from transforms.ingest.endless import ListLength
from transforms.ingest.request import ListLimits
from transforms.values.windows import Window

LIMITS = ListLimits(pages=1_000, useless_pages=10, outside_pages=50, page_bytes=1_000)
SEPTEMBER = Window(date(2026, 9, 1), date(2026, 9, 30))


def rows(*sids: object, day: str = "2026-09-15") -> list[bytes]:
    return [json.dumps({"sid": str(sid), "date_created": f"{day}T12:00:00Z"}).encode() for sid in sids]


def pages_until_refused(length: ListLength, pages: Sequence[Sequence[bytes]], size: int = 500) -> int:
    """Count pages in turn until the list is refused; return their number and check that a sentence says why."""
    for number in range(1, 5_000):
        try:
            length.count(size, pages[number % len(pages)])
        except EndlessListError as error:
            assert str(error).startswith("The API's list does not end: ")
            assert "what has landed is kept" in str(error)
            return number
    raise AssertionError("the list is never refused")


@pytest.mark.parametrize(
    ("pages", "refused_after"),
    [
        ([[]], 10),
        ([rows(1, 2)], 11),
        ([rows(1, 2), rows(2, 1)], 11),
        ([rows(number) for number in range(7)], 17),
        ([rows(1), []], 12),
        ([[b"1"], [b'"x"']], 12),
    ],
    ids=["empty", "same", "same in another order", "a cycle", "same and empty", "no records"],
)
def test_pages_without_anything_new_end_a_list(pages: list[list[bytes]], refused_after: int) -> None:
    assert pages_until_refused(ListLength(LIMITS, SEPTEMBER), pages) == refused_after


def test_pages_of_other_days_end_a_list() -> None:
    new = [rows(number, day="1999-01-01") for number in range(4_000)]
    assert pages_until_refused(ListLength(LIMITS, SEPTEMBER), new) == 50
    between = [page for each in new for page in (each, [])]
    assert pages_until_refused(ListLength(LIMITS, SEPTEMBER), between) <= 100


@pytest.mark.parametrize("day", ["2026-08-31", "2026-09-30", "2026-10-01"])
def test_days_next_to_the_window_are_of_use(day: str) -> None:
    new = [rows(number, day=day) for number in range(4_000)]
    assert pages_until_refused(ListLength(LIMITS, SEPTEMBER), new) == 1_000


def test_page_around_the_window_is_of_use() -> None:
    around = [
        [*rows(number, day="2030-01-01"), *rows(-number, day="2020-01-01")] for number in range(1, 4_000)
    ]
    assert pages_until_refused(ListLength(LIMITS, SEPTEMBER), around) == 1_000


def test_unknown_days_are_of_use() -> None:
    new = [[b'{"sid": "%d", "date_created": "soon"}' % number] for number in range(4_000)]
    assert pages_until_refused(ListLength(LIMITS, SEPTEMBER), new) == 1_000
    other = [rows(number, day="1999-01-01") for number in range(4_000)]
    assert pages_until_refused(ListLength(LIMITS), other) == 1_000


def test_bytes_of_a_list_are_limited() -> None:
    new = [rows(number) for number in range(4_000)]
    assert pages_until_refused(ListLength(LIMITS, SEPTEMBER), new, size=10_000) == 101


def test_sentence_names_the_setting_only_where_it_helps() -> None:
    for pages, helps in (([[]], False), ([rows(number) for number in range(4_000)], True)):
        length = ListLength(LIMITS, SEPTEMBER)
        with pytest.raises(EndlessListError) as caught:
            for page in pages * 1_000:
                length.count(1, page)
        assert ("raise max_pages_per_window" in str(caught.value)) == helps


@given(st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=8))
def test_any_list_that_repeats_itself_ends(cycle: list[list[int]]) -> None:
    pages = [rows(*sids) for sids in cycle]
    assert pages_until_refused(ListLength(LIMITS, SEPTEMBER), pages) <= len(pages) + 11


def test_real_long_lists_are_not_refused() -> None:
    """A day of eighteen million recordings, a page of half a megabyte each, with some empty and repeated pages."""
    length = ListLength(window=SEPTEMBER)
    for number in range(18_000):
        length.count(500_000, rows(number))
        if number % 100 == 0:
            for _ in range(5):
                length.count(500, rows(number))
                length.count(500, [])
