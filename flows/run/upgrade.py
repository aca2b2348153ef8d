"""Upgrades: bring a data folder of an older recspend to the current format, from its own raw pages.

Only what is made from raw pages is rebuilt. Raw pages, statements, reference files, run records, the list of sent
notifications and the account states stay as they are, byte for byte.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from flows.normalize.normalize import normalize_account
from flows.stage import Progress, silent
from flows.stores.folder.data_format import FORMAT, read_format, refuse_newer, write_format
from flows.stores.folder.lock import one_writer
from flows.stores.lake.lake import Lake
from flows.stores.lake.usage_records import UsageRecords
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import DataError

logger = logging.getLogger(__name__)

UpgradeStep = Callable[[Path, Progress], bool]


@contextmanager
def held(data_dir: Path, progress: Progress = silent, seconds: float = 0) -> Iterator[bool]:
    """Hold the data folder for the block, as its only writer, upgraded to the current format.

    Yields whether the lake was rebuilt for that. Raises BusyError when another process still writes to the folder after
    this many seconds, ConfigError when a newer recspend wrote it, DataError when it cannot be upgraded.
    """
    with one_writer(data_dir, seconds):
        yield upgrade(data_dir, progress)


def upgrade(data_dir: Path, progress: Progress = silent) -> bool:
    """Upgrade a folder to the current format; the caller holds it. Returns whether the lake was rebuilt for that.

    If it is killed at any point, the next run repeats the step that was interrupted. Raises ConfigError when a newer
    recspend wrote the folder, DataError when it cannot be upgraded.
    """
    refuse_newer(data_dir)
    found = read_format(data_dir)
    if found is None and not (RawPages(data_dir).accounts() or Lake(data_dir).accounts()):
        write_format(data_dir, FORMAT)  # a new folder
        return False
    is_rebuilt = False
    for number in range(found.format if found else 1, FORMAT):
        logger.info("Upgrading %s from format %d to %d.", data_dir, number, number + 1)
        is_rebuilt |= STEPS[number](data_dir, progress)
        write_format(data_dir, number + 1)
    return is_rebuilt


def rebuild_outdated(data_dir: Path, progress: Progress) -> bool:
    """Rebuild the accounts whose tables do not have exactly the current columns. Returns whether there were any.

    Raises DataError when their raw pages are missing.
    """
    lake, usage = Lake(data_dir), UsageRecords(data_dir)
    # An account without a state: its rebuild was interrupted after the last table, before the state was written.
    interrupted = {sid for sid in lake.accounts() if lake.state(sid) is None}
    outdated = [
        sid
        for sid in sorted({*lake.accounts(), *usage.accounts()})
        if sid in interrupted or not (lake.is_current(sid) and usage.is_current(sid))
    ]
    for sid in outdated:
        logger.info("Rebuilding the lake of account %s from its raw pages.", sid)
        normalize_account(data_dir, sid, rebuild=True, progress=progress)
        if not (lake.is_current(sid) and usage.is_current(sid)):
            raise DataError(
                f"The lake of account {sid} was written by an older recspend, and the raw pages to rebuild it are "
                f"missing. Restore them, or delete its folder in {lake.folder} if you can lose its recordings."
            )
    return bool(outdated)


STEPS: Mapping[int, UpgradeStep] = {
    # Format 1 had no format.json; columns may have been added since its tables were written.
    1: rebuild_outdated,
    # Format 3 knows where audio is stored and whether it is encrypted, writes each sid in one spelling, and keeps what
    # was found absent or failed after its month was over.
    2: rebuild_outdated,
}
"""Step n upgrades a folder from format n to n + 1. It ends the same if it is repeated or was interrupted anywhere."""
