import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.emulator import COMMON, FORMS, SOURCES, Forms, Parameters, render, totals_of
from flows.emulator.ledger.generator import account_name, account_sid, recordings
from flows.emulator.ledger.ledger import recording_sid, sequence_of_sid
from tests.support.servers.emulator_client import ACCOUNT, RECORDING


def test_render_writes_every_documented_field_in_order() -> None:
    sid, root = RECORDING.sid, f"/2010-04-01/Accounts/{ACCOUNT}"
    text = render(RECORDING).decode()
    assert list(json.loads(text).items()) == [
        ("sid", sid),
        ("api_version", "2010-04-01"),
        ("channels", 1),
        ("account_sid", ACCOUNT),
        ("call_sid", "43bb71ee-0000-4000-a000-2e7647cce000"),
        ("conference_sid", None),
        ("date_created", "Tue, 25 Sep 2018 23:00:00 +0000"),
        ("date_updated", "Tue, 25 Sep 2018 23:00:04 +0000"),
        ("duration", "14"),
        ("start_time", "Tue, 25 Sep 2018 23:00:00 +0000"),
        ("end_time", "Tue, 25 Sep 2018 23:00:20 +0000"),
        ("error_code", None),
        ("price", "-0.0025"),
        ("price_unit", "USD"),
        ("source", "DialVerb"),
        ("status", "completed"),
        ("uri", f"{root}/Calls/43bb71ee-0000-4000-a000-2e7647cce000/Recordings/{sid}.json"),
        ("subresource_uris", {"transcriptions": f"{root}/Recordings/{sid}/Transcriptions.json"}),
    ]
    assert text == json.dumps(json.loads(text), separators=(",", ":"))


def test_render_writes_null_for_unknown_values() -> None:
    unknown = replace(
        RECORDING,
        started_at=None,
        ended_at=None,
        call_sid=None,
        conference_sid="c0ffee",
        duration_seconds=None,
        price=None,
        currency=None,
    )
    record = json.loads(render(unknown))
    null = {name for name, value in record.items() if value is None}
    assert null == {"call_sid", "start_time", "end_time", "duration", "price", "price_unit", "error_code"}
    assert (unknown.kind, RECORDING.kind) == ("conference", "call")


@pytest.mark.parametrize(
    ("form", "parent"),
    [("account", ""), ("call", "/Calls/call-1"), ("conference", "/Conferences/conference-1")],
)
def test_render_writes_uri_below_call_account_or_conference(form: str, parent: str) -> None:
    both = replace(RECORDING, call_sid="call-1", conference_sid="conference-1", forms=Forms(uri=form))
    uri = json.loads(render(both, root="/api/laml/2010-04-01"))["uri"]
    assert uri == f"/api/laml/2010-04-01/Accounts/{ACCOUNT}{parent}/Recordings/{both.sid}.json"


@given(
    forms=st.builds(Forms, **{name: st.sampled_from(names) for name, names in FORMS.items()}),
    source=st.sampled_from(SOURCES) | st.text(),
    price=st.none() | st.decimals(0, 1000, places=6),
    error_code=st.none() | st.sampled_from(["16101", "16102", "x"]),
)
def test_render_writes_json_in_any_forms(
    forms: Forms, source: str, price: Decimal | None, error_code: str | None
) -> None:
    recording = replace(RECORDING, forms=forms, source=source, price=price, error_code=error_code)
    record = json.loads(render(recording), parse_float=Decimal)
    assert record["sid"] == recording.sid
    assert (record["price"] is None) == (price is None)
    if price is not None:
        assert round(abs(Decimal(record["price"])), 9) == price


@given(account=st.uuids().map(str), sequence=st.integers(0, 2**32 - 1))
def test_sequence_of_sid_reverses_recording_sid(account: str, sequence: int) -> None:
    sid = recording_sid(account, sequence)
    assert [len(part) for part in sid.split("-")] == [8, 4, 4, 4, 12]
    assert sequence_of_sid(account, sid) == sequence
    assert sequence_of_sid("another account", sid) is None


@pytest.mark.parametrize("sid", ["", "x", "-0000001-0000-4000-a000-000000000000", "Ā" * 36])
def test_sequence_of_sid_rejects_invalid_sids(sid: str) -> None:
    assert sequence_of_sid(ACCOUNT, sid) is None


def test_totals_match_sums_calculated_by_hand() -> None:
    ledger = [
        RECORDING,
        replace(
            RECORDING,
            sequence=8,
            price=Decimal("0.0025"),
            duration_seconds=None,
            forms=Forms(sign="positive"),
        ),
        replace(RECORDING, sequence=9, price=None),
        replace(RECORDING, sequence=10, price=None, currency=None),
        replace(RECORDING, sequence=11, price=Decimal("0.00000000050"), channels=2),
        replace(RECORDING, sequence=12, price=Decimal("0.00000000150"), channels=2),
        replace(RECORDING, sequence=13, price=Decimal("0.0"), source="Conference"),
    ]
    cell = {"account_sid": ACCOUNT, "source": "DialVerb", "channels": 1, "currency": "USD"}
    assert totals_of(ledger) == {
        "accounts": [],
        "cells": [
            cell
            | {
                "source": "Conference",
                "recordings": 1,
                "unpriced_recordings": 0,
                "duration_seconds": 14,
                "cost": "0",
            },
            cell | {"recordings": 3, "unpriced_recordings": 1, "duration_seconds": 28, "cost": "0.005"},
            cell
            | {
                "currency": "XXX",
                "recordings": 1,
                "unpriced_recordings": 1,
                "duration_seconds": 14,
                "cost": None,
            },
            # Half-even: the first rounds to zero, the second to two.
            cell
            | {"channels": 2, "recordings": 2, "unpriced_recordings": 0, "duration_seconds": 28}
            | {"cost": "0.000000002"},
        ],
    }


def test_generator_repeats_with_the_same_seed() -> None:
    def text(seed: int) -> bytes:
        parameters = Parameters(seed=seed, recordings=300, accounts=2)
        return b"\n".join(render(r) for i in range(2) for r in recordings(parameters, i))

    assert text(1) == text(1)
    assert text(1) != text(2)


@pytest.mark.parametrize(
    ("total", "accounts"),
    [(0, 1), (1, 3), (5, 3), (1003, 4), pytest.param(95_500, 1, marks=pytest.mark.slow)],
)
def test_generator_makes_the_exact_number_newest_first(total: int, accounts: int) -> None:
    parameters = Parameters(seed=3, recordings=total, accounts=accounts)
    ledger = [list(recordings(parameters, i)) for i in range(accounts)]
    assert sum(map(len, ledger)) == total
    assert len(ledger[0]) - len(ledger[-1]) in range(accounts)
    for index, group in enumerate(ledger):
        assert [r.sequence for r in group] == list(reversed(range(len(group))))
        assert all(newer.created_at >= older.created_at for newer, older in pairwise(group))
        assert {r.account_sid for r in group} <= {account_sid(3, index)}


@pytest.mark.slow
def test_generator_spreads_large_accounts_over_more_days() -> None:
    group = list(recordings(Parameters(seed=3, recordings=95_500, accounts=1), 0))
    days = Counter(datetime.fromtimestamp(r.created_at, UTC).date() for r in group)
    assert len(days) == 95
    assert max(days).isoformat() == "2026-09-30"
    weekend = [count for day, count in days.items() if day.weekday() >= 5]
    working = [count for day, count in days.items() if day.weekday() < 5]
    assert max(weekend) < min(working)


def test_generator_covers_every_value_of_the_api() -> None:
    parameters = Parameters(seed=1, recordings=30_000, accounts=3)
    group = [r for i in range(3) for r in recordings(parameters, i)]
    assert {(r.source, r.channels) for r in group} == {(source, n) for source in SOURCES for n in (1, 2)}
    assert {r.currency for r in group} == {"USD", "EUR", "GBP", None}
    assert {r.error_code for r in group} == {"16101", "16102", None}
    share = Counter(r.status for r in group)
    assert set(share) == {"completed", "in-progress", "processing", "paused", "stopped", "absent", "failed"}
    assert 0.94 < share["completed"] / len(group) < 0.96
    assert 0.05 < sum(replace(r.forms, sign="negative") != COMMON for r in group) / len(group) < 0.07
    for name, names in FORMS.items():
        assert {getattr(r.forms, name) for r in group} == set(names), name
    assert 0.04 < sum(r.price is None for r in group) / len(group) < 0.10
    assert 0.01 < sum(r.price == 0 for r in group) / len(group) < 0.04
    for r in group:
        assert (r.call_sid is None) == (r.source in {"Conference", "StartConferenceRecording"})
        assert (r.conference_sid is None) != (r.call_sid is None)
        if r.status == "completed" and r.price:
            assert r.duration_seconds is not None
            assert r.currency is not None
            minutes = -(-r.duration_seconds // 60)
            assert Decimal("0.0025") <= r.price / minutes / r.channels <= Decimal("0.0030")
    assert len({r.sid for r in group}) == len(group)


def test_generator_changes_rates_once_except_first_account() -> None:
    parameters = Parameters(seed=1, recordings=2000, accounts=2)

    def rates(index: int) -> list[Decimal]:
        paid = [r for r in recordings(parameters, index) if r.price and r.duration_seconds]
        each = [r.price / r.channels / -(-(r.duration_seconds or 0) // 60) for r in paid if r.price]
        return [each[0], *(later for earlier, later in pairwise(each) if later != earlier)]

    assert rates(0) == [Decimal("0.0025")]
    assert len(rates(1)) == 2


def test_account_names() -> None:
    assert [account_name(i) for i in range(5)] == ["support", "sales", "billing", "account-4", "account-5"]


@pytest.mark.parametrize(("total", "accounts"), [(-1, 1), (10, 0)])
def test_parameters_refuse_impossible_numbers(total: int, accounts: int) -> None:
    with pytest.raises(ValueError, match="at least one account"):
        Parameters(recordings=total, accounts=accounts)
