"""The disk fills up during a run: it says so in a sentence, the figures stay, and with room the next run is right."""

from pathlib import Path

import pytest

from tests.support.faults.full_disk import filled
from tests.support.faults.scene import quick_builds, scene

SIZES_KB = (16, 120, 300, 1_000, 6_000)


@pytest.mark.slow
def test_full_disk_is_reported_and_loses_nothing(tmp_path: Path) -> None:
    with quick_builds(), scene(tmp_path / "scene") as made_up:
        found = list(filled(made_up, tmp_path, SIZES_KB))
    if not found:
        pytest.skip("this user may not mount a file system")
    for each in found:
        assert each.said.code == 2, each
        assert "Make room on" in each.said.error, each
        assert each.is_left_right, each
        assert (each.again.code, each.is_right_with_room) == (0, True), each
