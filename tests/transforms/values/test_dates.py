import calendar
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import format_datetime, parsedate_to_datetime

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.samples.transforms import instants_between, utc
from transforms.values import dates
from transforms.values.dates import INSTANT, instants, parse_instant

ELEVEN_AT_NIGHT = datetime(2018, 9, 25, 23, 0, 0, tzinfo=UTC)
FOURTH = datetime(2019, 1, 4, 16, 28, 33, tzinfo=UTC)

READABLE = {
    "Tue, 25 Sept 2018 23:00:00 +0000": ELEVEN_AT_NIGHT,  # the documentation's own sample
    "Tue, 25 Sep 2018 23:00:00 +0000": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 23:00:00 GMT": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 23:00:00 UTC": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 23:00:00 UT": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 23:00:00 Z": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 23:00:00 -0000": ELEVEN_AT_NIGHT,
    "Wed, 26 Sep 2018 00:00:00 +0100": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 18:00:00 -05:00": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 18:00:00 -0500": ELEVEN_AT_NIGHT,
    "Wed, 26 Sep 2018 04:45:00 +05:45": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 19:30:00 -0330": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 18:00:00 EST": ELEVEN_AT_NIGHT,
    "Tue, 25 September 2018 23:00:00 +0000": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 23:00:00 +0000 (UTC)": ELEVEN_AT_NIGHT,
    "Wed, 26 Sep 2018 01:00:00 +0200 (CEST)": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 23:00:00 GMT(Greenwich Mean Time)": ELEVEN_AT_NIGHT,
    "25 Sep 2018 23:00:00 +0000": ELEVEN_AT_NIGHT,
    "25 Sept 2018 23:00:00 GMT": ELEVEN_AT_NIGHT,
    "Wed, 25 Sep 2018 23:00:00 +0000": ELEVEN_AT_NIGHT,  # it was a Tuesday
    "Tuesday, 25 Sep 2018 23:00:00 +0000": ELEVEN_AT_NIGHT,
    "Tue 25 Sep 2018 23:00:00 +0000": ELEVEN_AT_NIGHT,
    "TUE, 25 SEPT 2018 23:00:00 gmt": ELEVEN_AT_NIGHT,
    "Tue, 25 Sept. 2018 23:00:00 +0000": ELEVEN_AT_NIGHT,
    "Tue, 25-Sep-2018 23:00:00 GMT": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 23:00 +0000": ELEVEN_AT_NIGHT,
    "Tue, 25 Sep 2018 23:00:00": ELEVEN_AT_NIGHT,
    "  Tue, 25 Sep 2018 23:00:00 +0000\n": ELEVEN_AT_NIGHT,
    "Tue,  25  Sep  2018  23:00:00  +0000": ELEVEN_AT_NIGHT,
    "2018-09-25T23:00:00Z": ELEVEN_AT_NIGHT,
    "2018-09-26T01:00:00+02:00": ELEVEN_AT_NIGHT,
    "2018-09-25T16:00:00-0700": ELEVEN_AT_NIGHT,
    "2018-09-25 23:00:00": ELEVEN_AT_NIGHT,
    "2018-09-25t23:00z": ELEVEN_AT_NIGHT,
    "2018-09-25T23:00:00.250Z": ELEVEN_AT_NIGHT.replace(microsecond=250_000),
    "2018-09-25T23:00:00.123456789Z": ELEVEN_AT_NIGHT.replace(microsecond=123_456),
    "2019-01-04T16:28:33Z": FOURTH,
    "Fri, 4 Jan 2019 16:28:33 +0000": FOURTH,
    "Fri, 04 Jan 2019 16:28:33 +0000": FOURTH,
    "4 January 2019 16:28:33 Z": FOURTH,
    "Thu, 03 Jan 2019 23:28:33 -1700": FOURTH,
    "Wed, 29 Feb 2012 12:00:00 +0000": datetime(2012, 2, 29, 12, tzinfo=UTC),
    "Tue, 29 Feb 2000 12:00:00 +0000": datetime(2000, 2, 29, 12, tzinfo=UTC),
    "Sat, 31 Dec 2016 23:59:60 +0000": datetime(2017, 1, 1, tzinfo=UTC),  # a leap second
    "Thu, 01 Jan 1970 00:00:00 +0000": datetime(1970, 1, 1, tzinfo=UTC),
    "Thu, 01 Jan 1970 00:00:00 -0100": datetime(1970, 1, 1, 1, tzinfo=UTC),
    "Fri, 31 Dec 9999 23:59:59 +0000": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
}

UNREADABLE = [
    "",
    " ",
    "null",
    "yesterday",
    "1537916400",
    "2018-09-25",
    "20180925T230000Z",
    "25/09/2018 23:00:00",
    "09/25/2018 11:00 PM",
    "Tue, 25 Sep 18 23:00:00 +0000",
    "Tue, 25 Sep 02018 23:00:00 +0000",
    "Tue, 25 Sep 2018",
    "Tue, 25 Foo 2018 23:00:00 +0000",
    "Tue, 25 Se 2018 23:00:00 +0000",
    "Tue, 25 Sepp 2018 23:00:00 +0000",
    "Tue, 31 Sep 2018 23:00:00 +0000",
    "Tue, 00 Sep 2018 23:00:00 +0000",
    "Thu, 29 Feb 2018 12:00:00 +0000",
    "Mon, 29 Feb 2100 12:00:00 +0000",
    "2018-02-29T12:00:00Z",
    "2018-13-01T12:00:00Z",
    "2018-00-01T12:00:00Z",
    "Tue, 25 Sep 2018 24:00:00 +0000",
    "Tue, 25 Sep 2018 23:60:00 +0000",
    "Tue, 25 Sep 2018 23:00:61 +0000",
    "Tue, 25 Sep 2018 23:00:99 +0000",
    "Tue, 25 Sep 2018 23:00:00 +2400",
    "Tue, 25 Sep 2018 23:00:00 +0060",
    "Tue, 25 Sep 2018 23:00:00 +00",
    "Tue, 25 Sep 2018 23:00:00 +00000",
    "Tue, 25 Sep 2018 23:00:00 CEST",
    "Tue, 25 Sep 2018 23:00:00 A",
    "Tue, 25 Sep 2018 23:00:00 +0000 and more",
    "Tue, 25 Sep 2018 23:00:00 +0000Tue, 25 Sep 2018 23:00:00 +0000",
    "Tue, 25 Sep 2018 23:00:00 10000",
    "Tue, 25 Sep 2018 23:00:00000000",
    "2018-09-25T23:00:00Z and more",
    "Wed, 31 Dec 1969 23:59:59 +0000",
    "Wed, 31 Dec 1969 23:30:00 -0100",  # 1970 in UTC, but the written year is too early
    "Thu, 01 Jan 1970 00:30:00 +0100",
    "1969-12-31T23:59:59Z",
    "Fri, 01 Jan 0001 00:00:00 +0000",
    "Fri, 31 Dec 9999 23:59:59 -0001",
    "Fri, 31 Dec 9999 23:59:60 +0000",
    "Tue, 2\N{ARABIC-INDIC DIGIT FIVE} Sep 2018 23:00:00 +0000",
    "\N{FULLWIDTH DIGIT TWO}018-09-25T23:00:00Z",
]

# What a column may hold: texts close to the accepted forms, and garbage.
_COMMON = instants_between(utc(1969, 12, 30), utc(2200, 1, 1)).map(format_datetime)
_NEARLY = st.tuples(
    st.sampled_from([*READABLE, *UNREADABLE]), st.integers(0, 40), st.characters(codec="utf-8")
).map(lambda near: near[0][: near[1]] + near[2] + near[0][near[1] + 1 :])
_CLOCKS = st.text("0123456789:.+-TZ ", min_size=8, max_size=8).map(
    lambda clock: f"Tue, 25 Sep 2018 {clock} +0000"
)
_DAYS = st.from_regex(r"\A[A-Z][a-z]{2}, [0-3]\d [A-Z][a-z]{2} [0-2]\d{3} 23:00:0\d \+0000\Z")
TEXTS = st.one_of(
    st.none(),
    st.sampled_from([*READABLE, *UNREADABLE]),
    _COMMON,
    _NEARLY,
    _CLOCKS,
    _DAYS,
    st.text(st.characters(codec="utf-8"), max_size=40),
)
OFFSETS: st.SearchStrategy[tzinfo] = st.integers(-23 * 60, 23 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
MOMENTS = instants_between(utc(1970, 1, 2), utc(9999, 12, 30), OFFSETS)


def column(texts: list[str | None]) -> pa.Array:
    return pa.array(texts, pa.string())


def read_column(texts: list[str | None]) -> list[datetime | None]:
    found = instants(column(texts))
    assert found.type == INSTANT
    values: list[datetime | None] = found.to_pylist()
    return values


def test_documented_sample_is_parsed_but_not_rfc_2822() -> None:
    sample = "Tue, 25 Sept 2018 23:00:00 +0000"
    with pytest.raises(ValueError, match="Sept"):
        parsedate_to_datetime(sample)
    assert parse_instant(sample) == datetime(2018, 9, 25, 23, 0, 0, tzinfo=UTC)
    assert read_column([sample]) == [datetime(2018, 9, 25, 23, 0, 0, tzinfo=UTC)]


@pytest.mark.parametrize(("text", "instant"), READABLE.items())
def test_parse_instant_accepts_every_known_form(text: str, instant: datetime) -> None:
    found = parse_instant(text)
    assert found == instant
    assert found is not None
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", UNREADABLE)
def test_parse_instant_returns_none_if_ambiguous_or_invalid(text: str) -> None:
    assert parse_instant(text) is None


@pytest.mark.parametrize("text", [*READABLE, *UNREADABLE])
def test_instants_of_one_text_equals_parse_instant(text: str) -> None:
    assert read_column([text]) == [READABLE.get(text)]


def test_instants_keep_the_rows_of_mixed_forms() -> None:
    texts = [*READABLE, None, *UNREADABLE, None, *reversed(READABLE)]
    expected = [*READABLE.values(), None, *[None for _ in UNREADABLE], None, *reversed(READABLE.values())]
    assert read_column(texts) == expected


@pytest.mark.parametrize("month", range(1, 13))
def test_parse_instant_accepts_short_and_full_month_names(month: int) -> None:
    expected = datetime(2019, month, 9, 1, 2, 3, tzinfo=UTC)
    names = [calendar.month_abbr[month], calendar.month_name[month]]
    for name in [*names, *map(str.upper, names), *map(str.lower, names)]:
        text = f"09 {name} 2019 01:02:03 +0000"
        assert read_column([text, f"Wed, {text}"]) == [expected, expected], name


@pytest.mark.parametrize("zone", "UT GMT EST EDT CST CDT MST MDT PST PDT".split())
def test_parse_instant_agrees_with_the_library_on_zones(zone: str) -> None:
    text = f"Tue, 25 Sep 2018 23:00:00 {zone}"
    assert parse_instant(text) == parsedate_to_datetime(text)


@given(MOMENTS)
@settings(deadline=None)
def test_parse_instant_round_trips_rfc_2822_in_any_zone(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    assert parse_instant(format_datetime(moment)) == moment
    assert read_column([format_datetime(moment)]) == [moment]


@given(MOMENTS, st.sampled_from(["seconds", "milliseconds", "microseconds"]), st.sampled_from("T "))
@settings(deadline=None)
def test_parse_instant_round_trips_iso_8601_in_any_zone(moment: datetime, precision: str, sep: str) -> None:
    text = moment.isoformat(sep, precision)
    assert parse_instant(text) == datetime.fromisoformat(text)


@given(st.lists(TEXTS, max_size=12))
@settings(deadline=None, max_examples=200)
@example(["Tue, 25 Sep 2018 23:00:00 +0000", "Tue, 25 Sep 2018 24:00:00 +0000"])
@example(["Tue, 25 Sep 2018 23:00:00 +0000", "Tue, 25 Sep 2018 23:00:60 +0000", None])
@example(["Tue, 25 Sep 2018 23\N{BULLET}00: +0000", "Tue, 25 Sep 2018 23:00:00 +0000"])
def test_instants_equal_parse_instant_for_every_text(texts: list[str | None]) -> None:
    assert read_column(texts) == [None if text is None else parse_instant(text) for text in texts]


@given(st.text(st.characters(codec="utf-8")) | _NEARLY)
@settings(deadline=None)
def test_parse_instant_returns_utc_from_1970(text: str) -> None:
    found = parse_instant(text)
    assert found is None or (found.utcoffset() == timedelta(0) and found.year >= 1970)


def test_instants_survive_one_invalid_time_of_day() -> None:
    good = [f"Tue, 25 Sep 2018 {hour:02}:00:00 +0000" for hour in range(24)]
    expected: list[datetime | None] = [datetime(2018, 9, 25, hour, tzinfo=UTC) for hour in range(24)]
    assert read_column([*good, "Tue, 25 Sep 2018 99:99:99 +0000"]) == [*expected, None]


def test_instants_of_the_common_form_are_parsed_by_column(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str) -> datetime | None:
        raise AssertionError(text)

    monkeypatch.setattr(dates, "parse_instant", refuse)
    texts = [f"Tue, {day:02} Sep 2018 12:30:{day:02} +0000" for day in range(1, 31)]
    assert read_column([*texts, None]) == [
        *[datetime(2018, 9, day, 12, 30, day, tzinfo=UTC) for day in range(1, 31)],
        None,
    ]


def test_instants_parse_each_odd_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def note(text: str) -> datetime | None:
        asked.append(text)
        return parse_instant(text)

    monkeypatch.setattr(dates, "parse_instant", note)
    odd = "Tue, 25 Sept 2018 23:00:00 +0000"
    assert read_column([odd, "Tue, 25 Sep 2018 23:00:00 +0000", odd, None]) == [ELEVEN_AT_NIGHT] * 3 + [None]
    assert asked == [odd]


def test_instants_of_a_slice_start_at_its_first_row() -> None:
    texts = column(["junk", "Tue, 25 Sept 2018 23:00:00 +0000", "Fri, 04 Jan 2019 16:28:33 +0000", "junk"])
    assert instants(texts[1:3]).to_pylist() == [ELEVEN_AT_NIGHT, FOURTH]


@pytest.mark.parametrize("texts", [[], [None], [None, None, None]])
def test_instants_without_texts_are_null(texts: list[str | None]) -> None:
    assert read_column(texts) == texts
