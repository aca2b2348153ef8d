"""Normalize: turn landed raw pages into the lake, one month of one account at a time."""

import logging
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from flows.normalize.generation import AppliedGeneration, apply_generation
from flows.normalize.usage import normalize_usage
from flows.stage import Progress, silent
from flows.stores.lake.lake import Lake
from flows.stores.lake.state import LakeState
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import DataError
from transforms.normalize.versions import generations
from transforms.pages.oddities import Oddities

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NormalizeSummary:
    """What normalizing did: rows read from pages, and recordings that are new, changed or deleted since the last time.

    rejected: rows that are rejects now, including old ones. oddities: this time only.
    """

    rows: int = 0
    new: int = 0
    changed: int = 0
    deleted: int = 0
    rejected: int = 0
    oddities: Oddities = field(default_factory=Oddities)

    def __add__(self, other: "NormalizeSummary") -> "NormalizeSummary":
        """Add up two summaries."""
        return NormalizeSummary(
            self.rows + other.rows,
            self.new + other.new,
            self.changed + other.changed,
            self.deleted + other.deleted,
            self.rejected + other.rejected,
            self.oddities + other.oddities,
        )


def normalize_account(
    data_dir: Path, account_sid: str, name: str = "", *, rebuild: bool = False, progress: Progress = silent
) -> NormalizeSummary:
    """Bring an account's lake up to date with all its landings.

    name: what progress calls the account. rebuild: build it from scratch, from the raw pages alone.

    Raises DataError when a raw page is not what was received, and when rebuilding would lose recordings.
    """
    raw, lake = RawPages(data_dir), Lake(data_dir)
    report = partial(progress, f"normalize {name or account_sid}")
    landings = raw.readable(account_sid)
    state = None if rebuild else lake.state(account_sid)
    pending = _pending(landings, state)
    if pending:  # what is in the lake becomes part of what is written now
        state = lake.state(account_sid, thoroughly=True)
    if state is None and not rebuild and lake.recorded_state(account_sid) is not None:
        logger.warning(
            "The lake of account %s is not as it was written; rebuilding it from raw pages.", account_sid
        )
    if state is not None and pending is not None:
        summary = _apply_all(raw, lake, account_sid, state, pending, report)
    elif landings:
        _refuse_to_lose(lake, account_sid, landings)
        summary = _build(raw, lake, account_sid, landings, report)
    else:
        summary = NormalizeSummary()
    usage_oddities = normalize_usage(data_dir, account_sid, rebuild=rebuild)
    rejected = lake.rejects.read(account_sid).num_rows
    return summary + NormalizeSummary(rejected=rejected, oddities=usage_oddities)


def _pending(landings: Sequence[Landing], state: LakeState | None) -> list[Landing] | None:
    """Return the landings to apply on top of the state; None when one of them belongs before an applied one."""
    if state is None:
        return None
    applied = {applied.landing for applied in state.applied}
    pending = [landing for landing in landings if landing.name not in applied]
    latest = max((landing.fetched_at for landing in landings if landing.name in applied), default=None)
    in_order = latest is None or all(landing.fetched_at > latest for landing in pending)
    return pending if in_order else None


def _refuse_to_lose(lake: Lake, account_sid: str, landings: Sequence[Landing]) -> None:
    state = lake.recorded_state(account_sid)
    present = {landing.name for landing in landings}
    missing = [applied for applied in state.applied if applied.landing not in present] if state else []
    if missing:
        raise DataError(
            f"Account {account_sid} cannot be rebuilt: {len(missing)} of the landings it was built from are missing, "
            f"such as {missing[0].landing}. Restore them, or delete {lake.folder} if you can lose what they listed."
        )


def _build(
    raw: RawPages, lake: Lake, account_sid: str, landings: list[Landing], report: Callable[[int, int], None]
) -> NormalizeSummary:
    """Build an account from its raw pages in a separate folder, then move it into the lake month by month."""
    rebuild_folder = lake.folder.with_name(".rebuild")
    shutil.rmtree(rebuild_folder, ignore_errors=True)
    built = Lake(rebuild_folder)
    before = lake.rows(account_sid)
    summary = _apply_all(raw, built, account_sid, LakeState(), landings, report)
    lake.adopt(account_sid, built)
    shutil.rmtree(rebuild_folder)
    return replace(summary, new=lake.rows(account_sid) - before)


def _apply_all(
    raw: RawPages,
    lake: Lake,
    account_sid: str,
    state: LakeState,
    landings: list[Landing],
    report: Callable[[int, int], None],
) -> NormalizeSummary:
    summary = NormalizeSummary()
    by_name = {landing.name: landing for landing in landings}
    done = 0
    steps = deque(generations(landing.fetch for landing in landings))
    while steps:
        step = steps.popleft()
        is_redone = state.months is None
        lake.begin(account_sid, state)
        applied = apply_generation(
            raw, lake, account_sid, [by_name[fetch.landing] for fetch in step], is_redone=is_redone
        )
        if applied is None:
            steps.extendleft([fetch] for fetch in reversed(step))
            continue
        state.applied += applied.landings
        lake.finish(account_sid, state)
        summary += _counted(applied)
        done += len(step)
        report(done, len(landings))
    if state.months is None:
        lake.finish(account_sid, state)
    return summary


def _counted(applied: AppliedGeneration) -> NormalizeSummary:
    oddities = Oddities()
    for landing in applied.landings:
        for each in landing.oddities:
            oddities.add(each.kind, each.value, each.rows, sid=each.sid, text=each.text)
    rows = sum(landing.rows for landing in applied.landings)
    return NormalizeSummary(rows, applied.new, applied.changed, applied.deleted, oddities=oddities)
