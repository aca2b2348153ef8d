"""A ledger that lives: recordings come, change and go while it is served, by a clock that is moved by hand.

Nothing here reads the machine's clock, so the same calls always give the same ledger.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from threading import RLock
from typing import Any, NamedTuple

from flows.emulator.http.messages import HttpRequest
from flows.emulator.ledger.ledger import Account, Recording
from flows.emulator.ledger.living_book import Entry, LivingBook
from flows.emulator.ledger.totals import Totals, TotalsObject

_IDENTITY = frozenset({"account_sid", "sequence"})  # what makes the sid


class Standing(NamedTuple):
    """A recording as it stands, when it was deleted (epoch seconds UTC; None: it is listed), and how it was when
    a page with it was last sent to a client (None: never)."""

    recording: Recording
    deleted_at: int | None
    listed: Recording | None


class LivingLedger:
    """The recordings of some accounts at a moment, `now`, that moves when told. All methods are thread-safe.

    A recording created after now exists, but is not listed nor counted before its time. Every method that names a
    recording raises ValueError when there is none with that sid.
    """

    def __init__(self, accounts: Sequence[Account], recordings: Iterable[Recording], now: int) -> None:
        self.accounts = tuple(accounts)
        self.lock = RLock()
        # What goes on by itself on this ledger, by name: a fault is set up once, however often it is served.
        self.afflictions: dict[str, Callable[[HttpRequest], None]] = {}
        self._now = now
        self._agenda: list[tuple[int, int, Callable[[], object]]] = []  # a heap; the number keeps the order
        self._number = count()
        groups: dict[str, list[Recording]] = {account.account_sid: [] for account in self.accounts}
        for recording in recordings:
            if recording.account_sid not in groups:
                raise ValueError(f"There is no account {recording.account_sid}.")
            groups[recording.account_sid].append(recording)
        self.books = {
            account.account_sid: LivingBook(account, groups[account.account_sid], lambda: self._now)
            for account in self.accounts
        }
        self._places = {r.sid: (sid, r.sequence) for sid, group in groups.items() for r in group}

    @property
    def now(self) -> int:
        """The ledger's moment, epoch seconds UTC."""
        return self._now

    def advance(self, seconds: int) -> int:
        """Move time on; what was scheduled for meanwhile happens, in order. The new now."""
        return self.advance_to(self._now + seconds)

    def advance_to(self, epoch: int) -> int:
        """Move time on to a moment, epoch seconds UTC. Raises ValueError when it lies in the past."""
        with self.lock:
            if epoch < self._now:
                raise ValueError("Time does not go back.")
            while self._agenda and self._agenda[0][0] <= epoch:
                self._now, _, do = heappop(self._agenda)
                do()
            self._now = epoch
            return epoch

    def at(self, when: int, do: Callable[[], object]) -> None:
        """Do something when the clock comes to `when`: at once when that is not in the future.

        What is done may schedule more. Of several things for the same moment the first one given is done first.
        """
        with self.lock:
            if when > self._now:
                heappush(self._agenda, (when, next(self._number), do))
            else:
                do()

    def insert(self, recording: Recording) -> Recording:
        """A new recording, of any creation date: it may appear late in an old day, or be still to come."""
        with self.lock:
            if recording.account_sid not in self.books:
                raise ValueError(f"There is no account {recording.account_sid}.")
            if recording.sid in self._places:
                raise ValueError(f"There is a recording {recording.sid} already. Give it another sequence.")
            self.books[recording.account_sid].add(recording)
            self._places[recording.sid] = recording.account_sid, recording.sequence
            return recording

    def change(self, sid: str, *, keep_updated_at: bool = False, **fields: Any) -> Recording:
        """Give a recording other values of `Recording`'s fields; with another `created_at` it moves to that day.

        `updated_at` becomes now unless it is given or kept (what the real API does is not known). Raises ValueError
        for a deleted recording, for what makes the sid, and when one that is listed would move into the future.
        """
        with self.lock:
            book, entry = self._found(sid)
            if entry.deleted_at is not None:
                raise ValueError(f"Recording {sid} is deleted. Restore it first.")
            if fields.keys() & _IDENTITY:
                raise ValueError("A recording keeps its account and its sequence, which make its sid.")
            if not keep_updated_at:
                fields.setdefault("updated_at", self._now)
            changed = replace(entry.recording, **fields)
            if entry.recording.created_at <= self._now < changed.created_at:
                raise ValueError(f"Recording {sid} is there already and cannot move into the future.")
            book.alter(entry, changed)
            return changed

    def schedule(self, when: int, sid: str, *, keep_updated_at: bool = False, **fields: Any) -> None:
        """Change a recording when the clock comes to `when`; nothing happens when it is deleted by then."""

        def change() -> None:
            if entry.deleted_at is None:
                self.change(sid, keep_updated_at=keep_updated_at, **fields)

        _, entry = self._found(sid)
        self.at(when, change)

    def delete(self, sid: str) -> None:
        """The recording is listed no longer; it was paid for all the same. Nothing happens the second time."""
        with self.lock:
            book, entry = self._found(sid)
            if entry.deleted_at is None:
                book.remove(entry)

    def restore(self, sid: str) -> None:
        """A deleted recording is listed again, as it was."""
        with self.lock:
            book, entry = self._found(sid)
            if entry.deleted_at is not None:
                book.put_back(entry)

    def get(self, sid: str) -> Standing:
        """One recording, whether or not it is listed."""
        with self.lock:
            return _standing(self._found(sid)[1])

    def recordings(self) -> list[Standing]:
        """The truth: every recording created by now, also deleted ones, by account and newest first."""
        with self.lock:
            return [
                _standing(entry)
                for book in self.books.values()
                for entry in sorted(book.entries(), key=_creation, reverse=True)
                if entry.recording.created_at <= self._now
            ]

    def listed(self, account_sid: str) -> list[Standing]:
        """What a full walk over an account lists now, newest first."""
        with self.lock:
            return [_standing(entry) for entry in self.books[account_sid].listed_now()]

    def next_sequence(self, account_sid: str) -> int:
        """A sequence number for a new recording of an account, above all others."""
        return self.books[account_sid].next_sequence

    def totals(self) -> TotalsObject:
        """The right answer as of now. A deleted recording counts as it last stood, one still to come does not."""
        return self._totals(lambda standing: standing.recording)

    def listed_totals(self) -> TotalsObject:
        """The totals of all recordings as they were last sent to a client: what it can know at best."""
        return self._totals(lambda standing: standing.listed)

    def _totals(self, counted: Callable[[Standing], Recording | None]) -> TotalsObject:
        totals = Totals()
        for recording in filter(None, map(counted, self.recordings())):
            totals.add_recording(recording)
        return totals.to_object(self.accounts)

    def _found(self, sid: str) -> tuple[LivingBook, Entry]:
        if sid not in self._places:
            raise ValueError(f"There is no recording {sid}.")
        account_sid, sequence = self._places[sid]
        book = self.books[account_sid]
        return book, book.entry(sequence)


def _standing(entry: Entry) -> Standing:
    return Standing(entry.recording, entry.deleted_at, entry.listed)


def _creation(entry: Entry) -> tuple[int, int]:
    return entry.recording.created_at, entry.recording.sequence
