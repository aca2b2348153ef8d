"""Recordings that are rendered once and kept on disk, so that a page is a slice of a file.

A folder contains for each account, newest recording first:
    `N.records`    the JSON text of every recording, each followed by a comma
    `N.offsets`    where each recording starts, and the end (unsigned 64-bit)
    `N.created`    its creation date, epoch seconds UTC (signed 64-bit)
    `N.sequences`  its sequence number (unsigned 32-bit)
    `N.usage`      the account's Usage Records: what is counted and charged per day
It also contains `totals.json`: the ledger's totals, with the accounts in order. A finished folder is moved into place
with one rename, so an interrupted rendering is never used. A killed rendering leaves a `.rendering-…` folder, which
can be deleted.
"""

import json
import mmap
import shutil
import tempfile
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Literal

from flows.emulator.http.messages import FileSlice
from flows.emulator.ledger.ledger import Account, Recording, render, sequence_of_sid
from flows.emulator.ledger.totals import Totals, TotalsObject
from flows.emulator.ledger.usage import UsageDay, UsageTotals, from_text, to_text

_CHUNK = 1000
RenderProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Book:
    """The rendered recordings of one account. Position 0 is the newest. The arrays are memory-mapped."""

    account: Account
    path: Path
    offsets: "memoryview[int]"
    created: "memoryview[int]"
    sequences: "memoryview[int]"

    def __len__(self) -> int:
        return len(self.created)

    def body(self, start: int, stop: int) -> FileSlice:
        """Return the text of the recordings from `start` to before `stop`, separated by commas."""
        if start >= stop:
            return FileSlice(self.path, 0, 0)
        return FileSlice(self.path, self.offsets[start], self.offsets[stop] - 1 - self.offsets[start])

    def usage(self) -> list[UsageDay]:
        """Return what is counted and charged per day, newest first."""
        return from_text(self.path.with_suffix(".usage").read_text(encoding="utf-8"))

    def between(self, first: float, last: float) -> tuple[int, int]:
        """Return start and stop of the recordings created from `first` to `last`, both inclusive."""
        start = bisect_left(self.created, -last, key=int.__neg__)
        stop = bisect_right(self.created, -first, key=int.__neg__)
        return start, max(start, stop)

    def after(self, created: int, sequence: int) -> int:
        """Return the position after a recording, whether or not it is still there."""
        return bisect_right(
            range(len(self)), (-created, -sequence), key=lambda i: (-self.created[i], -self.sequences[i])
        )

    def cursor(self, position: int) -> tuple[int, int]:
        """Return creation date and sequence of the recording at `position`."""
        return self.created[position], self.sequences[position]

    def sent(self, start: int, stop: int) -> None:
        """Do nothing: a rendered ledger does not keep track of what was sent."""

    def with_deleted(self) -> "Book":
        """Return the book itself: a rendered ledger has no deletions."""
        return self

    def find(self, sid: str) -> FileSlice | None:
        """Return the text of one recording, None if the account has no such recording."""
        sequence = sequence_of_sid(self.account.account_sid, sid)
        if sequence is None:
            return None
        position = len(self) - 1 - sequence
        if not 0 <= position < len(self) or self.sequences[position] != sequence:
            # Given recordings may have gaps in their sequence or be out of order.
            position = next((i for i, n in enumerate(self.sequences) if n == sequence), -1)
        return self.body(position, position + 1) if position >= 0 else None


def source_hash() -> str:
    """Return a short hash of the emulator's source, so that a changed emulator never serves outdated pages."""
    digest = blake2b(digest_size=6)
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def render_once(
    folder: Path,
    ledger: Iterable[tuple[Account, Iterable[Recording]]],
    progress: RenderProgress | None = None,
) -> None:
    """Render a ledger (newest recordings first) into `folder`, unless it exists. Memory use does not grow with it.

    If two processes render the same ledger at the same time, the result of the first to finish is kept. `progress` is
    called with the number of recordings rendered so far.
    """
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".rendering-", dir=folder.parent))
    try:
        totals, accounts, done = Totals(), [], 0
        for number, (account, recordings) in enumerate(ledger):
            accounts.append(account)
            for count in _write(temporary, number, recordings, totals):
                done += count
                if progress is not None:
                    progress(done)
        (temporary / "totals.json").write_text(json.dumps(totals.to_object(accounts)), encoding="utf-8")
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(folder: Path, number: int, recordings: Iterable[Recording], totals: Totals) -> Iterator[int]:
    """Render one account, and yield the number of recordings after each chunk."""
    stream, offset, usage = iter(recordings), 0, UsageTotals()
    with (
        (folder / f"{number}.records").open("wb") as records_file,
        (folder / f"{number}.offsets").open("wb") as offsets_file,
        (folder / f"{number}.created").open("wb") as created_file,
        (folder / f"{number}.sequences").open("wb") as sequences_file,
    ):
        while chunk := list(islice(stream, _CHUNK)):
            texts, offsets = [], array("Q")
            for r in chunk:
                text = render(r)
                texts.append(text)
                offsets.append(offset)
                offset += len(text) + 1
                totals.add_recording(r)
                usage.add(r)
            texts.append(b"")  # adds the comma after the last recording
            records_file.write(b",".join(texts))
            offsets.tofile(offsets_file)
            array("q", [r.created_at for r in chunk]).tofile(created_file)
            array("I", [r.sequence for r in chunk]).tofile(sequences_file)
            yield len(chunk)
        array("Q", [offset]).tofile(offsets_file)
    (folder / f"{number}.usage").write_text(to_text(usage.days()), encoding="utf-8")


def read_totals(folder: Path) -> TotalsObject:
    """Return the totals that were added up while the ledger was rendered."""
    totals: TotalsObject = json.loads((folder / "totals.json").read_text(encoding="utf-8"))
    return totals


def read_books(folder: Path) -> list[Book]:
    """Return the rendered accounts of a folder, in order."""
    return [
        Book(
            account=Account(**account),
            path=folder / f"{number}.records",
            offsets=_mapped(folder / f"{number}.offsets", "Q"),
            created=_mapped(folder / f"{number}.created", "q"),
            sequences=_mapped(folder / f"{number}.sequences", "I"),
        )
        for number, account in enumerate(read_totals(folder)["accounts"])
    ]


def _mapped(path: Path, code: Literal["I", "Q", "q"]) -> "memoryview[int]":
    with path.open("rb") as file:
        is_empty = path.stat().st_size == 0  # an empty file can't be mapped
        data = b"" if is_empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return memoryview(data).cast(code)
