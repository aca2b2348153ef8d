"""What the process may use of the machine: cores, and the memory that its control groups allow."""

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")

_given: dict[str, int] = {}


def give_workers(count: int | None) -> None:
    """Set how many cores the process and its workers use; None: all that they may use."""
    _given.clear()
    if count is not None:
        _given["workers"] = count


def workers() -> int:
    """Return how many cores to use: what was given, or all that the process may use."""
    return _given.get("workers") or usable_cores()


def usable_cores() -> int:
    """Return how many cores the process may use: its affinity, and the quota of its control groups (version 1 or 2)."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([cores, *(ceil(share) for share in _shares())]))


def group_memory() -> int | None:
    """Return how many bytes the control groups of the process allow it; None if they set no limit."""
    limits = [
        int(text)
        for name in ("memory.max", "memory/memory.limit_in_bytes")
        for text in _values(name)
        if text.isdigit()
    ]
    return min(limits, default=None)


def _shares() -> Iterator[float]:
    """Yield the quota of each control group, in cores."""
    for text in _values("cpu.max"):
        quota, _, period = text.partition(" ")
        if quota.isdigit() and period.isdigit():
            yield int(quota) / int(period)
    for quota, period in zip(_values("cpu/cpu.cfs_quota_us"), _values("cpu/cpu.cfs_period_us"), strict=False):
        if quota.isdigit() and period.isdigit():  # -1: no quota
            yield int(quota) / int(period)


def _values(name: str) -> Iterator[str]:
    """Yield the content of a file of the process's control group and of all groups that contain it.

    name: of version 1 with its controller, such as `cpu/cpu.cfs_quota_us`.
    """
    controller, _, file = name.rpartition("/")
    for group in _groups(controller):
        try:
            yield (_GROUPS / controller / group / file).read_text("ascii").strip()
        except (OSError, ValueError):
            continue


def _groups(controller: str) -> list[Path]:
    """Return the control group of the process and those that contain it, relative to their root."""
    try:
        lines = _OWN_GROUPS.read_text("utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            own = Path(path.lstrip("/"))
            return [own, *own.parents]
    return [Path()]
