"""Normalize: turn landed raw pages into the lake, one month of one account at a time."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from msgspec import structs

from flows.normalize.dropped import refuse_dropped
from flows.normalize.generation import AppliedGeneration, apply_generation
from flows.normalize.outcome import outcome_of_repeat, pages_of, repeats_after, summed_up
from flows.normalize.parts import ReadLandings, read_one_by_one
from flows.normalize.summary import NormalizeSummary
from flows.normalize.usage import normalize_usage
from flows.stage import Progress, silent
from flows.stores.bucket.turns import account_turn
from flows.stores.lake.commit import Commit, Repeat
from flows.stores.lake.lake import Lake
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import BusyError, DamagedLakeError, DataError
from transforms.normalize.versions import generations
from transforms.pages.oddities import Oddities
from transforms.values.counts import counted
from transforms.values.covered import with_fetch

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Account:
    """An account, where it is kept, how its pages are read, and where progress is reported."""

    sid: str
    raw: RawPages
    lake: Lake
    read: ReadLandings
    report: Callable[[int, int], None]


def normalize_account(
    data_dir: Path,
    account_sid: str,
    name: str = "",
    *,
    rebuild: bool = False,
    progress: Progress = silent,
    read: ReadLandings | None = None,
    wait_seconds: float = 0,
) -> NormalizeSummary:
    """Bring an account's lake up to date with all its landings, at once: a killed run changes nothing.

    name: what progress calls the account. rebuild: build it from scratch, from the raw pages alone. read: reads its
    pages; None: one landing after another, when it is needed. wait_seconds: how long to wait for another process that
    has the account; its lake stays as it is then, if that one still has it.

    Raises DataError when a raw page is not what was received, and when rebuilding would lose recordings.
    """
    name, cure = name or account_sid, "What is not in its tables yet comes with that run or the next."
    try:
        with account_turn(data_dir, account_sid, name, cure, wait_seconds):
            return _normalized(data_dir, account_sid, name, rebuild=rebuild, progress=progress, read=read)
    except BusyError as error:
        return NormalizeSummary(busy={name: str(error)})


def _normalized(
    data_dir: Path,
    account_sid: str,
    name: str,
    *,
    rebuild: bool,
    progress: Progress,
    read: ReadLandings | None,
) -> NormalizeSummary:
    raw, lake = RawPages(data_dir), Lake(data_dir)
    report = partial(progress, f"normalize {name}")
    account = _Account(account_sid, raw, lake, read or partial(read_one_by_one, raw), report)
    state = None if rebuild else lake.state(account_sid)
    pending = None if state is None else raw.pending(account_sid, state.position, state.latest)
    if state is None and not rebuild and lake.account(account_sid).exists():
        logger.warning(
            "The lake of account %s is not as it was written; rebuilding it from raw pages.", account_sid
        )
    try:
        summary = _brought_up(account, state, pending)
    except DamagedLakeError as error:
        logger.warning("%s Rebuilding the lake of account %s from raw pages.", error, account_sid)
        summary = _brought_up(account, None, None)
    usage_oddities = normalize_usage(data_dir, account_sid, rebuild=rebuild)
    rejected = lake.rejects(account_sid).num_rows
    return summary + NormalizeSummary(rejected=rejected, oddities=usage_oddities)


def _brought_up(account: _Account, state: Commit | None, pending: list[Landing] | None) -> NormalizeSummary:
    """Apply what is pending to a state; without one, build the account from all of its landings."""
    raw, lake, sid = account.raw, account.lake, account.sid
    if state is not None and pending is not None:
        if not pending:
            lake.show(sid, state)
            return NormalizeSummary()
        return _applied(account, state, pending)
    refuse_dropped(raw, sid, lake.account(sid))
    landings, before = raw.readable(sid), lake.commit(sid)
    if before is not None:
        _refuse_to_lose(account, before, landings)
    if not landings:
        return NormalizeSummary()
    known = before.rows if before else 0
    summary = _applied(account, Commit(), landings, at_least=known)
    return replace(summary, new=lake.rows(sid) - known)


def _refuse_to_lose(account: _Account, before: Commit, landings: Sequence[Landing]) -> None:
    present = {landing.name for landing in landings}
    missing = [applied.landing for applied in before.recent if applied.landing not in present]
    number = max(len(missing), before.landings - len(present))
    if number > 0:
        example = f", such as {missing[0]}" if missing else ""
        journal, folder = account.raw.journal(account.sid), account.lake.account(account.sid)
        place = journal.folder if journal.has(before.position) else journal.path(before.position.month)
        raise DataError(
            f"Account {account.sid} cannot be rebuilt: {number} of the landings it was built from are missing"
            f"{example}. Restore {place} from a backup, or delete {folder} if you can lose what they listed."
        )


def _refuse_fewer(account: _Account, commit: Commit, at_least: int) -> None:
    """Refuse what pages list now, if that is fewer recordings than the lake was built from."""
    found = commit.rows + sum(file.rows for file in commit.tables.get("rejects", []))
    if found < at_least:
        folder = account.lake.account(account.sid)
        listed = counted(found, "recording", "recordings")
        raise DataError(
            f"Account {account.sid} cannot be rebuilt: its raw pages list {listed}, and {folder} has "
            f"{at_least:,}. Restore {account.raw.journal(account.sid).folder.parent} from a backup, or delete {folder} "
            "if you can lose the others."
        )


def _applied(
    account: _Account, commit: Commit, landings: list[Landing], at_least: int = 0
) -> NormalizeSummary:
    """Apply landings to what a commit has, generation by generation, and commit the result.

    Raises DataError, and commits nothing, if fewer recordings than `at_least` would be in the lake or its rejects.
    """
    raw, lake = account.raw, account.lake
    before, position = lake.commit(account.sid), raw.journal(account.sid).end()
    by_name = {landing.name: landing for landing in landings}
    summary, done = NormalizeSummary(), 0
    steps = deque(generations(landing.fetch for landing in landings))
    while steps:
        step = steps.popleft()
        of_step = [by_name[fetch.landing] for fetch in step]
        applied = _apply_step(account, commit, of_step)
        if applied is None:
            steps.extendleft([fetch] for fetch in reversed(step))
            continue
        commit = _with_landings(raw, applied, of_step)
        summary += _counted(applied)
        done += len(step)
        account.report(done, len(landings))
    _refuse_fewer(account, commit, at_least)
    recent, older = summed_up(commit.recent, commit.older, commit.covered)
    commit = structs.replace(commit, position=position, recent=recent, older=older)
    lake.replace(account.sid, commit)
    lake.tidy(account.sid, [before, commit])
    return summary


def _apply_step(account: _Account, commit: Commit, landings: list[Landing]) -> AppliedGeneration | None:
    """Apply one generation. Landings that list what the last fetch of their window listed are not read."""
    raw = account.raw
    repeats = {landing: repeat for landing in landings if (repeat := _repeat(raw, commit, landing, landings))}
    others = [landing for landing in landings if landing not in repeats]
    applied = AppliedGeneration(commit)
    if others:
        found = apply_generation(raw, account.read, account.lake, account.sid, commit, others)
        if found is None or (found.has_moved and len(landings) > 1):
            return None
        applied = found
    for landing, repeat in repeats.items():
        applied.landings[landing] = outcome_of_repeat(landing, raw.manifest(landing), repeat)
    return applied


def _repeat(raw: RawPages, commit: Commit, landing: Landing, step: list[Landing]) -> Repeat | None:
    """Return what happened to the last fetch of a landing's window, if it listed the same and none came in between."""
    if not landing.is_whole or any(
        other is not landing and other.window.overlaps(landing.window) for other in step
    ):
        return None
    window = landing.window
    known = [each for each in commit.repeats if (each.first, each.last) == (window.first, window.last)]
    return known[0] if known and known[0].pages == pages_of(raw.manifest(landing)) else None


def _with_landings(raw: RawPages, applied: AppliedGeneration, landings: list[Landing]) -> Commit:
    """Add what is known of the landings of a generation to its commit."""
    commit = applied.commit
    covered, repeats = commit.covered, commit.repeats
    for landing in landings:
        manifest = raw.manifest(landing)
        covered = with_fetch(covered, landing.fetch, len(manifest.pages))
        is_whole = landing.is_whole and landing not in applied.partial
        repeats = repeats_after(repeats, applied.landings[landing], manifest, is_whole=is_whole)
    return structs.replace(
        commit,
        landings=commit.landings + len(landings),
        latest=max(landing.fetched_at for landing in landings),
        covered=covered,
        recent=[*commit.recent, *(applied.landings[landing] for landing in landings)],
        repeats=[] if applied.has_moved else repeats,
    )


def _counted(applied: AppliedGeneration) -> NormalizeSummary:
    oddities = Oddities()
    for landing in applied.landings.values():
        for each in landing.oddities:
            oddities.add(each.kind, each.value, each.rows, sid=each.sid, text=each.text)
    rows = sum(landing.rows for landing in applied.landings.values())
    return NormalizeSummary(rows, applied.new, applied.changed, applied.deleted, oddities=oddities)
