"""The second reading of pages against the first, and where it leaves a value out."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from flows.emulator import Parameters
from flows.emulator.ledger.generator import recordings
from flows.emulator.ledger.ledger import render
from flows.model.second_look.pages import facts_of_row, instant, recordings_of
from tests.support.samples.transforms import utc
from transforms.pages.recordings import Page, list_recordings
from transforms.values.windows import Window

PARAMETERS = Parameters(seed=7, recordings=3000, accounts=1)


def page(*records: dict[str, Any]) -> bytes:
    return json.dumps({"recordings": list(records)}).encode()


def facts(**fields: Any) -> dict[str, object]:
    record = {"sid": "R", "date_created": "2026-09-14T10:00:00Z"} | fields
    (seen,) = recordings_of(page(record))
    return dict(seen.facts)


def test_both_readings_agree_on_every_form() -> None:
    truth = list(recordings(PARAMETERS, 0))
    body = b'{"next_page_uri":null,"recordings":[' + b",".join(map(render, truth)) + b"]}"
    window = Window(date(2000, 1, 1), date(2099, 1, 1))
    rows = list_recordings([Page("l/p", body)], truth[0].account_sid, window).recordings.to_pylist()
    seen = list(recordings_of(body))
    assert len(seen) == len(rows) == len(truth)
    read = 0
    for one, row in zip(seen, rows, strict=True):
        known = facts_of_row(row)
        assert one.sid == row["recording_sid"]
        assert {name: known[name] for name in one.facts} == one.facts
        read += len(one.facts)
    # Nearly everything is compared: only a few values in rare forms are left out.
    assert read > 0.999 * 10 * len(truth)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"price": "-0.00250"}, {"price": Decimal("-0.0025")}),
        ({"price": 0.1}, {"price": Decimal("0.1")}),
        ({"price": None, "price_unit": None}, {"price": None, "currency": "XXX"}),
        ({"duration": "61"}, {"duration_seconds": 61}),
        ({"duration": None}, {"duration_seconds": None}),
        ({"channels": None, "channel": "2"}, {"channels": 2}),
        ({"source": "StartConferenceRecordingAPI"}, {"source": "startconferencerecording"}),
        ({"status": "Completed", "price_unit": "eur"}, {"status": "completed", "currency": "EUR"}),
        ({"call_sid": "CA0F", "conference_sid": ""}, {"call_sid": "ca0f", "conference_sid": ""}),
        ({"error_code": 16101}, {"error_code": "16101"}),
    ],
)
def test_facts_are_read(fields: dict[str, Any], expected: dict[str, object]) -> None:
    found = facts(**fields)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"price": "a fortune"}, "price"),
        ({"price": "null"}, "price"),
        ({"duration": "00:01:23"}, "duration_seconds"),
        ({"duration": 42.7}, "duration_seconds"),
        ({"duration": 2**31}, "duration_seconds"),
        ({"channels": 300}, "channels"),
        ({"source": None}, "source"),
        ({"error_code": "E-7"}, "error_code"),
        ({"status": "deleted", "price": None}, "price"),
        ({"status": "deleted", "duration": None}, "duration_seconds"),
    ],
)
def test_value_in_a_rare_form_is_left_out(fields: dict[str, Any], name: str) -> None:
    assert name not in facts(**fields)


def test_records_without_sid_or_creation_are_left_out() -> None:
    def records() -> Iterator[Any]:
        yield from ({"sid": "", "date_created": "2026-09-14T10:00:00Z"}, {"sid": "R"}, None, 7)
        yield {"sid": "R", "date_created": "soon"}

    assert list(recordings_of(page(*records()))) == []


@pytest.mark.parametrize(
    "text",
    ["Tue, 25 Sept 2018 23:00:00 +0000", "2018-09-25T23:00:00Z", "25 Sep 2018 19:00:00 -0400 (EDT)"],
)
def test_instants_are_read(text: str) -> None:
    assert instant(text) == utc(2018, 9, 25, 23)
