"""What is counted next to a year of runs: by the server and from the ledger, never from what recspend planned."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from hashlib import sha256
from itertools import pairwise
from math import ceil

import pyarrow as pa

from flows.emulator import LivingLedger, LivingSource, Recording, RecordingState
from flows.emulator.http.messages import HttpRequest, Response
from tests.benchmarks.hourly.living_year import ACCOUNT
from tests.support.runs.living_runs import epoch_of, instant

LOOKBACK_DAYS = 3
DAILY_DAYS = 14
SETTLE_DAYS = 90
ROWS_PER_PAGE = 1000
_BETWEEN_RECORDINGS = b'},{"sid":'
_UNDER_WAY = frozenset({"in-progress", "processing", "paused"})
_DAY = timedelta(days=1)


@dataclass(slots=True)
class Received:
    """What the server sent: requests, bytes, those of different pages, these compressed, and different recordings.

    What is asked for with one row a page is counted as a request, but not as a page: nobody keeps it.
    """

    requests: int = 0
    sent: int = 0
    distinct: int = 0
    compressed: int = 0
    versions: int = 0
    _pages: set[bytes] = field(default_factory=set)
    _versions: set[bytes] = field(default_factory=set)

    def counting(self, source: LivingSource) -> LivingSource:
        """Return the same source, of which each response is counted."""

        def answer(request: HttpRequest) -> Response:
            response = source.answer(request)
            self.requests += 1
            if response.status == 200 and request.query.get("PageSize") != "1":
                self._add(b"".join(part for part in response.body if isinstance(part, bytes)))
            return response

        return replace(source, answer=answer)

    def counts(self) -> dict[str, int]:
        """Return the bytes so far, by what they are counted of."""
        return {name: getattr(self, name) for name in ("sent", "distinct", "compressed", "versions")}

    def _add(self, body: bytes) -> None:
        self.sent += len(body)
        digest = sha256(body).digest()
        if digest in self._pages:
            return
        self._pages.add(digest)
        self.distinct += len(body)
        self.compressed += len(pa.compress(body, codec="zstd", asbytes=True))
        for text in body.split(_BETWEEN_RECORDINGS):
            version = sha256(text).digest()[:12]
            if version not in self._versions:
                self._versions.add(version)
                self.versions += len(text)


@dataclass(frozen=True, slots=True)
class Asking:
    """How many requests one run takes that reads each day with an unsettled recording, and the newest days.

    by_day: each day by itself. together: neighbouring days in one list.
    """

    by_day: int
    together: int


def asking_each_run(ledger: LivingLedger) -> Asking:
    """Count what reading every day takes now that is young or has an unsettled recording by the ledger's own truth."""
    today = instant(ledger.now).date()
    oldest = epoch_of(today - (SETTLE_DAYS - 1) * _DAY)
    listed: dict[date, int] = {}
    to_read = {today - number * _DAY for number in range(LOOKBACK_DAYS)}
    for entry in ledger.books[ACCOUNT].listed_now():  # newest first
        if entry.recording.created_at < oldest:
            break
        day = _day(entry.recording)
        listed[day] = listed.get(day, 0) + 1
        if is_unsettled(entry.recording):
            to_read.add(day)
    days = sorted(to_read)
    return Asking(
        sum(_pages([day], listed) for day in days), sum(_pages(run, listed) for run in _neighbours(days))
    )


def overdue(ledger: LivingLedger) -> list[RecordingState]:
    """Return the recordings that were unsettled when they were sent last, and have changed so long ago that it had to
    be asked for since: a day's in each run for three days, then on the next day (UTC), then within a week.

    A recording that was never sent is overdue, too. One that was deleted cannot be asked for any more.
    """
    today = instant(ledger.now).date()
    return [state for state in ledger.recordings() if _is_overdue(state, today)]


def unknown(ledger: LivingLedger) -> int:
    """Count the recordings that have another price or status than when they were sent last."""
    return sum(
        state.listed is None or _facts(state.listed) != _facts(state.recording)
        for state in ledger.recordings()
    )


def is_unsettled(recording: Recording) -> bool:
    """Check whether a recording has no price and may get one, or is not done."""
    return recording.is_awaiting_price or recording.status in _UNDER_WAY


def _is_overdue(state: RecordingState, today: date) -> bool:
    recording, listed = state.recording, state.listed
    if listed is None:
        return True
    age = (today - _day(recording)).days
    is_asked_for = is_unsettled(listed) and state.deleted_at is None and age < SETTLE_DAYS
    if not is_asked_for or _facts(listed) == _facts(recording):
        return False
    since = (today - instant(recording.updated_at).date()).days
    return since >= (0 if age < LOOKBACK_DAYS else 1 if age < DAILY_DAYS else 7)


def _facts(recording: Recording) -> tuple[object, ...]:
    return recording.price, recording.status, recording.duration_seconds


def _pages(days: Iterable[date], listed: dict[date, int]) -> int:
    return max(1, ceil(sum(listed.get(day, 0) for day in days) / ROWS_PER_PAGE))


def _neighbours(days: Sequence[date]) -> list[list[date]]:
    groups = [[days[0]]]
    for before, day in pairwise(days):
        if day - before > _DAY:
            groups.append([])
        groups[-1].append(day)
    return groups


def _day(recording: Recording) -> date:
    return instant(recording.created_at).date()
