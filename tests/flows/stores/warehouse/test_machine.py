import os
from pathlib import Path

import pytest

from flows.stores.warehouse import machine
from flows.stores.warehouse.machine import give_workers, group_memory, workers

usable_cores = machine.usable_cores  # the fixture of all tests replaces it


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend to be in the control group /a/b of a machine with 16 cores."""
    own = tmp_path / "cgroup"
    own.write_text("9:name=systemd:/\n1:cpu,cpuacct:/a/b\n2:memory:/a/b\n0::/a/b\n")
    monkeypatch.setattr(machine, "_GROUPS", tmp_path)
    monkeypatch.setattr(machine, "_OWN_GROUPS", own)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    return tmp_path


def limit(groups: Path, file: str, text: str) -> None:
    path = groups / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def test_without_limits_all_cores_of_the_affinity_are_used(groups: Path) -> None:
    limit(groups, "a/b/cpu.max", "max 100000")
    limit(groups, "a/b/memory.max", "max")
    assert (usable_cores(), group_memory()) == (16, None)


@pytest.mark.parametrize(
    ("files", "cores", "memory"),
    [
        ({"a/b/cpu.max": "150000 100000", "a/b/memory.max": "1000"}, 2, 1000),
        ({"a/cpu.max": "50000 100000", "a/b/cpu.max": "400000 100000", "a/memory.max": "7"}, 1, 7),
        ({"cpu/a/b/cpu.cfs_quota_us": "300000", "cpu/a/b/cpu.cfs_period_us": "100000"}, 3, None),
        ({"cpu/a/b/cpu.cfs_quota_us": "-1", "cpu/a/b/cpu.cfs_period_us": "100000"}, 16, None),
        ({"memory/memory.limit_in_bytes": "5"}, 16, 5),
        ({"a/b/cpu.max": "nonsense", "a/b/memory.max": "\xff"}, 16, None),
    ],
)
def test_limits_of_all_groups_around_the_process_count(
    files: dict[str, str], cores: int, memory: int | None, groups: Path
) -> None:
    for file, text in files.items():
        limit(groups, file, text)
    assert (usable_cores(), group_memory()) == (cores, memory)


def test_machine_without_control_groups_has_its_cores(groups: Path) -> None:
    (groups / "cgroup").unlink()
    assert (usable_cores(), group_memory()) == (16, None)


def test_workers_are_those_given_or_all_cores() -> None:
    give_workers(5)
    assert workers() == 5
    give_workers(None)
    assert workers() == machine.usable_cores()
