"""A living ledger: recordings are added, changed and deleted while it is served, on a clock that is advanced by calls.

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

_IDENTITY = frozenset({"account_sid", "sequence"})  # these determine the sid


class RecordingState(NamedTuple):
    """The current state of a recording.

    Args:
        recording: the recording now.
        deleted_at: when it was deleted, epoch seconds UTC; None if it was not.
        listed: the recording as it was last sent to a client in a page; None if it never was.
    """

    recording: Recording
    deleted_at: int | None
    listed: Recording | None


class LivingLedger:
    """The recordings of some accounts at the moment `now`, which only `advance` moves. All methods are thread-safe.

    A recording created after `now` exists, but is neither listed nor counted yet. Every method that takes a sid raises
    ValueError if no recording has it.
    """

    def __init__(self, accounts: Sequence[Account], recordings: Iterable[Recording], now: int) -> None:
        self.accounts = tuple(accounts)
        self.lock = RLock()
        # The faults of this ledger by name: each is set up once, however often the ledger is served.
        self.active_faults: dict[str, Callable[[HttpRequest], None]] = {}
        self._now = now
        self._agenda: list[tuple[int, int, Callable[[], object]]] = []  # a heap; the number keeps the order
        self._number = count()
        groups: dict[str, list[Recording]] = {account.account_sid: [] for account in self.accounts}
        for recording in recordings:
            if recording.account_sid not in groups:
                raise ValueError(f"Unknown account {recording.account_sid}.")
            groups[recording.account_sid].append(recording)
        self.books = {
            account.account_sid: LivingBook(account, groups[account.account_sid], lambda: self._now)
            for account in self.accounts
        }
        self._places = {r.sid: (sid, r.sequence) for sid, group in groups.items() for r in group}

    @property
    def now(self) -> int:
        """The ledger's current time, epoch seconds UTC."""
        return self._now

    def advance(self, seconds: int) -> int:
        """Advance the clock, run what was scheduled until then in order, and return the new time."""
        return self.advance_to(self._now + seconds)

    def advance_to(self, epoch: int) -> int:
        """Advance the clock to a moment, epoch seconds UTC. Raises ValueError if it is in the past."""
        with self.lock:
            if epoch < self._now:
                raise ValueError("The clock can't go back.")
            while self._agenda and self._agenda[0][0] <= epoch:
                self._now, _, do = heappop(self._agenda)
                do()
            self._now = epoch
            return epoch

    def at(self, when: int, do: Callable[[], object]) -> None:
        """Call `do` when the clock reaches `when`, or at once if that is not in the future.

        `do` may schedule more calls. Calls for the same moment run in the order in which they were scheduled.
        """
        with self.lock:
            if when > self._now:
                heappush(self._agenda, (when, next(self._number), do))
            else:
                do()

    def insert(self, recording: Recording) -> Recording:
        """Add a recording with any creation date: it may appear late on an old day, or be in the future."""
        with self.lock:
            if recording.account_sid not in self.books:
                raise ValueError(f"Unknown account {recording.account_sid}.")
            if recording.sid in self._places:
                raise ValueError(f"Recording {recording.sid} already exists. Use another sequence.")
            self.books[recording.account_sid].add(recording)
            self._places[recording.sid] = recording.account_sid, recording.sequence
            return recording

    def change(self, sid: str, *, keep_updated_at: bool = False, **fields: Any) -> Recording:
        """Change fields of a recording. With another `created_at` it moves to that day.

        `updated_at` becomes `now` unless it is given or kept (what the real API does is not known).

        Raises:
            ValueError: the recording is deleted, a field determines its sid, or a listed recording would move into
                the future.
        """
        with self.lock:
            book, entry = self._found(sid)
            if entry.deleted_at is not None:
                raise ValueError(f"Recording {sid} is deleted. Restore it first.")
            if fields.keys() & _IDENTITY:
                raise ValueError("Account and sequence of a recording can't change: they determine its sid.")
            if not keep_updated_at:
                fields.setdefault("updated_at", self._now)
            changed = replace(entry.recording, **fields)
            if entry.recording.created_at <= self._now < changed.created_at:
                raise ValueError(f"Recording {sid} is already listed and can't move into the future.")
            book.alter(entry, changed)
            return changed

    def schedule(self, when: int, sid: str, *, keep_updated_at: bool = False, **fields: Any) -> None:
        """Change a recording when the clock reaches `when`, unless it was deleted before."""

        def change() -> None:
            if entry.deleted_at is None:
                self.change(sid, keep_updated_at=keep_updated_at, **fields)

        _, entry = self._found(sid)
        self.at(when, change)

    def delete(self, sid: str) -> None:
        """Stop listing a recording. It was still paid for. Deleting it again does nothing."""
        with self.lock:
            book, entry = self._found(sid)
            if entry.deleted_at is None:
                book.remove(entry)

    def restore(self, sid: str) -> None:
        """List a deleted recording again, unchanged."""
        with self.lock:
            book, entry = self._found(sid)
            if entry.deleted_at is not None:
                book.put_back(entry)

    def get(self, sid: str) -> RecordingState:
        """Return the state of one recording, listed or not."""
        with self.lock:
            return _state(self._found(sid)[1])

    def recordings(self) -> list[RecordingState]:
        """Return the truth: every recording created until now, including deleted ones, by account and newest first."""
        with self.lock:
            return [
                _state(entry)
                for book in self.books.values()
                for entry in sorted(book.entries(), key=_creation, reverse=True)
                if entry.recording.created_at <= self._now
            ]

    def listed(self, account_sid: str) -> list[RecordingState]:
        """Return what reading all pages of an account would list now, newest first."""
        with self.lock:
            return [_state(entry) for entry in self.books[account_sid].listed_now()]

    def next_sequence(self, account_sid: str) -> int:
        """Return a sequence number for a new recording of an account, higher than all others."""
        return self.books[account_sid].next_sequence

    def totals(self) -> TotalsObject:
        """Return the right answer as of now. A deleted recording counts in its last state, a future one does not."""
        return self._totals(lambda state: state.recording)

    def listed_totals(self) -> TotalsObject:
        """Return the totals of all recordings as they were last sent to a client: the best it can know."""
        return self._totals(lambda state: state.listed)

    def _totals(self, counted: Callable[[RecordingState], Recording | None]) -> TotalsObject:
        totals = Totals()
        for recording in filter(None, map(counted, self.recordings())):
            totals.add_recording(recording)
        return totals.to_object(self.accounts)

    def _found(self, sid: str) -> tuple[LivingBook, Entry]:
        if sid not in self._places:
            raise ValueError(f"Unknown recording {sid}.")
        account_sid, sequence = self._places[sid]
        book = self.books[account_sid]
        return book, book.entry(sequence)


def _state(entry: Entry) -> RecordingState:
    return RecordingState(entry.recording, entry.deleted_at, entry.listed)


def _creation(entry: Entry) -> tuple[int, int]:
    return entry.recording.created_at, entry.recording.sequence
