from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from flows.emulator import LivingLedger, LivingSource, Parameters, Recording, open_living, serve
from flows.emulator.faults.late_changes import LATE_DAYS, MOST_A_DAY
from flows.emulator.ledger.generator import recordings as generated
from tests.support.servers.emulator_client import (
    control,
    fetch_all,
    get,
    list_path,
    recordings,
    recount,
    with_decimals,
)

DAY = 86_400
PARAMETERS = Parameters(seed=2, recordings=1500, accounts=1)
TRUTH = {recording.sid: recording for recording in generated(PARAMETERS, 0)}
A_MONTH_AGO = 1_790_812_800 - 30 * DAY


def made(now: int | None = None) -> LivingSource:
    return open_living(PARAMETERS, now=now)


def current(ledger: LivingLedger) -> dict[str, Recording]:
    return {each.recording.sid: each.recording for each in ledger.recordings() if each.deleted_at is None}


def cells(found: Iterable[dict[str, Any]]) -> list[dict[str, object]]:
    return recount(found)


def test_late_prices_withholds_a_quarter_for_days() -> None:
    source = made(A_MONTH_AGO)
    with serve(source, faults=["late-prices"]) as running:
        ledger, account = running.ledger, running.accounts[0]
        control(running, "/emulator/advance?days=2")
        late = [r for r in current(ledger).values() if r.price is None and TRUTH[r.sid].price is not None]
        newest = [sid for sid in current(ledger) if TRUTH[sid].created_at > ledger.now - LATE_DAYS[0] * DAY]
        assert len([r for r in late if r.sid in newest]) > len(newest) / 8
        assert {r.currency for r in late} == {None, "USD"}
        assert all(ledger.now - r.created_at <= LATE_DAYS[1] * DAY for r in late)
        unpriced = {record["sid"] for record in recordings(running, account) if record["price"] is None}
        assert {r.sid for r in late} <= unpriced
        control(running, f"/emulator/advance?days={30 + LATE_DAYS[1]}")
        priced = current(ledger)
        assert {sid: (r.price, r.currency) for sid, r in priced.items()} == {
            sid: (r.price, r.currency) for sid, r in TRUTH.items()
        }
        late_ones = [(priced[r.sid].updated_at, r.updated_at) for r in late]
        assert {now > before for now, before in late_ones} == {True, False}
        assert with_decimals(running.totals()["cells"]) == cells(fetch_all(running, account).values())
        moved = sum(r.updated_at != TRUTH[sid].updated_at for sid, r in priced.items())
        assert 0.08 < moved / len(TRUTH) < 0.16  # half of a quarter


def test_late_prices_are_late_only_once() -> None:
    source = made()
    with serve(source, faults=["late-prices"]) as running:
        before = running.totals()
    source.ledger.advance(5 * DAY)
    after = source.totals()
    assert before != after
    with serve(source, faults=["late-prices"], seed=7) as running:
        assert running.totals() == after


def test_corrections_changes_some_prices_later() -> None:
    source = made(A_MONTH_AGO)
    with serve(source, faults=["corrections"]) as running:
        before = current(running.ledger)
        running.ledger.advance(100 * DAY)
        after = current(running.ledger)
        changed = [sid for sid in TRUTH if after[sid].price != TRUTH[sid].price]
        assert 20 < len(changed) < 150
        assert all(TRUTH[sid].created_at > A_MONTH_AGO - 40 * DAY for sid in changed)
        ratios = {(after[sid].price or Decimal(0)) / (TRUTH[sid].price or Decimal(1)) for sid in changed}
        assert ratios == {Decimal("0.5"), Decimal(2), Decimal(0)}
        assert {after[sid].updated_at == TRUTH[sid].updated_at for sid in changed} == {True, False}
        assert any(sid in before for sid in changed)
        found = fetch_all(running, running.accounts[0])
        assert with_decimals(running.totals()["cells"]) == cells(found.values())


def test_deletions_happen_while_paging_and_at_midnight() -> None:
    with serve(made(), faults=["deletions"]) as running:
        ledger, account = running.ledger, running.accounts[0]
        found = fetch_all(running, account)
        first = {each.recording.sid for each in ledger.recordings() if each.deleted_at is not None}
        assert 5 <= len(first) <= MOST_A_DAY
        assert first < set(found) == set(TRUTH)
        for _ in range(3):
            found |= fetch_all(running, account)
        deleted = [each for each in ledger.recordings() if each.deleted_at is not None]
        assert len(deleted) == MOST_A_DAY
        running.ledger.advance(2 * DAY)
        by_itself = [each for each in ledger.recordings() if each.deleted_at and each not in deleted]
        assert len({each.deleted_at for each in by_itself}) == 2
        assert len(by_itself) == 2 * 8
        assert set(fetch_all(running, account)) < set(TRUTH)
        assert with_decimals(running.totals()["cells"]) == cells(found.values())


def test_deletions_often_hit_the_row_of_the_cursor() -> None:
    source = made()
    with serve(source, faults=["lost-cursor", "deletions"]) as running:
        for size in range(40, 43):
            fetch_all(running, running.accounts[0], f"PageSize={size}")
            running.ledger.advance(DAY)
        refused = sum(request.status == 400 for request in running.requests)
    assert refused > 1  # lost-cursor refuses one cursor without any deletion


def test_deletions_spare_recordings_never_sent() -> None:
    source = made()
    with serve(source, faults=["deletions"]) as running:
        path = list_path(running.accounts[0])
        for _ in range(50):
            get(running, f"{path}?PageSize=3", running.accounts[0])
        running.ledger.advance(30 * DAY)
        sent = [each for each in running.ledger.recordings() if each.listed]
        gone = [each for each in running.ledger.recordings() if each.deleted_at]
        assert gone
        assert all(each in sent for each in gone)


def test_inserts_add_new_recordings_and_to_old_days() -> None:
    source = made()
    with serve(source, faults=["inserts"]) as running:
        account, before = running.accounts[0], current(running.ledger)
        found = fetch_all(running, account)
        new = [r for sid, r in current(running.ledger).items() if sid not in before]
        assert 5 <= len(new) <= MOST_A_DAY
        newest = [r for r in new if r.created_at == running.ledger.now]
        assert newest
        assert [r for r in new if r.created_at < running.ledger.now - 2 * DAY]
        assert set(found) >= set(TRUTH)
        for _ in range(4):
            found |= fetch_all(running, account)
        assert len(found) == len(TRUTH) + MOST_A_DAY
        assert with_decimals(running.totals()["cells"]) == cells(found.values())


def test_inserts_add_the_first_recording_of_an_account() -> None:
    source = open_living([], accounts=["one", "two"])
    with serve(source, faults=["inserts"]) as running:
        one = running.accounts[0]
        for _ in range(100):
            assert get(running, list_path(one), one).status == 200
        assert len(running.ledger.listed("one")) == MOST_A_DAY
        assert running.ledger.listed("two") == []
        assert len(recordings(running, one)) == MOST_A_DAY


@pytest.mark.parametrize("name", ["deletions", "inserts"])
def test_ledger_faults_react_to_page_requests_only(name: str) -> None:
    with serve(made(), faults=[name]) as running:
        account = running.accounts[0]
        recordings(running, account, "PageSize=1000&DateCreated=2026-09-15")
        before = len(current(running.ledger))
        for _ in range(10):
            get(running, "/2010-04-01/Accounts", account)
            control(running, "/emulator/totals", "GET")
        assert len(current(running.ledger)) == before
