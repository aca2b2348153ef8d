from datetime import UTC, datetime, timedelta

import pytest

from transforms.monitor.clock import clock_ahead

ASKED = datetime(2026, 9, 14, 12, 0, 10, 400_000, UTC)
ANSWERED = ASKED + timedelta(seconds=2)
GMT = "Mon, 14 Sep 2026 {} GMT"


@pytest.mark.parametrize(
    ("clock", "ahead"),
    [
        ("12:00:10", 0),  # written in the second of the request
        ("12:00:12", 0),
        ("12:00:09", 0.4),  # at the latest 12:00:09.999
        ("12:00:13", -0.6),
        ("11:50:10", 599.4),
        ("13:00:12", -3599.6),
    ],
)
def test_clock_difference_is_only_what_is_certain(clock: str, ahead: float) -> None:
    assert clock_ahead(GMT.format(clock), ASKED, ANSWERED) == timedelta(seconds=ahead)


def test_clock_difference_is_smaller_for_a_slow_response() -> None:
    assert clock_ahead(GMT.format("12:00:40"), ASKED, ASKED + timedelta(seconds=60)) == timedelta()


@pytest.mark.parametrize("header", [None, "", "yesterday", "Mon, 99 Sep 2026 12:00:00 GMT"])
def test_clock_difference_is_unknown_without_a_readable_date(header: str | None) -> None:
    assert clock_ahead(header, ASKED, ANSWERED) is None
