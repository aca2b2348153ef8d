"""Normalize accounts, in processes if there is enough to do: each account in one, or a large one with the help of all.

Accounts with next to nothing new wait for the disk most of the time, so a few of them do at once. What is written does
not depend on how many processes or threads there are.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType

from flows.normalize.normalize import normalize_account
from flows.normalize.parts import ReadLandings
from flows.normalize.processes import Processes
from flows.normalize.summary import NormalizeSummary
from flows.normalize.without_pandas import begin_arrow
from flows.stage import Progress, ProgressOfMany, Step, directly, silent, steps_of
from flows.stores.lake.lake import Lake
from flows.stores.raw.journal import START
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from flows.stores.warehouse.machine import workers
from transforms.errors import DataError
from transforms.pages.recordings import Listed, list_recordings

ROWS_LIKE_AN_ACCOUNT = 4_000
"""This many rows take as long as what an account with new landings takes besides its rows."""

ROWS_FOR_PROCESSES = 150_000
"""From this many rows on, processes save more time than it takes to start them."""

ROWS_FOR_HELP = 300_000
"""From this many rows on, an account by itself is worth processes that read its pages."""

_FEW_ROWS, _THREADS = 1_000, 8
"""Accounts with at most this many rows to read are brought up to date side by side, this many of them at once."""

_ROWS_AHEAD = 50_000
"""How many rows are read before they are folded, for each process. They are in memory."""


def normalize_accounts(
    data_dir: Path,
    names: Mapping[str, str],
    *,
    rebuild: bool = False,
    step: Step = directly,
    progress: Progress = silent,
    wait_seconds: Mapping[str, float] = MappingProxyType({}),
) -> NormalizeSummary:
    """Bring the lake of each account (sid → name) up to date, and add up what that did, in this order.

    wait_seconds: by sid, how long to wait for another process that has the account; for others not at all.

    Raises as `normalize_account`. Accounts that are under way then stay as they were.
    """
    begin_arrow()
    rows = {sid: found for sid in names if (found := _pending_rows(data_dir, sid, rebuild=rebuild))}
    large, small = _for_processes(rows)
    others = [sid for sid in names if sid not in large]
    shown = ProgressOfMany("normalize", len(names), progress)
    begun: dict[str, Future[NormalizeSummary]] = {}
    done: dict[str, NormalizeSummary] = {}

    def piece(sid: str) -> partial[NormalizeSummary]:
        return partial(normalize_account, data_dir, sid, names[sid], rebuild=rebuild)

    def normalize(sid: str, read: ReadLandings | None = None) -> None:
        done[sid] = begun[sid].result() if sid in begun else piece(sid)(progress=shown.account, read=read)
        shown.one_more()

    def normalize_all(places: range) -> None:
        of_step = [others[place] for place in places]
        quick = [sid for sid in of_step if sid in begun or rows.get(sid, 0) <= _FEW_ROWS]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="normalize") as threads:
            # Each thread has a copy of the context: by it Prefect finds the run that a log line belongs to.
            waiting = [threads.submit(copy_context().run, normalize, sid) for sid in quick]
            for each in waiting:
                each.result()
        for sid in of_step:
            if sid not in done:
                normalize(sid)

    def normalize_later(sid: str) -> None:
        done[sid] = piece(sid)(progress=shown.account, wait_seconds=wait_seconds[sid])

    with Processes(workers()) as processes:
        read_ahead = partial(_read_ahead, data_dir, processes)
        for sid in large:
            step(f"normalize {names[sid]}", partial(normalize, sid, read_ahead))
        for sid in small:
            begun[sid] = processes.submit(piece(sid), shown.account)
        for name, places in steps_of("normalize", [names[sid] for sid in others]):
            step(name, partial(normalize_all, places))
    # Nothing else waits for these, and Ctrl-C ends the wait.
    for sid in [sid for sid in names if done[sid].busy and sid in wait_seconds]:
        step(f"normalize {names[sid]}", partial(normalize_later, sid))
    return sum((done[sid] for sid in names), NormalizeSummary())


def _for_processes(rows: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """Return the accounts that are worth the help of all processes, and those that are worth one each.

    rows: that each account has to read, if any. The latter begin with the one that takes longest.
    """
    work = {sid: found + ROWS_LIKE_AN_ACCOUNT for sid, found in rows.items()}
    if sum(work.values()) < ROWS_FOR_PROCESSES or workers() == 1:
        return [], []
    fair_share = sum(work.values()) // workers()
    large = [sid for sid in work if work[sid] > fair_share and work[sid] >= ROWS_FOR_HELP]
    small = sorted(work.keys() - set(large), key=lambda sid: (-work[sid], sid))
    return large, small if len(small) > 1 else []


def _pending_rows(data_dir: Path, account_sid: str, *, rebuild: bool) -> int:
    """Count the rows of the landings that are not in the lake."""
    commit = None if rebuild else Lake(data_dir).commit(account_sid)
    try:
        pending = RawPages(data_dir).journal(account_sid).since(commit.position if commit else START)
        return sum(manifest.rows for manifest in pending)
    except DataError:
        return 0  # normalizing the account says what is damaged


def _read_ahead(data_dir: Path, processes: Processes, landings: Sequence[Landing]) -> Iterator[Listed]:
    """Read landings in processes, some of them before they are asked for."""
    raw, most = RawPages(data_dir), workers() * _ROWS_AHEAD
    rows = {landing: raw.manifest(landing).rows for landing in landings}
    waiting = deque(landings)
    reading: deque[tuple[Landing, Future[Listed]]] = deque()
    while waiting or reading:
        while waiting and sum(rows[landing] for landing, _ in reading) < most:
            landing = waiting.popleft()
            reading.append((landing, processes.submit(partial(_read, data_dir, landing))))
        yield reading.popleft()[1].result()


def _read(data_dir: Path, landing: Landing, *, progress: Progress) -> Listed:
    return list_recordings(_raw(data_dir).pages(landing), landing.account_sid, landing.window)


@lru_cache(maxsize=1)
def _raw(data_dir: Path) -> RawPages:
    """Keep what was read of the journal for the landings that follow."""
    return RawPages(data_dir)
