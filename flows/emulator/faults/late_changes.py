"""Faults that add, change and delete recordings while a client reads them. They need a living ledger.

Each fault is set up once per ledger: serving the same ledger again with the same fault continues where it was. The
ledger's totals include the changes, so they remain the right answer.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial
from random import Random

from flows.emulator.http.fault_timing import Fault, account_of
from flows.emulator.http.messages import Answer, HttpRequest, Response, Source
from flows.emulator.http.queries import QueryError
from flows.emulator.ledger.forms import EXACT
from flows.emulator.ledger.ledger import Recording
from flows.emulator.ledger.living import LivingLedger
from flows.emulator.resources.api import LivingSource
from flows.emulator.resources.listing import read_cursor

MOST_A_DAY = 20
"""Maximum recordings that page requests delete (or insert) per account and day of the ledger's clock."""
LATE_SHARE = 0.25
"""Share of the priced recordings whose price `late-prices` withholds."""
LATE_DAYS = (1, 20)
"""Minimum and maximum days until a late price arrives."""
CORRECTED_SHARE = 0.1
"""Share of the recordings whose price `corrections` changes."""
CORRECTED_DAYS = (2, 40)
"""Minimum and maximum days until a price is corrected."""
_DAY_SECONDS = 86_400
_FACTORS = (Decimal("0.5"), Decimal(2), Decimal(0))  # a correction multiplies a price by one of these
_FIRST = Recording(  # the template for an account without recordings; account and dates are replaced
    account_sid="",
    sequence=0,
    created_at=0,
    updated_at=0,
    started_at=0,
    ended_at=0,
    call_sid="43bb71ee-0000-4000-a000-2e7647cce000",
    conference_sid=None,
    duration_seconds=60,
    source="DialVerb",
    channels=1,
    status="completed",
    price=Decimal("0.0025"),
    currency="USD",
)
Change = Callable[[HttpRequest], None]
"""Changes the ledger before a page request is answered."""


def _on_the_ledger(name: str, set_up: Callable[[LivingLedger, Random], Change]) -> Fault:
    """Make a fault that is set up on a ledger once and then called before each page request is answered."""

    def fault(answer: Answer, rng: Random, source: Source) -> Answer:
        if not isinstance(source, LivingSource):
            raise ValueError(  # noqa: TRY004
                f"The fault {name} changes recordings, so it needs a living ledger (open_living)."
            )
        ledger = source.ledger
        with ledger.lock:
            if name not in ledger.active_faults:
                ledger.active_faults[name] = set_up(ledger, rng)

        def wrapped(request: HttpRequest) -> Response:
            if request.is_read and account_of(request) in ledger.books:
                with ledger.lock:
                    ledger.active_faults[name](request)
            return answer(request)

        return wrapped

    return fault


def _now_and_then(ledger: LivingLedger, rng: Random, change: Change) -> Change:
    changes = Counter[tuple[str, int]]()

    def wrapped(request: HttpRequest) -> None:
        today = account_of(request), ledger.now // _DAY_SECONDS
        if changes[today] < MOST_A_DAY and rng.random() < 0.2:
            changes[today] += 1
            change(request)

    return wrapped


def _everything(ledger: LivingLedger) -> list[Recording]:
    """Return all recordings that are not deleted, including those of the future."""
    return [e.recording for book in ledger.books.values() for e in book.entries() if e.deleted_at is None]


def _days(rng: Random, least_and_most: tuple[int, int]) -> int:
    """Draw a number of days and return it in seconds."""
    least, most = least_and_most
    return rng.randint(least * _DAY_SECONDS, most * _DAY_SECONDS)


def _late_prices(ledger: LivingLedger, rng: Random) -> Change:
    """Withhold the price of some recordings until days after their creation.

    Half of them have no currency either until then. For half of them the update date changes when the price arrives.
    """
    for recording in _everything(ledger):
        is_late, has_currency = rng.random() < LATE_SHARE, rng.random() < 0.5
        moves, due = rng.random() < 0.5, recording.created_at + _days(rng, LATE_DAYS)
        if not is_late or recording.price is None:
            continue
        if due <= ledger.now:
            if moves:
                ledger.change(recording.sid, updated_at=due)
            continue
        truth = {"price": recording.price, "currency": recording.currency}
        yet = {"price": None, "currency": recording.currency if has_currency else None}
        ledger.change(recording.sid, keep_updated_at=True, **yet)
        ledger.schedule(due, recording.sid, keep_updated_at=not moves, **truth)
    return lambda _: None


def _corrections(ledger: LivingLedger, rng: Random) -> Change:
    """Halve, double or waive some prices days or weeks after the recording was created.

    For half of them the update date changes too.
    """

    def correct(sid: str, factor: Decimal, moves: bool) -> None:
        recording, deleted_at, _ = ledger.get(sid)
        if recording.price is not None and deleted_at is None:
            price = EXACT.multiply(recording.price, factor)
            ledger.change(sid, keep_updated_at=not moves, price=price)

    for recording in _everything(ledger):
        is_wrong, factor = rng.random() < CORRECTED_SHARE, rng.choice(_FACTORS)
        moves, due = rng.random() < 0.5, recording.created_at + _days(rng, CORRECTED_DAYS)
        if is_wrong and due > ledger.now:
            ledger.at(due, partial(correct, recording.sid, factor, moves))
    return lambda _: None


def _deletions(ledger: LivingLedger, rng: Random) -> Change:
    """Delete a recording before some page requests, and one in two hundred at each midnight.

    Half of the deletions by a page request hit the recording that the request's cursor names. Only recordings that a
    client was sent in their current state are deleted: a client can't know of the others.
    """

    def known(account_sid: str) -> list[Recording]:
        """Return the recordings that may be deleted."""
        return [r for r, _, listed in ledger.listed(account_sid) if listed is r]

    def delete_one(request: HttpRequest) -> None:
        candidates = known(account_of(request))
        cursor: tuple[int, int] | None = None
        with suppress(QueryError):
            account = ledger.books[account_of(request)].account
            cursor = read_cursor(account, request.query.get("PageToken", ""))
        at_cursor = [r for r in candidates if (r.created_at, r.sequence) == cursor]
        if candidates:
            ledger.delete(rng.choice(at_cursor if at_cursor and rng.random() < 0.5 else candidates).sid)

    def midnight() -> None:
        for account_sid in ledger.books:
            candidates = known(account_sid)
            for recording in rng.sample(candidates, -(-len(candidates) // 200)):
                ledger.delete(recording.sid)
        ledger.at(ledger.now + _DAY_SECONDS, midnight)

    ledger.at(ledger.now - ledger.now % _DAY_SECONDS + _DAY_SECONDS, midnight)
    return _now_and_then(ledger, rng, delete_one)


def _inserts(ledger: LivingLedger, rng: Random) -> Change:
    """Insert a recording before some page requests: the newest of its account, or one on an old day."""

    def insert_one(request: HttpRequest) -> None:
        account_sid, now = account_of(request), ledger.now
        listed = [state.recording for state in ledger.listed(account_sid)]
        like = rng.choice(listed) if listed else replace(_FIRST, account_sid=account_sid)
        created_at = rng.randint(listed[-1].created_at, now) if listed and rng.random() < 0.5 else now
        shift = created_at - like.created_at
        ledger.insert(
            replace(
                like,
                sequence=ledger.next_sequence(account_sid),
                created_at=created_at,
                updated_at=min(now, like.updated_at + shift),
                started_at=None if like.started_at is None else like.started_at + shift,
                ended_at=None if like.ended_at is None else like.ended_at + shift,
            )
        )

    return _now_and_then(ledger, rng, insert_one)


LEDGER_FAULTS: Mapping[str, Fault] = {
    name: _on_the_ledger(name, set_up)
    for name, set_up in {
        "late-prices": _late_prices,
        "corrections": _corrections,
        "deletions": _deletions,
        "inserts": _inserts,
    }.items()
}
