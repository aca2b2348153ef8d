"""Check the data folder: whether it is writable, which process writes, and what was built in it."""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from flows.monitor.doctor.finding import Diagnosis
from flows.settings.settings import Settings
from flows.stores.folder.data_format import FORMAT, read_format
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.private_files import Readers, is_open_to_others
from flows.stores.warehouse.warehouse import warehouse_path

_MOST_ACCOUNTS = 10


def folder(settings: Settings) -> Iterator[Diagnosis]:
    """Check the folder and its format, the lock, the warehouse, and the file for Prometheus."""
    data_dir = settings.data_dir
    if not is_writable(data_dir):
        words = f"{nearest_folder(data_dir)} is not writable. Make it writable, or set RECSPEND_DATA_DIR."
        yield Diagnosis("data folder", "fail", words)
        return
    is_there = "" if data_dir.exists() else ", created by the first run"
    yield Diagnosis(
        "data folder", "ok", f"{data_dir.absolute()}{is_there}", {"path": str(data_dir.absolute())}
    )
    if data_dir.exists():
        yield _privacy(data_dir, settings.readable_by)
        yield _format(data_dir)
    yield _locks(DataLocks(data_dir))
    warehouse = warehouse_path(data_dir)
    if warehouse.exists():
        built = datetime.fromtimestamp(warehouse.stat().st_mtime, UTC).isoformat(timespec="seconds")
        yield Diagnosis("warehouse", "ok", f"{warehouse}, built {built}", {"built_at": built})
    else:
        yield Diagnosis("warehouse", "warn", "not built yet. Run `recspend run`.")
    metrics = data_dir / settings.metrics_file
    if is_writable(metrics.parent):
        yield Diagnosis("metrics file", "ok", f"{metrics}, for Prometheus, written by each run")
    else:
        words = f"{nearest_folder(metrics.parent)} is not writable. Make it writable, or set RECSPEND_METRICS_FILE."
        yield Diagnosis("metrics file", "warn", words)


def _locks(locks: DataLocks) -> Diagnosis:
    at_work = locks.at_work()
    if not at_work:
        return Diagnosis("lock", "ok", "no process is writing")
    words = [f"at work: {held}" for held in at_work]
    accounts = locks.accounts_at_work()
    words += [f"account {sid}: {held}" for sid, held in [*accounts.items()][:_MOST_ACCOUNTS]]
    if len(accounts) > _MOST_ACCOUNTS:
        words.append(f"{len(accounts) - _MOST_ACCOUNTS} other accounts")
    if builder := locks.warehouse_holder():
        words.append(f"tables: {builder}")
    return Diagnosis("lock", "warn", "; ".join(words), {"processes": [held.process for held in at_work]})


def _privacy(data_dir: Path, readers: Readers) -> Diagnosis:
    facts = {"mode": f"{stat.S_IMODE(data_dir.stat().st_mode):o}"}
    if is_open_to_others(data_dir, readers):
        allowed, others = (
            ("g+rX,g-w,o-rwx", "others") if readers == "group" else ("go-rwx", "its group or others")
        )
        words = (
            f"open to {others}, and holds who called whom. Run `chmod -R {allowed} {data_dir.absolute()}`."
        )
        return Diagnosis("privacy", "warn", words, facts)
    whom = "its owner and its group" if readers == "group" else "its owner"
    return Diagnosis("privacy", "ok", f"only {whom} may read the data folder", facts)


def _format(data_dir: Path) -> Diagnosis:
    found = read_format(data_dir)  # a newer or unreadable one already fails with the settings
    facts = {"format": found.format if found else None, "known": FORMAT}
    if found is None:
        return Diagnosis("format", "ok", f"not recorded yet; the next run writes format {FORMAT}", facts)
    words = f"{found.format}, of recspend {found.recspend}"
    if found.format < FORMAT:
        words += f"; the next run upgrades it to {FORMAT}, and requests nothing from the API again"
    return Diagnosis("format", "ok", words, facts)


def nearest_folder(path: Path) -> Path:
    """Return the folder itself, or its nearest parent that exists."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())


def is_writable(path: Path) -> bool:
    """Check whether a folder is writable or can be created."""
    return nearest_folder(path).is_dir() and os.access(nearest_folder(path), os.W_OK | os.X_OK)
