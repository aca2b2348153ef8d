import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.emulator import (
    SOURCES,
    Account,
    LivingLedger,
    LivingSource,
    Parameters,
    Recording,
    open_ledger,
    open_living,
    render,
    serve,
)
from flows.emulator.faults.faults import with_faults
from flows.emulator.http.messages import HttpRequest
from tests.support.servers.emulator_client import (
    ACCOUNT,
    RECORDING,
    basic,
    control,
    get,
    list_path,
    recordings,
    recount,
    with_decimals,
)

DAY = 86_400
NOW = RECORDING.created_at // DAY * DAY + 10 * DAY


def made(sequence: int, created_at: int = NOW - DAY, **fields: Any) -> Recording:
    return replace(RECORDING, sequence=sequence, created_at=created_at, **fields)


def listed(source: LivingSource, account: Account, query: str = "PageSize=1000") -> list[dict[str, Any]]:
    """Read all pages without a server."""
    authorization = basic(account.account_sid, account.api_token)["Authorization"]
    target: str | None = f"{list_path(account)}?{query}"
    found: list[dict[str, Any]] = []
    while target is not None:
        response = source.answer(HttpRequest(target, authorization))
        assert response.status == 200
        page = _json(response.body)
        found += page["recordings"]
        target = page["next_page_uri"]
    return found


def _json(parts: Iterable[object]) -> Any:
    return json.loads(b"".join(part for part in parts if isinstance(part, bytes)), parse_float=Decimal)


def cells(made_up: Iterable[Recording]) -> list[dict[str, object]]:
    """Return the totals of recordings, recounted from what would be served."""
    return recount(_json([b"[", b",".join(map(render, made_up)), b"]"]))


def sids(records: Iterable[Any]) -> list[str]:
    return [record["sid"] for record in records]


def test_account_without_recordings_has_an_empty_list() -> None:
    named = Account("named", "me", "secret")
    with serve(open_living([made(0)], accounts=["nobody-yet", named], now=NOW)) as running:
        assert [account.name for account in running.accounts] == [ACCOUNT, "nobody-yet", "named"]
        assert recordings(running, running.accounts[1]) == recordings(running, named) == []
        assert len(recordings(running, running.accounts[0])) == 1
        assert get(running, list_path(named), running.accounts[1]).status == 401


def test_now_defaults_to_the_newest_creation_date() -> None:
    assert open_living([made(0, 100), made(1, 50)]).ledger.now == 100
    assert open_living([made(0, 100)], now=70).ledger.now == 70
    midnight_after_the_generator = 1_790_812_800  # 2026-10-01T00:00:00Z
    assert (
        open_living(Parameters(seed=1, recordings=5, accounts=1)).ledger.now == midnight_after_the_generator
    )


def test_generated_ledger_is_the_same_living_or_rendered(tmp_path: Any) -> None:
    parameters = Parameters(seed=4, recordings=300, accounts=2)
    living, rendered = open_living(parameters), open_ledger(parameters, tmp_path)
    assert living.totals() == rendered.totals()
    assert list(living.accounts) == list(rendered.accounts)
    for account in living.accounts:
        with serve(living) as one, serve(rendered) as other:
            for query in ("PageSize=70", "DateCreated=2026-09-15", "DateCreated%3E=2026-09-20&PageSize=3"):
                target: str | None = f"{list_path(account)}?{query}"
                while target is not None:
                    page = get(one, target, account)
                    assert page.body == get(other, target, account).body
                    target = page.json()["next_page_uri"]


def test_future_recordings_are_not_listed() -> None:
    source = open_living([made(0), made(1, NOW + 60)], now=NOW)
    (account,) = source.accounts
    with serve(source) as running:
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{made(1).sid}.json"
        assert len(recordings(running, account)) == 1
        assert get(running, path, account).status == 404
        assert sum(cell["recordings"] for cell in running.totals()["cells"]) == 1
        running.ledger.advance(60)
        assert sids(recordings(running, account)) == [made(1).sid, made(0).sid]
        assert get(running, path, account).status == 200
        assert sum(cell["recordings"] for cell in running.totals()["cells"]) == 2


def test_change_sets_update_date_unless_kept() -> None:
    source = open_living([made(0, price=None)], now=NOW)
    ledger, account, sid = source.ledger, source.accounts[0], made(0).sid
    assert listed(source, account)[0]["price"] is None
    ledger.change(sid, price=Decimal("0.005"), duration_seconds=61)
    (record,) = listed(source, account)
    assert (record["price"], record["duration"]) == ("-0.005", "61")
    assert record["date_updated"] == "Fri, 05 Oct 2018 00:00:00 +0000"
    ledger.advance(5)
    assert ledger.change(sid, keep_updated_at=True, status="absent").updated_at == NOW
    assert ledger.change(sid, updated_at=7, source="Trunking").updated_at == 7
    assert ledger.get(sid).recording.updated_at == 7


def test_change_of_creation_date_moves_a_recording() -> None:
    source = open_living([made(n) for n in range(3)], now=NOW)
    source.ledger.change(made(1).sid, created_at=NOW - 3 * DAY)
    order = [made(n).sid for n in (2, 0, 1)]
    assert sids(listed(source, source.accounts[0])) == order
    assert sids(listed(source, source.accounts[0], "DateCreated%3C=2018-10-02")) == order[2:]


def test_deleted_recording_is_counted_but_not_listed() -> None:
    source = open_living([made(n) for n in range(3)], now=NOW)
    ledger, account = source.ledger, source.accounts[0]
    before = source.totals()
    ledger.schedule(NOW + 50, made(1).sid, price=Decimal(9))
    ledger.delete(made(1).sid)
    ledger.advance(100)
    ledger.delete(made(1).sid)
    assert sids(listed(source, account)) == [made(2).sid, made(0).sid]
    assert source.totals() == before
    assert [state.deleted_at for state in ledger.recordings()] == [None, NOW, None]
    with pytest.raises(ValueError, match="is deleted"):
        ledger.change(made(1).sid, price=None)
    ledger.restore(made(1).sid)
    assert len(listed(source, account)) == 3
    assert ledger.get(made(1).sid).deleted_at is None


def test_insert_adds_a_recording_to_an_old_day() -> None:
    source = open_living([made(0, NOW - 5 * DAY), made(1)], now=NOW)
    source.ledger.insert(made(source.ledger.next_sequence(ACCOUNT), NOW - 3 * DAY))
    assert sids(listed(source, source.accounts[0])) == [made(n).sid for n in (1, 2, 0)]


def test_schedule_runs_in_order() -> None:
    source = open_living([made(0, price=None)], now=NOW)
    ledger, sid = source.ledger, made(0).sid
    seen: list[tuple[int, Decimal | None]] = []

    def look() -> None:
        seen.append((ledger.now, ledger.get(sid).recording.price))

    ledger.at(NOW + 30, look)
    ledger.schedule(NOW + 20, sid, price=Decimal(2), keep_updated_at=True)
    ledger.schedule(NOW + 10, sid, price=Decimal(1))
    ledger.at(NOW + 10, look)
    ledger.at(NOW + 15, partial(ledger.at, NOW + 25, look))
    ledger.at(NOW, look)
    assert ledger.advance(1000) == NOW + 1000
    one, two = Decimal(1), Decimal(2)
    assert seen == [(NOW, None), (NOW + 10, one), (NOW + 25, two), (NOW + 30, two)]
    assert ledger.get(sid).recording.updated_at == NOW + 10


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda ledger: ledger.advance(-1), "can't go back"),
        (lambda ledger: ledger.delete("x"), "Unknown recording x"),
        (lambda ledger: ledger.schedule(NOW, "x", price=None), "Unknown recording x"),
        (lambda ledger: ledger.insert(made(0)), "already exists"),
        (lambda ledger: ledger.insert(replace(made(0), account_sid="x")), "Unknown account x"),
        (lambda ledger: ledger.change(made(0).sid, sequence=5), "Account and sequence"),
        (lambda ledger: ledger.change(made(0).sid, created_at=NOW + 1), "into the future"),
        (lambda _: open_living([made(0), made(0)]), "same sequence"),
        (lambda _: LivingLedger([], [made(0)], NOW), "Unknown account"),
    ],
)
def test_living_ledger_refuses_impossible_operations(
    do: Callable[[LivingLedger], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        do(open_living([made(0)], now=NOW).ledger)


def test_listed_totals_count_what_was_sent() -> None:
    source = open_living([made(n) for n in range(4)], now=NOW)
    ledger, (account,) = source.ledger, source.accounts
    with serve(source) as running:
        get(running, f"{list_path(account)}?PageSize=2", account)
        ledger.change(made(3).sid, price=Decimal(1))
        ledger.delete(made(0).sid)
        assert [state.listed for state in ledger.recordings()] == [made(3), made(2), None, None]
        assert with_decimals(ledger.listed_totals()["cells"]) == cells([made(3), made(2)])
        recordings(running, account)
        changed = ledger.get(made(3).sid).recording
        assert with_decimals(ledger.listed_totals()["cells"]) == cells([changed, made(2), made(1)])


def test_control_advances_clock_and_returns_totals() -> None:
    source = open_living([made(0, price=None), made(1, NOW + 2 * DAY)], now=NOW)
    source.ledger.schedule(NOW + DAY, made(0).sid, price=Decimal("0.0025"))
    with serve(source) as running:
        assert control(running, "/emulator/totals", "GET") == running.totals()
        assert control(running, "/emulator/advance?days=1") == {
            "now": NOW + DAY,
            "now_utc": "2018-10-06T00:00:00Z",
        }
        assert [cell["cost"] for cell in control(running, "/emulator/totals", "GET")["cells"]] == ["0.0025"]
        assert control(running, "/emulator/advance?hours=23&seconds=3600")["now"] == NOW + 2 * DAY
        assert [cell["cost"] for cell in control(running, "/emulator/totals", "GET")["cells"]] == ["0.005"]
        assert running.ledger.now == source.ledger.now == NOW + 2 * DAY
        for query in ("days=x", "days=-1", "weeks=1", "days", "days=99999999999999"):
            assert get(running, f"/emulator/advance?{query}", method="POST").status == 400
        assert get(running, "/emulator/advance?days=1").status == 405
        assert get(running, "/emulator/totals", method="POST").status == 405
        assert get(running, "/emulator/gremlins").status == 404
        assert (
            control(running, "/emulator/advance")["now"] == NOW + 2 * DAY
        )  # without a unit it only reads the clock
        assert running.requests == []
        assert running.ledger.now == NOW + 2 * DAY


def test_control_of_rendered_ledger_returns_totals_only(tmp_path: Any) -> None:
    with serve(open_ledger(Parameters(seed=1, recordings=10, accounts=1), tmp_path)) as running:
        assert control(running, "/emulator/totals", "GET") == running.totals()
        reply = get(running, "/emulator/advance?days=1", method="POST")
        assert (reply.status, reply.json()["code"]) == (409, 20409)
        with pytest.raises(ValueError, match="is not a living one"):
            _ = running.ledger


@pytest.mark.slow
def test_living_ledger_lists_100_000_recordings_of_one_day() -> None:
    source = open_living([made(n, NOW - DAY + n % DAY) for n in range(100_000)], now=NOW)
    with serve(source) as running:
        account, fetched = running.accounts[0], 0
        target: str | None = f"{list_path(account)}?PageSize=1000"
        while target is not None:
            page = get(running, target, account).json()
            fetched += len(page["recordings"])
            target = page["next_page_uri"]
            running.ledger.delete(page["recordings"][-1]["sid"])  # the cursor's own row
        assert fetched == 100_000
        assert len(running.ledger.listed(ACCOUNT)) == 99_900


OPERATIONS = st.one_of(
    st.tuples(st.just("insert"), st.integers(-5 * DAY, 2 * DAY)),
    st.tuples(st.just("delete"), st.integers(0, 40)),
    st.tuples(st.just("restore"), st.integers(0, 40)),
    st.tuples(st.just("advance"), st.integers(0, 2 * DAY)),
    st.tuples(
        st.sampled_from(["change", "schedule"]),
        st.integers(0, 40),
        st.fixed_dictionaries(
            {"price": st.none() | st.decimals(0, 5, places=4)},
            optional={
                "duration_seconds": st.none() | st.integers(0, 500),
                "currency": st.sampled_from(["USD", "EUR", None]),
                "source": st.sampled_from(SOURCES),
                "created_at": st.integers(NOW - 9 * DAY, NOW),
            },
        ),
        st.integers(0, 3 * DAY),
    ),
)


class Model:
    """The simplest possible model of a living ledger."""

    def __init__(self) -> None:
        self.now, self.numbers = NOW, count()
        self.truth: list[Recording] = []
        self.deleted: set[str] = set()
        self.planned: list[tuple[int, int, int, dict[str, Any]]] = []

    def change(self, index: int, fields: dict[str, Any]) -> None:
        recording = self.truth[index]
        is_to_come = recording.created_at > self.now
        if recording.sid not in self.deleted and not (is_to_come and "created_at" in fields):
            self.truth[index] = replace(recording, updated_at=self.now, **fields)

    def advance(self, seconds: int) -> None:
        until = self.now + seconds
        for when, _, index, fields in sorted(self.planned, key=lambda plan: plan[:2]):
            if when <= until:
                self.now = when
                self.change(index, fields)
        self.planned = [plan for plan in self.planned if plan[0] > until]
        self.now = until

    def existing(self) -> list[Recording]:
        there = [r for r in self.truth if r.created_at <= self.now]
        return sorted(there, key=lambda r: (r.created_at, r.sequence), reverse=True)


def perform(source: LivingSource, model: Model, operation: tuple[Any, ...]) -> None:
    """Perform the same operation on the ledger and on the model."""
    ledger, (what, amount, *more) = source.ledger, operation
    if what == "insert":
        recording = made(next(model.numbers), model.now + amount)
        ledger.insert(recording)
        model.truth.append(recording)
    elif what == "advance":
        ledger.advance(amount)
        model.advance(amount)
    elif model.truth:
        index = amount % len(model.truth)
        recording = model.truth[index]
        is_deleted = recording.sid in model.deleted
        if what == "delete" and recording.created_at <= model.now:
            ledger.delete(recording.sid)
            model.deleted.add(recording.sid)
        elif what == "restore":
            ledger.restore(recording.sid)
            model.deleted.discard(recording.sid)
        elif what == "change" and not is_deleted:
            fields = {name: value for name, value in more[0].items() if name != "created_at"}
            moved = more[0] if recording.created_at <= model.now else fields
            ledger.change(recording.sid, **moved)
            model.change(index, moved)
        elif what == "schedule":
            fields = {name: value for name, value in more[0].items() if name != "created_at"}
            ledger.schedule(model.now + 1 + more[1], recording.sid, **fields)
            model.planned.append((model.now + 1 + more[1], len(model.planned), index, fields))


@given(operations=st.lists(OPERATIONS, max_size=40), page_size=st.integers(1, 9))
def test_living_ledger_matches_the_model(operations: list[tuple[Any, ...]], page_size: int) -> None:
    source, model = open_living([], accounts=[ACCOUNT], now=NOW), Model()
    for operation in operations:
        perform(source, model, operation)
    existing = model.existing()
    current = [r for r in existing if r.sid not in model.deleted]
    served = listed(source, source.accounts[0], f"PageSize={page_size}")
    assert served == [_json([render(recording)]) for recording in current]
    assert [each.recording for each in source.ledger.recordings()] == existing
    assert [each.recording for each in source.ledger.listed(ACCOUNT)] == current
    assert with_decimals(source.totals()["cells"]) == cells(existing)


@settings(max_examples=50)
@given(
    pages=st.lists(st.lists(OPERATIONS, max_size=3), min_size=1, max_size=12),
    page_size=st.integers(1, 5),
)
def test_paging_is_stable_while_the_ledger_changes(
    pages: list[list[tuple[Any, ...]]], page_size: int
) -> None:
    first = [made(n, NOW - n // 3 * 7000) for n in range(20)]
    source, model = open_living(first, now=NOW), Model()
    model.truth, model.numbers = list(first), count(len(first))
    account, happening = source.accounts[0], iter(pages)
    answer = source.answer

    def meanwhile(request: HttpRequest) -> Any:
        for operation in next(happening, []):
            # A recording that moves to another day or is restored may be listed twice, or not at all.
            if operation[0] != "restore" and not (operation[0] == "change" and "created_at" in operation[2]):
                perform(source, model, operation)
        return answer(request)

    changing = replace(source, answer=meanwhile)
    served = sids(listed(changing, account, f"PageSize={page_size}"))
    assert len(served) == len(set(served))
    assert {r.sid for r in first} - model.deleted <= set(served)


def test_deleted_recordings_are_listed_for_40_days_if_asked_for() -> None:
    source = open_living([made(number, NOW - number * DAY) for number in range(3)], now=NOW)
    (account,) = source.accounts
    source.ledger.delete(made(1).sid)

    def found(query: str) -> list[tuple[str, str]]:
        return [(record["sid"], record["status"]) for record in listed(source, account, query)]

    there = [(made(number).sid, "completed") for number in (0, 2)]
    whole = [there[0], (made(1).sid, "deleted"), there[1]]
    # With pages of one row, the cursors lead through deleted recordings as well.
    assert found("IncludeSoftDeleted=true&PageSize=1") == found("IncludeSoftDeleted=true") == whole
    assert found("PageSize=1") == found("IncludeSoftDeleted=false") == there
    priced = listed(source, account, "IncludeSoftDeleted=true")[1]
    assert Decimal(priced["price"]).copy_abs() == Decimal("0.0025")
    source.ledger.advance(40 * DAY)
    assert found("IncludeSoftDeleted=true") == whole
    source.ledger.advance(1)
    assert found("IncludeSoftDeleted=true") == there
    source.ledger.restore(made(1).sid)
    assert len(found("")) == 3


def test_deleted_recordings_are_not_listed_by_signalwire() -> None:
    source = open_living([made(0)], now=NOW)
    (account,) = source.accounts
    source.ledger.delete(made(0).sid)
    target = f"{list_path(account, '/api/laml/2010-04-01')}?IncludeSoftDeleted=true"
    authorization = basic(account.account_sid, account.api_token)["Authorization"]
    assert _json(source.answer(HttpRequest(target, authorization)).body)["recordings"] == []


def test_single_recording_is_shown_as_long_as_the_list_has_it() -> None:
    source = open_living([made(1), made(2, NOW + DAY)], now=NOW)
    account, sid = source.accounts[0], made(1).sid
    with serve(source) as running:

        def status(root: str, name: str, query: str = "") -> Any:
            reply = get(
                running, f"{root}/Accounts/{account.account_sid}/Recordings/{name}.json{query}", account
            )
            return reply.json()["status"]  # of the recording, or of the refusal

        assert status("/api/laml/2010-04-01", sid) == "completed"
        assert status("/api/laml/2010-04-01", made(2).sid) == 404  # not made yet
        assert source.ledger.get(sid).listed is not None
        source.ledger.delete(sid)
        assert status("/api/laml/2010-04-01", sid, "?IncludeSoftDeleted=true") == 404
        assert status("/2010-04-01", sid) == 404
        assert status("/2010-04-01", sid, "?IncludeSoftDeleted=true") == "deleted"
        source.ledger.advance(41 * DAY)
        assert status("/2010-04-01", sid, "?IncludeSoftDeleted=true") == 404


@pytest.mark.parametrize("fault", ["throttle", "flaky", "unauthorized", "redirect"])
def test_faults_of_transport_affect_single_recordings(fault: str) -> None:
    source = open_living([made(number) for number in range(30)], now=NOW)
    account = source.accounts[0]
    answer = with_faults(source.answer, source, [fault], 1)
    authorization = basic(account.account_sid, account.api_token)["Authorization"]
    answers = [
        answer(
            HttpRequest(f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{made(number).sid}.json", authorization)
        )
        for number in range(30)
    ]
    assert any(each.status != 200 or each.breaks for each in answers)
