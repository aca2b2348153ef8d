from pathlib import Path

import pytest

from tests.benchmarks.flow.flow_cost import FlowCost, FlowLap, flow_cost, section


def lap(stages: float, after: float, cpu: float) -> FlowLap:
    return FlowLap(start=3.0, stages=stages, after=after, end=0.5, run_cpu=cpu, whole_cpu=cpu + 2)


def test_flow_cost_is_computed_per_round_without_the_start() -> None:
    measured = FlowCost(1000, 13.0)
    for stages in (10.0, 20.0, 40.0):  # the machine is busier from round to round
        measured.laps["plain"].append(lap(stages, 0.0, 8.0))
        measured.laps["running"].append(lap(stages, stages * 0.05, 8.4))
        measured.laps["temporary"].append(lap(stages * 1.1, stages * 0.02, 9.6))

    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section(measured).splitlines()
        if line.startswith("| a flow")
    ]
    assert [row[1:] for row in rows[2:]] == [
        ["+5.0%", "+5.0%, +5.0%, +5.0%", "+5.0%", "under 10%", "yes"],
        ["+12.0%", "+12.0%, +12.0%, +12.0%", "+20.0%", "under 10%", "no"],
    ]
    assert rows[0][1:] == ["21.00 (10.50 to 42.00)", "1.00", "8.40", "3.00", "0.50", "10.4"]
    assert "The plain runs themselves vary by 150% of their median" in section(measured)


@pytest.mark.slow
def test_flow_cost_of_every_way_matches_the_ledger(tmp_path: Path) -> None:
    measured = flow_cost(2_000, 1, 4, tmp_path, tmp_path, print)
    assert all(len(laps) == 1 for laps in measured.laps.values())
    assert measured.laps["temporary"][0].start > measured.laps["plain"][0].start
