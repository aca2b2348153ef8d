import json
from datetime import date, datetime
from decimal import Decimal
from email.utils import format_datetime
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import CAPTURES
from tests.support.samples.transforms import (
    ACCOUNT,
    EVER,
    instants_between,
    listed,
    page_body,
    quoted,
    recording,
    rows,
    utc,
)
from transforms.errors import DataError
from transforms.pages.batches import LISTED_SCHEMA
from transforms.pages.recordings import Page, list_recordings
from transforms.pages.records import read_envelope
from transforms.schema import REJECT_SCHEMA
from transforms.values import date_columns
from transforms.values.windows import Window

# The sample of the vendor's documentation, field by field.
_UNDER_ACCOUNT = "/api/laml/2010-04-01/Accounts/720796a0-8ee9-4350-83bd-2d07a3121f1e"
DOCUMENTED_SAMPLE = (
    """{
"account_sid": "720796a0-8ee9-4350-83bd-2d07a3121f1e",
"api_version": "2010-04-01",
"call_sid": "43bb71ee-553f-4074-bb20-8e2747647cce",
"conference_sid": "2071320d-ee82-4578-84e0-379fb227eb77",
"channels": 1,
"date_created": "Tue, 25 Sept 2018 23:00:00 +0000",
"date_updated": "Wed, 26 Sept 2018 23:00:04 +0000",
"start_time": "Tue, 25 Sept 2018 23:00:00 +0000",
"end_time": "Wed, 26 Sept 2018 23:00:04 +0000",
"price": "-0.0025",
"price_unit": "USD",
"duration": "4",
"sid": "19e436af-5688-4307-b03b-bdb2b42b8142",
"source": "DialVerb",
"status": "completed",
"error_code": null,
"uri": "UNDER_ACCOUNT/Calls/058a869c-d387-4bef-8e62-6b0bc0895bed/Recordings/19e436af-5688-4307-b03b-bdb2b42b8142.json",
"subresource_uris": {
"transcriptions": "UNDER_ACCOUNT/Recordings/19e436af-5688-4307-b03b-bdb2b42b8142/Transcriptions.json"
}
}"""
).replace("UNDER_ACCOUNT", _UNDER_ACCOUNT)

# A page as a real service sent it in 2018: escaped ampersands, both `channel` and `channels`, a price of 0.0.
SENT_IN_2018 = rb"""{"uri":"/2010-04-01/Accounts/xyz123-xyz123-xyz123/Recordings?Page=0\u0026PageSize=50",
"first_page_uri":"/2010-04-01/Accounts/xyz123-xyz123-xyz123/Recordings?Page=0\u0026PageSize=50","next_page_uri":null,
"previous_page_uri":null,"page":0,"page_size":50,"recordings":[{"sid":"e4c78e17-c0e2-441d-b5dd-39a6dad496f8",
"api_version":"2010-04-01","channel":"1","channels":"1","account_sid":"xyz123-xyz123-xyz123",
"call_sid":"d411976d-d319-4fbd-923c-57c62b6f677a","conference_sid":null,
"date_created":"Wed, 19 Dec 2018 16:28:16 +0000","date_updated":"Wed, 19 Dec 2018 16:28:16 +0000","duration":14,
"start_time":"Wed, 19 Dec 2018 16:27:56 +0000","end_time":"Wed, 19 Dec 2018 16:28:16 +0000","error_code":null,
"price":0.0,"price_unit":"USD","source":"RecordVerb","status":"completed",
"uri":"/2010-04-01/Accounts/xyz123-xyz123-xyz123/Calls/d411976d-d319-4fbd-923c-57c62b6f677a/Recordings/e4c78e17-c0e2-441d-b5dd-39a6dad496f8.json",
"subresource_uris":{"transcriptions":"/2010-04-01/Accounts/xyz123-xyz123-xyz123/Recordings/e4c78e17-c0e2-441d-b5dd-39a6dad496f8/Transcriptions.json"}}]}"""
CAPTURED = [path.read_bytes() for path in sorted(CAPTURES.glob("*-recordings.json"))]

COMMON_DAY = Window(date(2018, 9, 25), date(2018, 9, 25))


def only(*recordings: bytes) -> dict[str, object]:
    found = listed(*recordings)
    assert rows(found.rejects) == []
    (row,) = rows(found.recordings)
    return row


def test_documented_sample_is_parsed_completely() -> None:
    found = listed(DOCUMENTED_SAMPLE.encode())
    assert found.recordings.schema == LISTED_SCHEMA
    assert rows(found.recordings) == [
        {
            "recording_sid": "19e436af-5688-4307-b03b-bdb2b42b8142",
            "account_sid": "720796a0-8ee9-4350-83bd-2d07a3121f1e",
            "call_sid": "43bb71ee-553f-4074-bb20-8e2747647cce",
            "conference_sid": "2071320d-ee82-4578-84e0-379fb227eb77",
            "source": "DialVerb",
            "source_raw": "DialVerb",
            "status": "completed",
            "channels": 1,
            "duration_seconds": 4,
            "price": Decimal("-0.0025"),
            "price_raw": "-0.0025",
            "currency": "USD",
            "created_at": utc(2018, 9, 25, 23, 0, 0),
            "updated_at": utc(2018, 9, 26, 23, 0, 4),
            "started_at": utc(2018, 9, 25, 23, 0, 0),
            "ended_at": utc(2018, 9, 26, 23, 0, 4),
            "error_code": None,
            "uri": "/api/laml/2010-04-01/Accounts/720796a0-8ee9-4350-83bd-2d07a3121f1e/Calls/"
            "058a869c-d387-4bef-8e62-6b0bc0895bed/Recordings/19e436af-5688-4307-b03b-bdb2b42b8142.json",
            "media_location": None,
            "is_encrypted": None,
            "raw_page": "landing/page-00000",
        }
    ]
    assert (found.rows, found.understood, found.outside, found.rejects.num_rows) == (1, 1, 0, 0)
    assert found.oddities.counts == {}


@pytest.mark.parametrize("body", [SENT_IN_2018, *CAPTURED])
def test_page_of_a_real_service_is_parsed_completely(body: bytes) -> None:
    assert read_envelope(body).next_page_uri is None
    account_sid = json.loads(body)["recordings"][0]["account_sid"]
    found = list_recordings([Page("landing/page-00000", body)], account_sid, EVER)
    assert found.oddities.counts == {}
    assert rows(found.rejects) == []
    (row,) = rows(found.recordings)
    assert row == {
        "recording_sid": "e4c78e17-c0e2-441d-b5dd-39a6dad496f8",
        "account_sid": account_sid,
        "call_sid": "d411976d-d319-4fbd-923c-57c62b6f677a",
        "conference_sid": None,
        "source": "RecordVerb",
        "source_raw": "RecordVerb",
        "status": "completed",
        "channels": 1,
        "duration_seconds": 14,
        "price": Decimal(0),
        "price_raw": "0.0",
        "currency": "USD",
        "created_at": utc(2018, 12, 19, 16, 28, 16),
        "updated_at": utc(2018, 12, 19, 16, 28, 16),
        "started_at": utc(2018, 12, 19, 16, 27, 56),
        "ended_at": utc(2018, 12, 19, 16, 28, 16),
        "error_code": None,
        "uri": f"/2010-04-01/Accounts/{account_sid}/Calls/d411976d-d319-4fbd-923c-57c62b6f677a/Recordings/"
        "e4c78e17-c0e2-441d-b5dd-39a6dad496f8.json",
        "media_location": None,
        "is_encrypted": None,
        "raw_page": "landing/page-00000",
    }


def test_recording_in_progress_is_parsed_with_nulls() -> None:
    found = listed(
        recording(
            '"RE1"',
            account_sid=None,
            call_sid="null",
            conference_sid='"CF1"',
            channels='"2"',
            duration="null",
            price="null",
            price_unit="null",
            end_time=None,
            start_time="null",
            source='"StartConferenceRecordingAPI"',
            status='"In-Progress"',
            error_code='"null"',
            uri=None,
        )
    )
    assert found.oddities.counts == {}
    (row,) = rows(found.recordings)
    assert row == {
        "recording_sid": "RE1",
        "account_sid": ACCOUNT,
        "call_sid": None,
        "conference_sid": "CF1",
        "source": "StartConferenceRecording",
        "source_raw": "StartConferenceRecordingAPI",
        "status": "in-progress",
        "channels": 2,
        "duration_seconds": None,
        "price": None,
        "price_raw": None,
        "currency": "XXX",
        "created_at": utc(2018, 9, 25, 23),
        "updated_at": utc(2018, 9, 26, 23, 0, 4),
        "started_at": None,
        "ended_at": None,
        "error_code": None,
        "uri": "",
        "media_location": None,
        "is_encrypted": None,
        "raw_page": "landing/page-00000",
    }


@pytest.mark.parametrize("with_unknown_field", [False, True])
def test_odd_forms_on_one_page_keep_their_rows(with_unknown_field: bool) -> None:
    found = listed(
        recording(
            '"1"', price='"-0.0025"', channels="1", duration="4", error_code="null", price_unit='"USD"'
        ),
        recording(
            '"2"',
            price='"-0.00250"',
            channels='"1"',
            duration='"4"',
            error_code='"16101"',
            price_unit='"usd"',
        ),
        recording('"3"', price="0.0", channels='"2"', duration="null", error_code="16102", price_unit="null"),
        recording('"4"', price="0.0105", channels="null", channel="2", duration=None, error_code='"null"'),
        recording('"5"', price='"0.04"', channels=None, channel='"1"', duration="20.0", price_unit='"EUR"'),
        recording('"6"', price="null", price_unit=None, date_created='"2018-09-25T23:00:00Z"'),
        recording('"7"', price="0.0024999999999999996", date_created='"Tue, 25 Sept 2018 18:00:00 EST"'),
        *([recording('"8"', region="1")] if with_unknown_field else []),
    )
    table = found.recordings.slice(0, 7)
    assert table["price"].to_pylist() == [
        *map(Decimal, ["-0.0025", "-0.0025", "0", "0.0105", "0.04"]),
        None,
        Decimal("0.0025"),
    ]
    assert table["price_raw"].to_pylist() == [
        "-0.0025",
        "-0.00250",
        "0.0",
        "0.0105",
        "0.04",
        None,
        "0.0024999999999999996",
    ]
    assert table["channels"].to_pylist() == [1, 1, 2, 2, 1, 1, 1]
    assert table["duration_seconds"].to_pylist() == [4, 4, None, None, 20, 4, 4]
    assert table["error_code"].to_pylist() == [None, "16101", "16102", None, None, None, None]
    assert table["currency"].to_pylist() == ["USD", "USD", "XXX", "USD", "EUR", "XXX", "USD"]
    assert table["created_at"].to_pylist() == [utc(2018, 9, 25, 23)] * 7
    assert found.oddities.counts == {("price rounded to nine decimals", ""): 1} | (
        {("unknown field", "region"): 1} if with_unknown_field else {}
    )


def test_channels_wins_over_channel() -> None:
    assert only(recording(channels="2", channel='"1"'))["channels"] == 2


@pytest.mark.parametrize("date_updated", [None, "null", '"soon"'])
def test_missing_updated_at_becomes_created_at(
    date_updated: str | None,
) -> None:
    assert only(recording(date_updated=date_updated))["updated_at"] == utc(2018, 9, 25, 23)


def test_oddities_are_counted_by_kind_and_kept_name() -> None:
    found = listed(
        recording('"1"', source='"Teleport"', status='"On-Hold"', channels="3", price_unit='"dollars"'),
        recording('"2"', source='"Teleport"', status='"on-hold"', channels='"stereo"', region="1"),
        recording('"3"', source="null", status="null", channels="null", duration='"long"', region="2"),
        recording(
            '"4"', source="null", date_updated='"soon"', start_time='"now"', end_time='"x"', price="1e-10"
        ),
    )
    assert found.recordings.num_rows == found.understood == 4
    assert found.oddities.counts == {
        ("unknown source", "Teleport"): 2,
        ("unknown status", "On-Hold"): 1,
        ("unknown status", "on-hold"): 1,
        ("unknown channels", "3"): 1,
        ("unknown currency", "dollars"): 1,
        ("unknown field", "region"): 2,
        ("unreadable channels", ""): 1,
        ("missing source", ""): 2,
        ("missing status", ""): 1,
        ("missing channels", ""): 1,
        ("unreadable duration", ""): 1,
        ("unreadable date_updated", ""): 1,
        ("unreadable start_time", ""): 1,
        ("unreadable end_time", ""): 1,
        ("price rounded to nine decimals", ""): 1,
    }
    assert found.recordings["source"].to_pylist() == ["Teleport", "Teleport", "unknown", "unknown"]
    assert found.recordings["source_raw"].to_pylist() == ["Teleport", "Teleport", None, None]


def test_oddities_outside_the_window_are_not_counted() -> None:
    found = listed(
        recording('"A"', source='"Teleport"'),
        recording(
            '"B"', source='"Teleport"', date_created='"Wed, 26 Sep 2018 00:00:00 +0000"', start_time='"x"'
        ),
        window=COMMON_DAY,
    )
    assert found.oddities.counts == {("unknown source", "Teleport"): 1}


def test_rows_outside_the_window_are_only_counted() -> None:
    instants = {
        "before": "Mon, 24 Sep 2018 23:59:59 +0000",
        "first": "Tue, 25 Sep 2018 00:00:00 +0000",
        "last": "Tue, 25 Sep 2018 23:59:59 +0000",
        "after": "Wed, 26 Sep 2018 00:00:00 +0000",
        "in by its zone": "Wed, 26 Sep 2018 00:30:00 +0100",
        "out by its zone": "Tue, 25 Sep 2018 00:30:00 +0100",
    }
    found = listed(
        *[
            recording(
                quoted(sid),
                date_created=quoted(text),
                price=f"0.{place}",
                duration=f"{place}",
                channels=f'"{1 + place % 2}"',
                error_code=f"{place}",
            )
            for place, (sid, text) in enumerate(instants.items())
        ],
        window=COMMON_DAY,
    )
    assert found.recordings["recording_sid"].to_pylist() == ["first", "last", "in by its zone"]
    assert found.recordings["price_raw"].to_pylist() == ["0.1", "0.2", "0.4"]
    assert found.recordings["duration_seconds"].to_pylist() == [1, 2, 4]
    assert found.recordings["channels"].to_pylist() == [2, 1, 1]
    assert found.recordings["error_code"].to_pylist() == ["1", "2", "4"]
    assert (found.rows, found.understood, found.outside, found.rejects.num_rows) == (6, 3, 3, 0)


def test_reject_has_page_position_field_and_reason() -> None:
    found = listed(
        recording('"A"'),
        recording('"B"', price='"free"'),
        recording('""'),
        recording('"C"', date_created="null"),
        recording('"D"', date_created=quoted("yesterday, at some point in the late afternoon")),
        recording('"E"', account_sid='"another"'),
        recording('"F"', uri='"~"').replace(b"~", b"\xff"),
        b"17",
        recording(None),
        recording('"G"'),
        recording('"H"', price="true"),
        window=Window(date(2018, 9, 25), date(2018, 9, 27)),
    )
    assert found.recordings["recording_sid"].to_pylist() == ["A", "G"]
    assert found.rejects.schema == REJECT_SCHEMA
    assert sorted(
        (row["position"], row["recording_sid"], row["created_at"], row["field"], row["reason"])
        for row in found.rejects.to_pylist()
    ) == [
        (1, "B", utc(2018, 9, 25, 23), "price", '"free" is not a number that fits'),
        (2, None, utc(2018, 9, 25, 23), "sid", "is empty"),
        (3, "C", None, "date_created", "is missing"),
        (4, "D", None, "date_created", "'yesterday, at some point in the late af…' is not a date"),
        (5, "E", utc(2018, 9, 25, 23), "account_sid", "'another' is another account"),
        (6, "F", None, "uri", "is not text in UTF-8"),
        (7, None, None, "record", "is not a JSON object in UTF-8"),
        (8, None, None, "sid", "is missing"),
        (10, "H", utc(2018, 9, 25, 23), "price", "true is not a number that fits"),
    ]
    for row in found.rejects.to_pylist():
        assert row["account_sid"] == ACCOUNT
        assert row["raw_page"] == "landing/page-00000"
        assert (row["window_first"], row["window_last"]) == (date(2018, 9, 25), date(2018, 9, 27))
        assert row["record_key"] == row["recording_sid"] or row["record_key"].startswith("sha256:")
    assert (found.rows, found.understood, found.outside) == (11, 2, 0)


@pytest.mark.parametrize(
    "price",
    ['"NaN"', '"1_000"', "true", "{}", "1e9", '"-1000000000"', '"0.5~"', '"\N{ARABIC-INDIC DIGIT THREE}"'],
)
def test_invalid_price_rejects_only_its_record(price: str) -> None:
    bad = recording('"BAD"', price=price).replace(b"~", b"\xff")
    found = listed(recording('"A"'), bad, recording('"B"', price="null"))
    assert found.recordings["recording_sid"].to_pylist() == ["A", "B"]
    assert [(row["recording_sid"], row["field"]) for row in rows(found.rejects)] == [("BAD", "price")]


@pytest.mark.parametrize("account", [None, "null", '""'])
def test_invalid_price_is_the_reason_without_an_account_too(account: str | None) -> None:
    found = listed(recording(price='"free"', account_sid=account))
    assert [row["field"] for row in rows(found.rejects)] == ["price"]


def test_bad_record_outside_the_window_is_not_rejected() -> None:
    day_before = quoted("Mon, 24 Sep 2018 12:00:00 +0000")
    found = listed(recording(price='"free"', date_created=day_before), window=COMMON_DAY)
    assert (found.rows, found.outside, found.rejects.num_rows) == (1, 1, 0)


def test_record_without_a_valid_date_is_in_every_window() -> None:
    for window in (COMMON_DAY, Window(date(2030, 1, 1), date(2030, 1, 2))):
        found = listed(recording(date_created='"soon"'), window=window)
        assert (found.rows, found.outside, found.rejects.num_rows) == (1, 0, 1)


def test_record_key_identifies_records_without_a_sid() -> None:
    keys = [
        [row["record_key"] for row in rows(listed(*records).rejects)]
        for records in (
            [
                recording('""', uri='"/a"'),
                recording('""', uri='"/b"'),
                recording(None, uri='"/c"'),
                b"1",
                b"2",
            ],
            [b"2", recording('""', uri='"/b"')],
        )
    ]
    assert len(set(keys[0])) == 5
    assert set(keys[1]) < set(keys[0])


def test_sid_listed_twice_on_a_page_gives_two_rows() -> None:
    found = listed(recording('"A"', price="null"), recording('"A"', price='"0.01"'), recording('"B"'))
    assert found.recordings["recording_sid"].to_pylist() == ["A", "A", "B"]
    assert found.recordings["price"].to_pylist() == [None, Decimal("0.01"), Decimal("-0.0025")]
    assert (found.rows, found.understood) == (3, 3)


def test_invalid_page_is_named_in_the_error() -> None:
    pages = [
        Page("landing/page-00000", page_body(recording())),
        Page("landing/page-00001", b'{"code": 20003}'),
    ]
    with pytest.raises(
        DataError, match=r"^landing/page-00001: not a page of recordings .* Delete this landing"
    ):
        list_recordings(pages, ACCOUNT, EVER)


@pytest.mark.parametrize("pages", [[], [Page("landing/page-00000", page_body())]])
def test_tables_without_rows_have_the_right_columns(pages: list[Page]) -> None:
    found = list_recordings(pages, ACCOUNT, EVER)
    assert found.recordings.schema == LISTED_SCHEMA
    assert found.rejects.schema == REJECT_SCHEMA
    assert (found.recordings.num_rows, found.rows, found.understood, found.outside) == (0, 0, 0, 0)


def test_page_of_misread_rows_is_rejected_row_by_row() -> None:
    found = listed(b"1", b"null")
    assert [(row["position"], row["field"]) for row in rows(found.rejects)] == [(0, "record"), (1, "record")]
    assert (found.rows, found.understood) == (2, 0)


def test_many_pages_keep_their_order_across_batches() -> None:
    pages = [
        Page(
            f"landing/page-{number:05}",
            page_body(
                *[
                    recording(f'"{number}-{place}"', price=f'"0.00{place % 7}"', source='"Teleport"')
                    for place in range(997)
                ],
                recording(f'"{number}-bad"', price='"free"'),
                recording(f'"{number}-out"', date_created='"Mon, 24 Sep 2018 23:59:59 +0000"'),
                b"7",
            ),
        )
        for number in range(11)
    ]
    found = list_recordings(iter(pages), ACCOUNT, COMMON_DAY)
    assert (found.rows, found.understood, found.outside, found.rejects.num_rows) == (11_000, 10_967, 11, 22)
    table = found.recordings
    assert table["recording_sid"].to_pylist() == [
        f"{number}-{place}" for number in range(11) for place in range(997)
    ]
    assert table["raw_page"].to_pylist() == [page.name for page in pages for _ in range(997)]
    assert table["price"].to_pylist() == [Decimal(f"0.00{place % 7}") for _ in pages for place in range(997)]
    assert sorted((row["raw_page"], row["position"], row["field"]) for row in found.rejects.to_pylist()) == [
        (page.name, position, field)
        for page in pages
        for position, field in ((997, "price"), (999, "record"))
    ]
    assert found.oddities.counts == {("unknown source", "Teleport"): 10_967}


SIDS = st.sampled_from(["A", "B", "C"])
MOMENTS = instants_between(utc(2018, 9, 24), utc(2018, 9, 27)).map(
    lambda moment: moment.replace(microsecond=0)
)
PRICES = st.none() | st.decimals(-10, 10, places=6)


@given(st.lists(st.tuples(SIDS, MOMENTS, PRICES), max_size=8), st.booleans())
def test_rows_are_understood_rejected_or_outside(
    records: list[tuple[str, datetime, Decimal | None]], with_junk: bool
) -> None:
    found = listed(
        *[
            recording(
                quoted(sid),
                date_created=quoted(format_datetime(moment)),
                price="null" if price is None else quoted(f"{price:f}"),
            )
            for sid, moment, price in records
        ],
        *([b"null"] if with_junk else []),
        window=COMMON_DAY,
    )
    inside = [price for _, moment, price in records if utc(2018, 9, 25) <= moment < utc(2018, 9, 26)]
    assert found.recordings["price"].to_pylist() == inside
    assert found.understood == len(inside)
    assert found.rejects.num_rows == with_junk
    assert found.rows == found.understood + found.rejects.num_rows + found.outside == len(records) + with_junk


def test_record_that_is_not_json_is_a_reject_with_its_sid() -> None:
    found = listed(recording('"A"'), recording('"B"', price="NaN"), recording('"C"'))
    assert found.recordings["recording_sid"].to_pylist() == ["A", "C"]
    (reject,) = rows(found.rejects)
    assert {
        name: reject[name] for name in ("recording_sid", "record_key", "position", "field", "reason")
    } == {
        "recording_sid": "B",
        "record_key": "B",
        "position": 1,
        "field": "record",
        "reason": "is not valid JSON",
    }
    assert (found.rows, found.understood, found.is_partial) == (3, 2, False)


DATES = st.builds(
    lambda moment, form: form(moment),
    MOMENTS,
    st.sampled_from(
        [
            format_datetime,
            lambda moment: format_datetime(moment).replace("Sep", "Sept"),
            lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S.%f+00:00}",
            lambda moment: f"{moment:%d %B %Y %H:%M:%S -0000 (UTC)}",
            lambda moment: f"{moment:%c}",
        ]
    ),
).map(quoted)
FIELDS: dict[str, st.SearchStrategy[str]] = {
    "date_created": DATES,
    "date_updated": DATES,
    "start_time": DATES,
    "price": st.sampled_from(["null", '"0.1"', "0.10", '"free"', "1e-10", "{}"]),
    "channels": st.sampled_from(["1", '"1"', "2.0", "null", "7", '"stereo"']),
    "duration": st.sampled_from(["4", '"4"', '"00:01:23"', "-0", "4.2", "null"]),
    "status": st.sampled_from(['"completed"', '"On-Hold"', "null", "3", r'"\ud800"']),
    "error_code": st.sampled_from(["7", '"7"', "null"]),
    "media_url": st.sampled_from(['"/a"', '"x"', "7", "null"]),
    "encryption_details": st.sampled_from(["null", "{}", "1"]),
    "region": st.sampled_from(["1", "{}"]),
    "edge": st.sampled_from(["1", "{}"]),
}
MIXED = st.lists(
    st.lists(
        st.sampled_from(sorted(FIELDS)).flatmap(lambda name: st.tuples(st.just(name), FIELDS[name])),
        max_size=5,
    ).map(dict),
    max_size=8,
)
NEIGHBOURS = st.sampled_from([b"7", recording('"X"', price="NaN"), recording('"X"', uri="{}", region="1")])


@given(MIXED, NEIGHBOURS)
def test_a_whole_page_is_read_like_record_by_record(fields: list[dict[str, str]], neighbour: bytes) -> None:
    """A neighbour that is odd makes the page be read record by record; it changes nothing else."""
    texts = [recording(f'"{number}"', **each) for number, each in enumerate(fields)]
    page = Page("landing/page-00000", page_body(*texts))
    with_neighbour = Page("landing/page-00000", page_body(*texts, neighbour))
    found = list_recordings([page], ACCOUNT, EVER)
    with patch.object(date_columns, "_FEW", 1):
        by_columns = list_recordings([page], ACCOUNT, EVER)
    beside = list_recordings([with_neighbour, page], ACCOUNT, EVER)
    assert by_columns == found
    beside_rows = [row for row in rows(beside.recordings) if row["recording_sid"] != "X"]
    assert beside_rows == rows(found.recordings) * 2
    rejects = [row for row in rows(beside.rejects) if row["position"] != len(texts)]
    assert sorted(rejects, key=repr) == sorted(rows(found.rejects) * 2, key=repr)
    own = list_recordings([Page("landing/page-00000", page_body(neighbour))], ACCOUNT, EVER)
    assert beside.oddities.counts == (found.oddities + found.oddities + own.oddities).counts
    examples = {key: oddity.text for key, oddity in (found.oddities + own.oddities).found.items()}
    assert {key: oddity.text for key, oddity in beside.oddities.found.items()} == examples
