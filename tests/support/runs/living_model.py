"""What recspend must know of a ledger that lives: the rules of the pages, said as simply as can be, and nothing else.

Callers must ensure: neither the time nor the ledger changes during a run; `updated_at` never goes back; nothing happens
on days before FIRST, so that it does not matter from which of them an account is read.

It is unknown what an interrupted run has read. Its days are *hazy* until a run has ended: for a recording of
such a day, anything that the ledger held since then is right, unless the later run had to read the day anyway.

A day with fewer unsettled recordings than pages is not read because of them. They are asked for by themselves, which
says nothing about the others. If one of them is gone or has moved, its day is read, and the one that it is on now.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from flows.emulator import LivingLedger
from flows.run.request import RunRequest
from tests.support.runs.living_runs import Fact, fact_of, instant

FIRST = date(2026, 7, 20)
LOOKBACK_DAYS = 3
SETTLE_DAYS = 90
DONE = frozenset({"completed", "absent", "failed", "stopped", "deleted"})


class Change(NamedTuple):
    """A price that changed after it had been set. seen: the second of the fetch that found it."""

    seen: int
    cost_before: Decimal | None
    currency_before: str
    cost_after: Decimal | None
    currency_after: str


class Row(NamedTuple):
    """What the tables say about a recording. Instants are seconds of fetches, by the ledger's clock."""

    fact: Fact
    first_seen: int
    first_priced: int | None
    changes: tuple[Change, ...] = ()


class Reads(NamedTuple):
    """What a run must read of an account: whole days, and recordings by themselves, in order, by their day.

    unsettled: those of the whole days that are read only because a recording is unsettled.
    """

    days: set[date]
    unsettled: set[date]
    singles: dict[date, list[str]]

    @property
    def uncertain(self) -> set[date]:
        """The days of which it depends on what is known whether they are read as a whole."""
        return self.unsettled | self.singles.keys()


@dataclass
class Model:
    """The expected tables after each successful run: `rows`. asked: how many recordings by themselves so far."""

    ledger: LivingLedger
    page_size: int
    asked: int = 0
    rows: dict[str, Row] = field(default_factory=dict)
    _read: dict[str, dict[date, int]] = field(default_factory=dict)
    _hazy: dict[str, set[date]] = field(default_factory=dict)
    _moments: list[dict[str, Fact]] = field(default_factory=list)
    _interrupted_on: date = date.min

    @property
    def is_hazy(self) -> bool:
        """Whether a run was interrupted since the last one that ended."""
        return bool(self._moments)

    @property
    def today(self) -> date:
        """The ledger's current day, UTC."""
        return instant(self.ledger.now).date()

    def to_read(self, account_sid: str, request: RunRequest) -> Reads:
        """Return what a run must read, judging by the tables."""
        first, last = request.first or FIRST, min(request.last or self.today, self.today)
        days = {first + timedelta(number) for number in range((last - first).days + 1)}
        if request.again or request.audit_days:
            return Reads(days, set(), {})
        read = self._read.get(account_sid, {})
        whole = {
            day
            for day in days
            if day not in read
            or (instant(read[day]).date() <= day < self.today)  # the day was not over yet
            or self._age(day) < LOOKBACK_DAYS
        }
        kept, unsettled = Counter[date](), dict[date, list[str]]()
        for sid, fact in sorted(self._facts_of(account_sid), key=lambda each: (each[1].created_at, each[0])):
            kept[day_of(fact)] += not fact.is_deleted
            if not fact.is_deleted and (fact.status not in DONE or is_awaiting_price(fact)):
                unsettled.setdefault(day_of(fact), []).append(sid)
        due = {day for day in unsettled if day in days - whole and self._age(day) < SETTLE_DAYS}
        singles = {
            day: sids
            for day, sids in unsettled.items()
            if day in due and len(sids) < -(-kept[day] // self.page_size)
        }
        return Reads(whole | (due - singles.keys()), due - singles.keys(), singles)

    def changed(self) -> None:
        """Take note that the ledger changed."""
        if self.is_hazy:
            self._moments.append(self._listed())

    def interrupted(self, request: RunRequest) -> None:
        """Take note that a run was interrupted at any point."""
        for account in self.ledger.accounts:
            reads, listed = self.to_read(account.account_sid, request), self._listed()
            now = [listed[sid] for sids in reads.singles.values() for sid in sids if sid in listed]
            hazy = self._hazy.setdefault(account.account_sid, set())
            hazy.update(reads.days, reads.singles, map(day_of, now))
        self._moments.append(self._listed())
        self._interrupted_on = self.today

    def ended(self, request: RunRequest, found: Mapping[str, Row]) -> None:
        """Take note of a successful run. found: the tables; they count for hazy days only, where they are possible."""
        listed = self._listed()
        moments = [*self._moments, listed]
        plans = {
            account.account_sid: self._answered(self.to_read(account.account_sid, request), listed)
            for account in self.ledger.accounts
        }
        for sid in {*self.rows, *(sid for moment in moments for sid in moment)}:
            row, states = self.rows.get(sid), [moment.get(sid) for moment in moments]
            facts = [fact for fact in (row and row.fact, *states) if fact is not None]
            reads, hazy = plans[facts[0].account_sid], self._hazy.get(facts[0].account_sid, set())
            days, asked = reads.days, {day for day, sids in reads.singles.items() if sid in sids}
            if any(day_of(fact) in hazy for fact in facts):
                after = found.get(sid)
                fresh = {day for day in days if day not in hazy or self._is_read_again(day, request)}
                possible = possible_facts(row and row.fact, states, days, hazy, fresh)
                if any(day_of(fact) in hazy & reads.uncertain for fact in facts):
                    possible |= {*facts, *map(gone, facts)}
                assert (after and after.fact) in possible, (sid, after, possible)
                assert_follows(row, after)
            else:
                after = read_again(row, listed.get(sid), days | asked, self.ledger.now)
            if after is not None:
                self.rows[sid] = after
        for account_sid, reads in plans.items():
            read = self._read.setdefault(account_sid, {})
            read.update(dict.fromkeys(reads.days, self.ledger.now))
            # For any other day, it is not even known whether it was ever read, or since it was over.
            self._hazy[account_sid] = {
                day
                for day in self._hazy.get(account_sid, ())
                if day not in read or instant(read[day]).date() <= day
            }
        if not any(self._hazy.values()):
            self._moments.clear()

    def _answered(self, reads: Reads, listed: Mapping[str, Fact]) -> Reads:
        """Return what is read in the end: other days, too, if a recording that is asked for is gone or has moved."""
        days, unsettled, singles = {*reads.days}, {*reads.unsettled}, dict[date, list[str]]()
        for day, sids in reads.singles.items():
            found = [listed.get(sid) for sid in sids]
            odd = [fact for fact in found if fact is None or day_of(fact) != day][:1]
            if not odd:
                singles[day] = sids
                self.asked += len(sids)
            now = {day_of(fact) for fact in odd if fact is not None}
            instead = {day for _ in odd} | {each for each in now if FIRST <= each <= self.today}
            days |= instead
            unsettled |= instead
        return Reads(days, unsettled, singles)

    def _age(self, day: date) -> int:
        return (self.today - day).days

    def _is_read_again(self, day: date, request: RunRequest) -> bool:
        """Return whether a day is read again although an interrupted run may have read it.

        Not so the day of the interruption: a fetch that had no page yet begins when it is continued, after that day.
        """
        return request.again or self._age(day) < LOOKBACK_DAYS or day > self._interrupted_on

    def _facts_of(self, account_sid: str) -> Iterable[tuple[str, Fact]]:
        return [(sid, row.fact) for sid, row in self.rows.items() if row.fact.account_sid == account_sid]

    def _listed(self) -> dict[str, Fact]:
        return {
            each.recording.sid: fact_of(each.recording)
            for account in self.ledger.accounts
            for each in self.ledger.listed(account.account_sid)
        }


def day_of(fact: Fact) -> date:
    """Return the day of creation, UTC."""
    return fact.created_at.date()


def is_awaiting_price(fact: Fact) -> bool:
    """Return whether a recording has no price and may get one: it is neither absent nor failed."""
    return fact.cost is None and fact.status not in ("absent", "failed")


def gone(fact: Fact) -> Fact:
    """Return the same recording, deleted."""
    return fact._replace(is_deleted=True)


def read_again(row: Row | None, listed: Fact | None, days: set[date], now: int) -> Row | None:
    """Return what is known of a recording after these days were read, if its day lists it like this."""
    if listed is None or day_of(listed) not in days:
        is_missed = row is not None and day_of(row.fact) in days
        return row._replace(fact=gone(row.fact)) if row is not None and is_missed else row
    if row is None:
        return Row(listed, now, None if listed.cost is None else now)
    before, changes = row.fact, row.changes
    if row.first_priced is not None and (before.cost, before.currency) != (listed.cost, listed.currency):
        changes = (*changes, Change(now, before.cost, before.currency, listed.cost, listed.currency))
    first_priced = now if row.first_priced is None and listed.cost is not None else row.first_priced
    return Row(listed, row.first_seen, first_priced, changes)


def possible_facts(
    known: Fact | None, states: Sequence[Fact | None], days: set[date], hazy: set[date], fresh: set[date]
) -> set[Fact | None]:
    """Yield everything that can be known of a recording that an interrupted run may have read.

    states: how it was listed since then, ending with now. days: those that were certainly read, if they are hazy at any
    moment since then. fresh: those that were read now.
    """
    now = states[-1]
    if now is not None and day_of(now) in fresh:
        return {now}
    listed = {fact for fact in states if fact is not None and day_of(fact) in hazy}
    possible: set[Fact | None] = {fact for fact in listed if day_of(fact) not in fresh}
    if any(fact is None or day_of(fact) not in days for fact in states):
        # It may have been read while it was not there, or not at all.
        possible |= {gone(fact) for fact in (*listed, known) if fact is not None}
        if known is None or known.is_deleted or day_of(known) not in days:
            possible.add(known)
    return possible


def assert_follows(before: Row | None, after: Row | None) -> None:
    """Check that a row can result from another: it keeps all changes, and each starts where the last one ended."""
    if after is None:
        return
    if before is not None:
        assert after.first_seen == before.first_seen
        assert before.first_priced in (None, after.first_priced)
        assert after.changes[: len(before.changes)] == before.changes
    if after.first_priced is not None:
        assert after.first_seen <= after.first_priced
    for one, other in pairwise(after.changes):
        assert one.seen <= other.seen
        assert (one.cost_after, one.currency_after) == (other.cost_before, other.currency_before)
    if after.changes:
        last = after.changes[-1]
        assert (last.cost_after, last.currency_after) == (after.fact.cost, after.fact.currency)
