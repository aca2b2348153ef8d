from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from transforms.errors import DataError, NotJsonError
from transforms.ingest.request import Rules
from transforms.ingest.usage import days_to_read, usage_parameters
from transforms.normalize.usage import fold_usage
from transforms.pages.recordings import Page
from transforms.pages.usage import USAGE_SCHEMA, Usage, read_usage, read_usage_envelope
from transforms.values.windows import CoveredDay, Window, days_of

MONDAY, TUESDAY, WEDNESDAY = date(2026, 9, 14), date(2026, 9, 15), date(2026, 9, 16)
WINDOW = Window(MONDAY, TUESDAY)
# The fields and forms of a real response, with other dates.
RECORD = (
    '{"category":"recordings","description":"Recordings","account_sid":"AC1","start_date":"2026-09-14",'
    '"end_date":"2026-09-14","count":"30","count_unit":"recordings","usage":"31","usage_unit":"recorded-minutes",'
    '"price":"0.0775","price_unit":"usd","api_version":"2010-04-01","uri":"/2010-04-01/…","subresource_uris":{}}'
)
NOTHING = {"account_sid": "AC1", "currency": None, "recordings": 0, "minutes": 0, "price": 0}


def page(*records: str, name: str = "L/page-00000.json.zst") -> Page:
    body = f'{{"next_page_uri":null,"page":0,"usage_records":[{",".join(records)}]}}'
    return Page(name, body.encode())


def read(*records: str) -> Usage:
    return read_usage([page(*records)], "AC1", WINDOW)


def changed(**values: str | None) -> str:
    """Change the JSON text of some fields of the record; None leaves a field out."""
    fields = dict(part.split(":", 1) for part in RECORD[1:-1].split(',"'))
    fields = {name.strip('"'): text for name, text in fields.items()}
    found = {name: text for name, text in {**fields, **values}.items() if text is not None}
    return "{" + ",".join(f'"{name}":{text}' for name, text in found.items()) + "}"


def monday(*records: str) -> list[dict[str, Any]] | None:
    return read(*records).days.get(MONDAY)


def test_usage_record_becomes_the_row_of_its_day() -> None:
    usage = read(RECORD)
    assert usage.days[MONDAY] == [
        {
            "account_sid": "AC1",
            "usage_date": MONDAY,
            "currency": "USD",
            "recordings": 30,
            "minutes": Decimal(31),
            "price": Decimal("0.0775"),
            "raw_page": "L/page-00000.json.zst",
        }
    ]
    assert usage.days[TUESDAY] == [{**NOTHING, "usage_date": TUESDAY, "raw_page": ""}]
    assert not usage.oddities


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("0.0775", "0.0775"),
        ('"0.1000000000000000055"', "0.1"),
        ("0.1000000000000000055", "0.1"),
        ("12345678.123456789", "12345678.123456789"),
        ("0", "0"),
        ("7.75e-2", "0.0775"),
        ('"-1.5"', "-1.5"),
    ],
)
def test_usage_price_is_parsed_from_its_text(text: str, price: str) -> None:
    (row,) = monday(changed(price=text, count="3", usage='"31.5"')) or []
    assert (str(row["price"]), row["recordings"], row["minutes"]) == (
        str(Decimal(price).quantize(Decimal("1e-9"))),
        3,
        Decimal("31.5"),
    )


def test_usage_has_a_row_per_currency_the_later_if_repeated() -> None:
    rows = monday(RECORD, changed(price_unit='"eur"', price='"1"'), changed(price='"2"')) or []
    assert [(row["currency"], row["price"]) for row in rows] == [("EUR", 1), ("USD", 2)]
    assert [row["currency"] for row in monday(changed(price_unit="null")) or []] == ["XXX"]


@pytest.mark.parametrize(
    "other",
    [
        changed(category='"calls"'),
        changed(account_sid='"AC2"'),
        changed(start_date='"2026-09-01"'),
        changed(start_date='"2026-09-16"', end_date='"2026-09-16"'),
    ],
)
def test_usage_not_requested_is_left_out(other: str) -> None:
    assert read(other, RECORD).days == read(RECORD).days
    assert read(other).days[MONDAY] == [{**NOTHING, "usage_date": MONDAY, "raw_page": ""}]


@pytest.mark.parametrize(
    "broken",
    [
        changed(price="null"),
        changed(price='"a fortune"'),
        changed(usage='""'),
        changed(count='"1.5"'),
        changed(usage="[]"),
    ],
)
def test_day_with_an_invalid_record_is_left_out(broken: str) -> None:
    usage = read(broken)
    assert usage.days.keys() == {TUESDAY}
    assert usage.oddities.counts == {("usage record not understood", "2026-09-14"): 1}
    # Even if another record of the day is valid.
    assert read(broken, RECORD).days.keys() == {TUESDAY}


@pytest.mark.parametrize("broken", ["7", "{}", changed(start_date='"yesterday"'), changed(price=None)])
def test_record_without_a_day_drops_the_whole_window(broken: str) -> None:
    usage = read(RECORD, broken, RECORD)
    assert (usage.days, usage.oddities.counts) == ({}, {("usage record not understood", ""): 1})


def test_day_not_over_when_counted_is_left_out() -> None:
    assert monday(changed(as_of='"2026-09-14T23:59:59+00:00"')) is None
    assert monday(changed(as_of='"2026-09-15T00:00:00+00:00"')) == monday(RECORD)


def test_read_usage_combines_pages() -> None:
    second = changed(start_date='"2026-09-15"', end_date='"2026-09-15"')
    usage = read_usage([page(RECORD, name="1"), page(second, name="2")], "AC1", WINDOW)
    assert [[row["raw_page"] for row in rows] for rows in usage.days.values()] == [["1"], ["2"]]


def test_usage_envelope_has_row_count_and_next_page() -> None:
    assert read_usage_envelope(page(RECORD, RECORD).body).rows == 2
    assert read_usage_envelope(b'{"usage_records":[],"next_page_uri":"/next"}').next_page_uri == "/next"
    assert read_usage_envelope(b'{"usage_records":[],"next_page_uri":""}').next_page_uri is None
    with pytest.raises(NotJsonError):
        read_usage_envelope(b"<html>")
    with pytest.raises(DataError, match="not a page of usage"):
        read_usage_envelope(b'{"recordings":[],"next_page_uri":null}')


def test_fold_usage_takes_the_newest_fetch_of_a_day() -> None:
    none = USAGE_SCHEMA.empty_table()
    first = fold_usage(none, [("L1", read(RECORD))])
    assert [row["raw_page"] for row in first.to_pylist()] == ["L/page-00000.json.zst", "L1"]
    again = read_usage([page(RECORD, name="later")], "AC1", WINDOW)
    assert fold_usage(first, [("L2", again)]).equals(first)
    dearer = read_usage([page(changed(price='"1"'), name="dearer")], "AC1", Window(MONDAY, MONDAY))
    both = fold_usage(first, [("L2", again), ("L3", dearer)])
    assert [(row["price"], row["raw_page"]) for row in both.to_pylist()] == [(1, "dearer"), (0, "L1")]
    assert fold_usage(both, [("L2", again), ("L3", dearer)]).equals(both)
    # A day that is no longer listed has no charges. One that could not be understood stays as it was.
    gone = fold_usage(both, [("L4", read())])
    assert [(row["currency"], row["price"]) for row in gone.to_pylist()] == [(None, 0), (None, 0)]
    assert fold_usage(both, [("L4", read("7"))]).equals(both)


def test_days_to_read_are_over_and_new_or_may_change() -> None:
    read_days = {
        day: CoveredDay(day, datetime(2026, 9, 17, tzinfo=UTC), "L", was_over=over, window=Window(day, day))
        for day, over in ((MONDAY, True), (TUESDAY, False), (date(2026, 9, 18), True))
    }
    days = Window(MONDAY, date(2026, 9, 19))
    rules = Rules(settle_days=2)
    assert days_to_read(days, date(2026, 9, 19), read_days, rules) == [
        *(TUESDAY, WEDNESDAY, date(2026, 9, 17)),
        date(2026, 9, 18),
    ]
    # The 18th is settled, and costs nothing between two others.
    assert days_to_read(days, date(2026, 9, 20), read_days, Rules(settle_days=0)) == [
        *(TUESDAY, WEDNESDAY, date(2026, 9, 17)),
        *(date(2026, 9, 18), date(2026, 9, 19)),
    ]


def test_days_between_quarters_are_not_read() -> None:
    days = Window(date(2026, 6, 1), date(2026, 10, 31))
    at = datetime(2026, 11, 1, tzinfo=UTC)
    unread = (date(2026, 6, 20), date(2026, 6, 22), date(2026, 10, 5), date(2026, 10, 6))
    read_days = {
        day: CoveredDay(day, at, "L", was_over=True, window=days)
        for day in days_of(days)
        if day not in unread
    }
    rules = Rules(settle_days=0)
    assert days_to_read(days, date(2026, 11, 2), read_days, rules) == [
        *(date(2026, 6, 20), date(2026, 6, 21), date(2026, 6, 22)),
        *(date(2026, 10, 5), date(2026, 10, 6)),
    ]


def test_days_are_read_after_their_recordings_until_settled() -> None:
    days = Window(MONDAY, WEDNESDAY)
    read, later = datetime(2026, 9, 20, 12, tzinfo=UTC), datetime(2026, 9, 20, 13, tzinfo=UTC)
    usage = {day: CoveredDay(day, read, "L", was_over=True, window=days) for day in days_of(days)}
    recordings = {TUESDAY: CoveredDay(TUESDAY, later, "L", was_over=True, window=days)}
    today = date(2026, 9, 20)
    assert days_to_read(days, today, usage, Rules(), recordings) == [TUESDAY]
    assert days_to_read(days, today, usage, Rules(settle_days=5), recordings) == []
    usage[TUESDAY] = CoveredDay(TUESDAY, later, "L", was_over=True, window=days)
    assert days_to_read(days, today, usage, Rules(), recordings) == []


def test_usage_parameters_exclude_subaccounts() -> None:
    assert usage_parameters(WINDOW) == {
        "Category": "recordings",
        "StartDate": "2026-09-14",
        "EndDate": "2026-09-15",
        "IncludeSubaccounts": "false",
    }
