"""The recordings of one account as they stand now, in memory, and changing.

It lists what exists (created by now) and is not deleted, newest first, and writes a recording's text when it is
asked for the first time. It knows no lock: its ledger does.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import inf

from flows.emulator.ledger.ledger import Account, Recording, render, sequence_of_sid
from flows.emulator.ledger.usage import UsageDay, usage_of


@dataclass(slots=True)
class Entry:
    """One recording: the truth, when it was deleted, how it was last sent in a page, and its text if written."""

    recording: Recording
    deleted_at: int | None = None
    listed: Recording | None = None
    text: bytes | None = None


def _key(recording: Recording) -> tuple[int, int]:
    return recording.created_at, recording.sequence


class LivingBook:
    """A `Listing` of one account; `clock` tells the ledger's now, epoch seconds UTC."""

    def __init__(self, account: Account, recordings: Iterable[Recording], clock: Callable[[], int]) -> None:
        self.account = account
        self._clock = clock
        self._entries: dict[int, Entry] = {}
        for recording in recordings:
            if self._entries.setdefault(recording.sequence, Entry(recording)).recording is not recording:
                raise ValueError(
                    f"Two recordings of account {account.account_sid} have the same sequence number."
                )
        # Oldest first, so that a new recording is put at the end; those still to come are among them.
        self._keys = sorted(_key(entry.recording) for entry in self._entries.values())
        self.next_sequence = max(self._entries, default=-1) + 1

    def between(self, first: float, last: float) -> tuple[int, int]:
        """Start and stop of the recordings created from `first` to `last`, both included, and not after now."""
        count = len(self._keys)
        start = count - bisect_right(self._keys, (min(last, self._clock()), inf))
        return start, max(start, count - bisect_left(self._keys, (first, -1)))

    def after(self, created: int, sequence: int) -> int:
        """Where the list goes on behind a recording, whether or not it is still there."""
        return len(self._keys) - bisect_left(self._keys, (created, sequence))

    def cursor(self, position: int) -> tuple[int, int]:
        """Creation date and sequence of the recording at `position`."""
        return self._keys[-1 - position]

    def has(self, created: int, sequence: int) -> bool:
        """Whether the recording that a cursor names is still listed there."""
        entry = self._entries.get(sequence)
        return entry is not None and entry.deleted_at is None and entry.recording.created_at == created

    def body(self, start: int, stop: int) -> bytes:
        """The text of the recordings from `start` up to, not including, `stop`, with commas between them."""
        return b",".join(self._text(entry) for entry in self._at(start, stop))

    def sent(self, start: int, stop: int) -> None:
        """Remember how these recordings were when a client was sent them."""
        for entry in self._at(start, stop):
            entry.listed = entry.recording

    def find(self, sid: str) -> bytes | None:
        """The text of one recording, None when it is not there, not yet, or not any more."""
        sequence = sequence_of_sid(self.account.account_sid, sid)
        entry = None if sequence is None else self._entries.get(sequence)
        if entry is None or entry.deleted_at is not None or entry.recording.created_at > self._clock():
            return None
        return self._text(entry)

    def usage(self) -> list[UsageDay]:
        """What is counted and charged a day, newest first: also what was deleted, which was paid for all the same."""
        there = (
            entry.recording for entry in self._entries.values() if entry.recording.created_at <= self._clock()
        )
        return usage_of(sorted(there, key=_key, reverse=True))

    def listed_now(self) -> Iterator[Entry]:
        """The entries that a full walk lists, newest first."""
        return self._at(*self.between(-inf, inf))

    def entries(self) -> Iterator[Entry]:
        """All entries, in the order in which they came; also deleted ones and those still to come."""
        return iter(self._entries.values())

    def entry(self, sequence: int) -> Entry:
        """One entry. Raises KeyError for a sequence number that the book does not have."""
        return self._entries[sequence]

    def add(self, recording: Recording) -> None:
        """List a recording that was not there before."""
        self._entries[recording.sequence] = Entry(recording)
        insort(self._keys, _key(recording))
        self.next_sequence = max(self.next_sequence, recording.sequence + 1)

    def alter(self, entry: Entry, recording: Recording) -> None:
        """Put other content in a listed entry; it moves when its creation date does."""
        if recording.created_at != entry.recording.created_at:
            self._unlist(entry)
            insort(self._keys, _key(recording))
        entry.recording, entry.text = recording, None

    def remove(self, entry: Entry) -> None:
        """List an entry no longer; it keeps its content."""
        self._unlist(entry)
        entry.deleted_at = self._clock()

    def put_back(self, entry: Entry) -> None:
        """List a removed entry again."""
        insort(self._keys, _key(entry.recording))
        entry.deleted_at = None

    def _at(self, start: int, stop: int) -> Iterator[Entry]:
        count = len(self._keys)
        for _, sequence in reversed(self._keys[count - stop : count - start]):
            yield self._entries[sequence]

    def _text(self, entry: Entry) -> bytes:
        if entry.text is None:
            entry.text = render(entry.recording)
        return entry.text

    def _unlist(self, entry: Entry) -> None:
        del self._keys[bisect_left(self._keys, _key(entry.recording))]
