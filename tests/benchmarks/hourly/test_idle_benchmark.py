from pathlib import Path

import pytest

from tests.benchmarks.hourly.idle import idle, section


@pytest.mark.slow
def test_runs_with_nothing_new_are_measured(tmp_path: Path) -> None:
    measured = idle(500, 24, tmp_path, tmp_path, print)
    assert len(measured.seconds) == 24
    assert min(measured.seconds) > 0
    assert measured.requests >= 24
    assert "| 24 runs |" in section(measured)
