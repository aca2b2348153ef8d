from pathlib import Path

import pytest

from tests.benchmarks.measure.child import ROOT
from tests.benchmarks.measure.environment import installed
from tests.benchmarks.outlook.outlook import DAYS_OF_MONTH, REQUIREMENTS, outlooks, section
from tests.support.sql.ledgers import OUTLOOK_SHAPES


@pytest.mark.slow
def test_outlook_section_has_every_kind_of_ledger() -> None:
    """With AutoETS only if statsforecast is already installed."""
    ets = installed("statsforecast", REQUIREMENTS, ROOT / "build") or "it is not installed"
    measured = outlooks(3, ets, print)
    assert measured.keys() == {"recspend"} | (set() if isinstance(ets, str) else {"AutoETS"})
    for qualities in measured.values():
        assert qualities.keys() == {(shape, day) for shape in OUTLOOK_SHAPES for day in DAYS_OF_MONTH}
        assert all(each.median_error <= each.worst_error for each in qualities.values())
        assert all(0 <= each.covered <= 1 and each.width > 0 for each in qualities.values())
    table = section(measured, 3, ets)
    assert table.count("| flat |") == len(measured)
    assert ("was not measured" in table) == isinstance(ets, str)


def test_requirements_of_statsforecast_are_locked() -> None:
    lines = Path(REQUIREMENTS).read_text("utf-8").splitlines()
    assert any(line.startswith("statsforecast==") for line in lines)
    assert all(
        "--hash=sha256:" in "".join(lines[number : number + 2])
        for number, line in enumerate(lines)
        if "==" in line
    )
