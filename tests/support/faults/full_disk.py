"""A run on a disk that is too small for it, which then gets room."""

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.faults.console import Said, recspend
from tests.support.faults.scene import FIRST, Scene
from tests.support.runs.living_runs import clock_of, ledger_facts, warehouse_facts

ROOM_KB = 64 * 1024


@dataclass(frozen=True)
class Filled:
    """A run with this much room: what it said, whether it left the figures right, and the next one with room."""

    free_kb: int
    said: Said
    is_left_right: bool
    again: Said
    is_right_with_room: bool


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[bool]:
    """Mount a file system of this size in memory for the block. Yields whether this user may."""
    place.mkdir(parents=True, exist_ok=True)
    if os.getuid() != 0 or not _mounts("-t", "tmpfs", "-o", f"size={kilobytes}k", "recspend", place):
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def resize(place: Path, kilobytes: int) -> None:
    """Give a mounted file system another size."""
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", place], check=True)


def _mounts(*arguments: str | Path) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


def filled(made_up: Scene, place: Path, free: Iterable[int]) -> Iterator[Filled]:
    """Do a run with each of these free sizes (KB), which fetches and builds everything again, then one with room.

    Yields nothing where no file system can be mounted.
    """
    clock, disk = clock_of(made_up.source.ledger), place / "disk"
    for kilobytes in free:
        with small_disk(disk, ROOM_KB) as is_mounted:
            if not is_mounted:
                return
            data_dir = made_up.copied(disk / "data")
            (data_dir / "warehouse.json").unlink()
            used = _used_kb(disk)
            environment = made_up.environment(data_dir)
            resize(disk, used + kilobytes)
            said = recspend("run", "--from", str(FIRST), "--again", environment=environment, clock=clock)
            is_left_right = _is_right(made_up, data_dir)
            resize(disk, ROOM_KB)
            again = recspend("run", environment=environment, clock=clock)
            is_right = not again.error and _is_right(made_up, data_dir)
            yield Filled(kilobytes, said, is_left_right, again, is_right)


def _is_right(made_up: Scene, data_dir: Path) -> bool:
    return warehouse_facts(data_dir) == ledger_facts(made_up.source.ledger)


def _used_kb(disk: Path) -> int:
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize // 1024
