"""Dates in forms that are accepted or not, written by hand, and strategies that make more of them."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import format_datetime

from hypothesis import strategies as st

from tests.support.samples.transforms import instants_between, utc

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
NEARLY = st.tuples(
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
    NEARLY,
    _CLOCKS,
    _DAYS,
    st.text(st.characters(codec="utf-8"), max_size=40),
)
OFFSETS: st.SearchStrategy[tzinfo] = st.integers(-23 * 60, 23 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
MOMENTS = instants_between(utc(1970, 1, 2), utc(9999, 12, 30), OFFSETS)
