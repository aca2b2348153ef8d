"""Upgrades: bring a data folder of an older recspend to the current format, from its own raw pages.

Raw pages are moved, records of runs are put together, and what is made from raw pages is rebuilt. Statements, reference
files, the list of sent notifications and the account states stay as they are, byte for byte.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flows.normalize.normalize import normalize_account
from flows.stage import Progress, silent
from flows.stores.folder.data_format import FORMAT, is_current, read_format, refuse_newer, write_format
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.runs import Runs
from flows.stores.lake.lake import Lake
from flows.stores.lake.usage_records import UsageRecords, raw_usage
from flows.stores.raw.older_layout import bring_into_layout
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import DataError

logger = logging.getLogger(__name__)

UpgradeStep = Callable[[Path, Progress], bool]


@dataclass(frozen=True, slots=True)
class Held:
    """The data folder while this process works in it.

    since: the instant it began (UTC); no other process at work has the same. is_rebuilt: whether the lake was rebuilt
    to upgrade the folder.
    """

    since: datetime
    is_rebuilt: bool


@contextmanager
def held(data_dir: Path, progress: Progress = silent, seconds: float = 0) -> Iterator[Held]:
    """Work in the data folder for the block, next to others, after it was upgraded to the current format.

    Raises BusyError when another process still has the folder alone after this many seconds, or others are at work in
    it and it must be upgraded first; ConfigError when a newer recspend wrote it, DataError when it cannot be upgraded.
    """
    locks, is_rebuilt = DataLocks(data_dir), False
    while True:
        with locks.shared(seconds):
            if _is_new(data_dir):
                with locks.briefly("format"):  # runs that begin a folder at once do not find it busy
                    upgrade(data_dir)
            if is_current(data_dir):
                with locks.at_work_here() as since:
                    yield Held(since, is_rebuilt)
                return
        # A lock cannot be exchanged for a stronger one: two processes that try would wait for each other.
        with locks.alone(seconds):
            is_rebuilt |= upgrade(data_dir, progress)


@contextmanager
def held_alone(data_dir: Path) -> Iterator[None]:
    """Have the data folder for the block without any other process, upgraded to the current format.

    Raises BusyError when another process is at work in it, and otherwise as `held`.
    """
    with DataLocks(data_dir).alone():
        upgrade(data_dir)
        yield


def upgrade(data_dir: Path, progress: Progress = silent) -> bool:
    """Upgrade a folder to the current format; the caller has it alone. Returns whether the lake was rebuilt for that.

    If it is killed at any point, the next run repeats all steps. It says that the lake was rebuilt: the killed one may
    have done that. Raises ConfigError when a newer recspend wrote the folder, DataError when it cannot be upgraded.
    """
    refuse_newer(data_dir)
    found = read_format(data_dir)
    before = 1 if found is None else found.upgraded_from or found.format
    was_interrupted = found is not None and found.upgraded_from is not None
    if _is_new(data_dir):
        write_format(data_dir)
        return False
    if before == FORMAT:
        return False
    logger.info("Upgrading %s from format %d to %d.", data_dir, before, FORMAT)
    write_format(data_dir, upgraded_from=before)  # an older recspend refuses the folder from here on
    is_rebuilt = [step(data_dir, progress) for step in STEPS]
    write_format(data_dir)
    return any(is_rebuilt) or was_interrupted


def _is_new(data_dir: Path) -> bool:
    """Check whether nobody has written to a folder yet."""
    return read_format(data_dir) is None and not (
        RawPages(data_dir).accounts() or Lake(data_dir).accounts() or _accounts_before(data_dir)
    )


def raw_pages_by_content(data_dir: Path, progress: Progress) -> bool:
    """Bring the raw pages of formats 1 to 3 into the current layout, byte for byte."""
    for root in (RawPages(data_dir).folder, raw_usage(data_dir).folder):
        bring_into_layout(root)
    return False


def rebuild_outdated(data_dir: Path, progress: Progress) -> bool:
    """Rebuild the accounts whose tables are not in the current layout with the current columns.

    Returns whether there were any. Raises DataError when their raw pages are missing.
    """
    lake, usage, older = Lake(data_dir), UsageRecords(data_dir), _accounts_before(data_dir)
    outdated = [
        sid
        for sid in sorted({*lake.accounts(), *usage.accounts(), *older})
        if not (_is_current(lake, sid, is_needed=sid in older) and usage.is_current(sid))
    ]
    for sid in outdated:
        logger.info("Rebuilding the lake of account %s from its raw pages.", sid)
        normalize_account(data_dir, sid, rebuild=True, progress=progress)
        if not (_is_current(lake, sid, is_needed=sid in older) and usage.is_current(sid)):
            raise DataError(
                f"The lake of account {sid} was written by an older recspend, and the raw pages to rebuild it are "
                f"missing. Restore them, or delete its folder in {data_dir / 'recordings'} if you can lose its "
                "recordings."
            )
    for sid in set(lake.accounts()) - set(outdated):
        # An upgrade that was killed may have rebuilt the account, and not shown its files.
        if commit := lake.commit(sid):
            lake.show(sid, commit)
    for sid in older:
        for name in _BESIDE_MONTHS:
            (data_dir / "recordings" / f"account_sid={sid}" / name).unlink(missing_ok=True)
    return bool(outdated)


_BESIDE_MONTHS = ("_landings.json", "_files.json")
"""What was next to the months of an account before there was a commit."""


def _accounts_before(data_dir: Path) -> set[str]:
    folders = (data_dir / "recordings").glob("account_sid=*")
    return {folder.name.partition("=")[2] for folder in folders}


def _is_current(lake: Lake, account_sid: str, *, is_needed: bool) -> bool:
    if not is_needed and not lake.account(account_sid).exists():
        return True
    return lake.state(account_sid) is not None


def run_records_by_month(data_dir: Path, progress: Progress) -> bool:
    """Put the records of runs, which had a file each, into a file for each month."""
    Runs(data_dir).fold()
    return False


STEPS: Sequence[UpgradeStep] = (
    # Formats 1 to 3 had a file for each run.
    run_records_by_month,
    # Formats 1 to 3 had a folder for each landing.
    raw_pages_by_content,
    # Formats 1 to 3 had no commit of an account's lake, and the first two lacked columns.
    rebuild_outdated,
)
"""What brings a folder of any older format to this one. Each ends the same if it is repeated or was interrupted."""
