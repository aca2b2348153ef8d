"""Upgrades: a data folder that an older recspend left is brought to today's format, out of its own raw pages.

Only what is made of raw pages is made anew. Raw pages, statements, reference files, records of runs, what was told and
what is known of accounts stay as they are, byte for byte.
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
def held(data_dir: Path, progress: Progress = silent) -> Iterator[bool]:
    """Hold the data folder for the block, as its one writer and in today's format; gives whether the lake was rebuilt.

    Raises ConfigError when another process writes to it or a newer recspend did, DataError when it cannot be upgraded.
    """
    with one_writer(data_dir):
        yield upgrade(data_dir, progress)


def upgrade(data_dir: Path, progress: Progress = silent) -> bool:
    """Bring a folder to today's format, for who holds it; whether the lake was rebuilt for that.

    Killed anywhere, the next run goes on with the step that was under way. Raises as `held` does.
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
    """Build the accounts anew whose tables lack a column of today, or have another one; whether there were any.

    Raises DataError when their raw pages are gone.
    """
    lake, usage = Lake(data_dir), UsageRecords(data_dir)
    # Without a state, building anew was broken off after the last file and before it was known what they hold.
    interrupted = {sid for sid in lake.accounts() if lake.state(sid) is None}
    outdated = [
        sid
        for sid in sorted({*lake.accounts(), *usage.accounts()})
        if sid in interrupted or not (lake.is_current(sid) and usage.is_current(sid))
    ]
    for sid in outdated:
        logger.info("Building the lake of account %s anew from its raw pages.", sid)
        normalize_account(data_dir, sid, rebuild=True, progress=progress)
        if not (lake.is_current(sid) and usage.is_current(sid)):
            raise DataError(
                f"The lake of account {sid} was written by an older recspend, and the raw pages to build it anew are "
                f"gone. Restore them, or delete what is of that account in {lake.folder} if its recordings may go."
            )
    return bool(outdated)


STEPS: Mapping[int, UpgradeStep] = {
    # There was no format.json before; columns may have been added to the tables since they were written.
    1: rebuild_outdated,
}
"""Step n takes a folder of format n to n + 1. Done twice or broken off anywhere, it ends the same."""
