from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.samples.dates import ELEVEN_AT_NIGHT, FOURTH, MOMENTS, READABLE, TEXTS, UNREADABLE
from transforms.values import date_columns
from transforms.values.date_columns import instants
from transforms.values.dates import INSTANT, parse_instant


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    date_columns._midnight.cache_clear()


OFFSETS = [timezone(timedelta(minutes=minutes)) for minutes in (-480, -210, 0, 60, 345)]
COMMON = "Tue, 25 Sep 2018 23:00:00 +0000"
Form = Callable[[datetime], str]


def rfc(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC))


def local(moment: datetime) -> datetime:
    return moment.astimezone(OFFSETS[moment.hour % len(OFFSETS)])


# The regular forms: what differs from row to row is the day, the time of day and the zone.
FORMS: dict[str, Form] = {
    "common": rfc,
    "Sept": lambda moment: rfc(moment).replace("Sep ", "Sept "),
    "GMT": lambda moment: rfc(moment).replace("+0000", "GMT"),
    "day with one digit": lambda moment: f"{moment.day} {moment:%B %Y %H:%M:%S} Z",
    "without a weekday": lambda moment: rfc(moment).partition(", ")[2],
    "with a comment": lambda moment: f"{rfc(moment)} (UTC)",
    "numeric offset": lambda moment: format_datetime(local(moment)),
    "ISO": lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}",
    "ISO without a zone": lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}",
    "ISO with an offset": lambda moment: local(moment).isoformat(timespec="seconds"),
    "ISO with milliseconds": lambda moment: local(moment).isoformat(timespec="milliseconds"),
    "ISO with microseconds": lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}",
}


def column(texts: list[str | None]) -> pa.Array:
    return pa.array(texts, pa.string())


def read_column(texts: list[str | None]) -> list[datetime | None]:
    """Parse a column as usual, and as if it were a long one."""
    found = instants(column(texts))
    assert found.type == INSTANT
    with patch.object(date_columns, "_FEW", 1):
        assert instants(column(texts)).equals(found)
    values: list[datetime | None] = found.to_pylist()
    return values


@pytest.mark.parametrize("text", [*READABLE, *UNREADABLE])
def test_instants_of_one_text_equals_parse_instant(text: str) -> None:
    assert read_column([text]) == [READABLE.get(text)]


def test_instants_keep_the_rows_of_mixed_forms() -> None:
    texts = [*READABLE, None, *UNREADABLE, None, *reversed(READABLE)]
    expected = [*READABLE.values(), None, *[None for _ in UNREADABLE], None, *reversed(READABLE.values())]
    assert read_column(texts) == expected


@given(st.lists(TEXTS, max_size=12))
@settings(max_examples=200)
@example([COMMON, "Tue, 25 Sep 2018 24:00:00 +0000"])
@example([COMMON, "Tue, 25 Sep 2018 23:00:60 +0000", None])
@example(["Tue, 25 Sep 2018 23\N{BULLET}00: +0000", COMMON])
@example(["Tue, 25 Sep 2018 00000000 +0000", COMMON])
@example(["25 Sep 2018 23:00 GMT (at 11:22:33)"])  # not its time of day
@example(["2018-09-25T23:00:00.1234567890Z", "2018-09-25T23:00:00.Z", "2018-09-25T23:00:00.5"])
@example(["Tue, 25 Sep 2018 23:00:00.5 +0000", "9999-12-31T23:59:59-01:00", "9999-12-31T00:00:00Z"])
def test_instants_equal_parse_instant_for_every_text(texts: list[str | None]) -> None:
    assert read_column(texts) == [None if text is None else parse_instant(text) for text in texts]


@given(st.lists(st.tuples(MOMENTS, st.sampled_from(sorted(FORMS))), max_size=12))
def test_instants_of_every_form_equal_parse_instant(rows: list[tuple[datetime, str]]) -> None:
    texts: list[str | None] = [FORMS[form](moment) for moment, form in rows]
    assert read_column(texts) == [parse_instant(text) for text in texts if text is not None]


def test_instants_survive_one_invalid_time_of_day() -> None:
    good = [f"Tue, 25 Sep 2018 {hour:02}:00:00 +0000" for hour in range(24)]
    expected: list[datetime | None] = [datetime(2018, 9, 25, hour, tzinfo=UTC) for hour in range(24)]
    assert read_column([*good, "Tue, 25 Sep 2018 99:99:99 +0000"]) == [*expected, None]


@pytest.mark.parametrize("form", FORMS)
def test_each_day_of_a_regular_form_is_parsed_once(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def note(text: str) -> datetime | None:
        asked.append(text)
        return parse_instant(text)

    monkeypatch.setattr(date_columns, "parse_instant", note)
    moments = [
        datetime(2018, 9, day, hour, minute, 59, 123_000, tzinfo=UTC)
        for day in (8, 9)
        for hour in range(24)
        for minute in range(60)
    ]
    found = instants(column([FORMS[form](moment) for moment in moments]))
    is_exact = "seconds" in form
    assert found.to_pylist() == [each if is_exact else each.replace(microsecond=0) for each in moments]
    assert len(asked) == len(set(asked)) <= 4 * len(OFFSETS)


def test_instants_parse_each_odd_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def note(text: str) -> datetime | None:
        asked.append(text)
        return parse_instant(text)

    monkeypatch.setattr(date_columns, "parse_instant", note)
    odd = "Tue, 25 Sep 2018 23:00 +0000"
    assert instants(column([odd, *[COMMON] * 100, odd, None])).to_pylist() == [ELEVEN_AT_NIGHT] * 102 + [None]
    assert sorted(asked) == [odd, "Tue, 25 Sep 2018 00:00:00 +0000"][::-1]


def test_instants_remember_the_days_of_other_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    days: list[str | None] = [f"Tue, {day:02} Sep 2018 23:00:00 +0000" for day in range(1, 30)]
    first = instants(column([*days, *days]))
    monkeypatch.setattr(date_columns, "parse_instant", None)
    later = [text and text.replace("23:00:00", "23:00:01") for text in days]
    for texts in ([*later, *later], later[:1]):  # as a column, and one by one
        found = instants(column(texts)).to_pylist()
        assert found == [each + timedelta(seconds=1) for each in first.to_pylist()][: len(texts)]


def test_instants_of_a_slice_start_at_its_first_row() -> None:
    texts = column(["junk", "Tue, 25 Sept 2018 23:00:00 +0000", "Fri, 04 Jan 2019 16:28:33 +0000", "junk"])
    with patch.object(date_columns, "_FEW", 1):
        assert instants(texts[1:3]).to_pylist() == [ELEVEN_AT_NIGHT, FOURTH]
    assert instants(texts[1:3]).to_pylist() == [ELEVEN_AT_NIGHT, FOURTH]


@pytest.mark.parametrize("texts", [[], [None], [None, None, None]])
def test_instants_without_texts_are_null(texts: list[str | None]) -> None:
    assert read_column(texts) == texts
