"""Spans cover what the fetches cover, in whatever order they are added."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from transforms.values.covered import CoveredSpan, days_of_spans, with_fetch
from transforms.values.windows import Fetch, Window, covered_days

FIRST = date(2026, 7, 1)
AT = datetime(2026, 7, 8, 12, tzinfo=UTC)
FOLDER = "raw/account_sid=A"


def fetch(first: int, last: int, number: int, *, is_whole: bool = True) -> Fetch:
    window = Window(FIRST + timedelta(days=first), FIRST + timedelta(days=last))
    began = AT + timedelta(hours=number * 7)
    name = f"{FOLDER}/{window.first}_{window.last}/{began:%Y%m%dT%H%M%S.%fZ}"
    return Fetch(window, began, name, is_whole)


FETCHES = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9), st.booleans()), max_size=8).map(
    lambda made: [
        fetch(first, first + days, number, is_whole=whole or days > 2)
        for number, (first, days, whole) in enumerate(made)
    ]
)


@given(FETCHES, st.randoms())
def test_spans_have_the_days_of_the_fetches(fetches: list[Fetch], order: st.DataObject) -> None:
    spans: list[CoveredSpan] = []
    shuffled = list(fetches)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    for each in shuffled:
        spans = with_fetch(spans, each)
    assert days_of_spans(spans, FOLDER) == covered_days(fetches)


def test_span_is_as_long_as_its_fetch_counts() -> None:
    spans = with_fetch(with_fetch([], fetch(0, 9, 0), 5), fetch(3, 4, 1), 2)
    # July 9 to 10 had not begun on the 8th.
    assert [(span.first.day, span.last.day, span.window.last.day, span.pages) for span in spans] == [
        (1, 3, 10, 5),
        (4, 5, 5, 2),
        (6, 8, 10, 5),
    ]
