import calendar
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples.dates import MOMENTS, NEARLY, READABLE, UNREADABLE
from transforms.values.dates import parse_instant


def test_documented_sample_is_parsed_but_not_rfc_2822() -> None:
    sample = "Tue, 25 Sept 2018 23:00:00 +0000"
    with pytest.raises(ValueError, match="Sept"):
        parsedate_to_datetime(sample)
    assert parse_instant(sample) == datetime(2018, 9, 25, 23, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(("text", "instant"), READABLE.items())
def test_parse_instant_accepts_every_known_form(text: str, instant: datetime) -> None:
    found = parse_instant(text)
    assert found == instant
    assert found is not None
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", UNREADABLE)
def test_parse_instant_returns_none_if_ambiguous_or_invalid(text: str) -> None:
    assert parse_instant(text) is None


@pytest.mark.parametrize("month", range(1, 13))
def test_parse_instant_accepts_short_and_full_month_names(month: int) -> None:
    expected = datetime(2019, month, 9, 1, 2, 3, tzinfo=UTC)
    names = [calendar.month_abbr[month], calendar.month_name[month]]
    for name in [*names, *map(str.upper, names), *map(str.lower, names)]:
        text = f"09 {name} 2019 01:02:03 +0000"
        assert [parse_instant(text), parse_instant(f"Wed, {text}")] == [expected, expected], name


@pytest.mark.parametrize("zone", "UT GMT EST EDT CST CDT MST MDT PST PDT".split())
def test_parse_instant_agrees_with_the_library_on_zones(zone: str) -> None:
    text = f"Tue, 25 Sep 2018 23:00:00 {zone}"
    assert parse_instant(text) == parsedate_to_datetime(text)


@given(MOMENTS)
def test_parse_instant_round_trips_rfc_2822_in_any_zone(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    assert parse_instant(format_datetime(moment)) == moment


@given(MOMENTS, st.sampled_from(["seconds", "milliseconds", "microseconds"]), st.sampled_from("T "))
def test_parse_instant_round_trips_iso_8601_in_any_zone(moment: datetime, precision: str, sep: str) -> None:
    text = moment.isoformat(sep, precision)
    assert parse_instant(text) == datetime.fromisoformat(text)


@given(st.text(st.characters(codec="utf-8")) | NEARLY)
def test_parse_instant_returns_utc_from_1970(text: str) -> None:
    found = parse_instant(text)
    assert found is None or (found.utcoffset() == timedelta(0) and found.year >= 1970)
