"""The current recordings of one account, kept in memory and changeable.

A book lists the recordings that were created until now and are not deleted, newest first. It renders a recording's
text when it is first needed. It is not thread-safe: its ledger holds the lock.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from math import inf

from flows.emulator.ledger.ledger import Account, Recording, render, sequence_of_sid
from flows.emulator.ledger.usage import UsageDay, usage_of

_DELETED_LISTED_SECONDS = 40 * 86_400  # documented by Twilio: the metadata is kept for 40 days


@dataclass(slots=True)
class Entry:
    """One recording: the truth, when it was deleted, how it was last sent, and its text once rendered."""

    recording: Recording
    deleted_at: int | None = None
    listed: Recording | None = None
    text: bytes | None = None


def _as_listed(entry: Entry) -> Recording:
    """Return the recording as the API shows it. That a deletion is an update is assumed; the price stays."""
    if entry.deleted_at is None:
        return entry.recording
    return replace(entry.recording, status="deleted", updated_at=entry.deleted_at)


def _key(recording: Recording) -> tuple[int, int]:
    return recording.created_at, recording.sequence


class LivingBook:
    """A `Listing` of one account. `clock` returns the ledger's current time, epoch seconds UTC."""

    def __init__(self, account: Account, recordings: Iterable[Recording], clock: Callable[[], int]) -> None:
        self.account = account
        self._clock = clock
        self._entries: dict[int, Entry] = {}
        for recording in recordings:
            if self._entries.setdefault(recording.sequence, Entry(recording)).recording is not recording:
                raise ValueError(
                    f"Two recordings of account {account.account_sid} have the same sequence number."
                )
        # Oldest first, so that a new recording goes to the end. Recordings of the future are included.
        self._keys = sorted(_key(entry.recording) for entry in self._entries.values())
        self._deleted: set[int] = set()
        self.next_sequence = max(self._entries, default=-1) + 1

    def between(self, first: float, last: float) -> tuple[int, int]:
        """Return start and stop of the recordings created from `first` to `last`, both inclusive, and not after now."""
        count = len(self._keys)
        start = count - bisect_right(self._keys, (min(last, self._clock()), inf))
        return start, max(start, count - bisect_left(self._keys, (first, -1)))

    def after(self, created: int, sequence: int) -> int:
        """Return the position after a recording, whether or not it is still there."""
        return len(self._keys) - bisect_left(self._keys, (created, sequence))

    def cursor(self, position: int) -> tuple[int, int]:
        """Return creation date and sequence of the recording at `position`."""
        return self._keys[-1 - position]

    def has(self, created: int, sequence: int) -> bool:
        """Return whether the recording that a cursor names is still listed there."""
        entry = self._entries.get(sequence)
        return entry is not None and entry.deleted_at is None and entry.recording.created_at == created

    def body(self, start: int, stop: int) -> bytes:
        """Return the text of the recordings from `start` to before `stop`, separated by commas."""
        return b",".join(self._text(entry) for entry in self._at(start, stop))

    def sent(self, start: int, stop: int) -> None:
        """Record the state of these recordings as sent to a client."""
        for entry in self._at(start, stop):
            entry.listed = entry.recording

    def find(self, sid: str) -> bytes | None:
        """Return the text of one recording to send it, None if it does not exist, not yet, or no longer."""
        sequence = sequence_of_sid(self.account.account_sid, sid)
        entry = None if sequence is None else self._entries.get(sequence)
        if entry is None or not self._lists(entry) or entry.recording.created_at > self._clock():
            return None
        entry.listed = entry.recording
        return self._text(entry)

    def usage(self) -> list[UsageDay]:
        """Return what is counted and charged per day, newest first. Deleted recordings count: they were paid for."""
        there = (
            entry.recording for entry in self._entries.values() if entry.recording.created_at <= self._clock()
        )
        return usage_of(sorted(there, key=_key, reverse=True))

    def listed_now(self) -> Iterator[Entry]:
        """Return the entries that reading all pages would list, newest first."""
        return self._at(*self.between(-inf, inf))

    def entries(self) -> Iterator[Entry]:
        """Return all entries in the order they were added, including deleted ones and those of the future."""
        return iter(self._entries.values())

    def entry(self, sequence: int) -> Entry:
        """Return one entry. Raises KeyError for an unknown sequence number."""
        return self._entries[sequence]

    def add(self, recording: Recording) -> None:
        """Add a new recording."""
        self._entries[recording.sequence] = Entry(recording)
        insort(self._keys, _key(recording))
        self.next_sequence = max(self.next_sequence, recording.sequence + 1)

    def alter(self, entry: Entry, recording: Recording) -> None:
        """Replace the recording of a listed entry. The entry moves if its creation date changes."""
        if recording.created_at != entry.recording.created_at:
            self._unlist(entry)
            insort(self._keys, _key(recording))
        entry.recording, entry.text = recording, None

    def remove(self, entry: Entry) -> None:
        """Stop listing an entry. It keeps its recording."""
        self._unlist(entry)
        self._deleted.add(entry.recording.sequence)
        entry.deleted_at, entry.text = self._clock(), None

    def put_back(self, entry: Entry) -> None:
        """List a removed entry again."""
        insort(self._keys, _key(entry.recording))
        self._deleted.remove(entry.recording.sequence)
        entry.deleted_at, entry.text = None, None

    def with_deleted(self) -> "LivingBook":
        """Return the same list with the recordings that were deleted up to 40 days ago, for one request."""
        since = self._clock() - _DELETED_LISTED_SECONDS
        found = [self._entries[sequence] for sequence in self._deleted]
        keys = [_key(entry.recording) for entry in found if (entry.deleted_at or 0) >= since]
        book = copy(self)
        book._keys = sorted(self._keys + keys)
        return book

    def _at(self, start: int, stop: int) -> Iterator[Entry]:
        count = len(self._keys)
        for _, sequence in reversed(self._keys[count - stop : count - start]):
            yield self._entries[sequence]

    def _text(self, entry: Entry) -> bytes:
        if entry.text is None:
            entry.text = render(_as_listed(entry))
        return entry.text

    def _lists(self, entry: Entry) -> bool:
        key = _key(entry.recording)
        place = bisect_left(self._keys, key)
        return self._keys[place : place + 1] == [key]

    def _unlist(self, entry: Entry) -> None:
        del self._keys[bisect_left(self._keys, _key(entry.recording))]
