from datetime import date

import pytest

from tests.support.samples.transforms import recording
from transforms.ingest.day_counts import DayCount
from transforms.ingest.singles import are_all, can_be_asked_for, days_instead
from transforms.values.windows import Window

DAY = date(2026, 9, 1)
DAYS = Window(DAY, DAY)
SID, OTHER = "RE" + "0a" * 16, "RE" + "0b" * 16


@pytest.mark.parametrize(
    ("unsettled", "kept", "expected"),
    [(0, 5000, False), (1, 1000, False), (1, 1001, True), (4, 5000, True), (5, 5000, False), (5, 5001, True)],
)
def test_fewer_unsettled_than_pages_are_asked_for(unsettled: int, kept: int, expected: bool) -> None:
    assert can_be_asked_for(DayCount(9000, unsettled, kept)) == expected


def test_only_all_of_them_in_known_forms_are_asked_for() -> None:
    count = DayCount(3000, 2, 3000)
    assert are_all([SID, "5a3c0c2e-0000-4000-8000-000000000001"], count)
    assert not are_all([SID], count)
    assert not are_all([SID, "../RE0f"], count)


def test_answer_of_its_day_needs_no_other() -> None:
    text = recording(f'"{SID.lower()}"', date_created='"Tue, 01 Sep 2026 23:59:59 +0000"')
    assert days_instead(text, SID, DAYS) == []


def test_answer_of_another_day_has_both_read() -> None:
    text = recording(f'"{SID}"', date_created='"Wed, 02 Sep 2026 00:00:00 +0000"')
    other = date(2026, 9, 2)
    assert days_instead(text, SID, DAYS) == [DAYS, Window(other, other)]


def test_answer_about_another_recording_has_the_day_read() -> None:
    text = recording(f'"{OTHER}"', date_created='"Tue, 01 Sep 2026 23:59:59 +0000"')
    assert days_instead(text, SID, DAYS) == [DAYS]


def test_answer_without_a_sid_has_the_day_read() -> None:
    assert days_instead(recording("null"), SID, DAYS) == [DAYS]


def test_answer_without_a_valid_date_is_left_to_normalize() -> None:
    assert days_instead(recording(f'"{SID}"', date_created='"soon"'), SID, DAYS) == []
