"""Measure how long marts and reports take, compared with a single aggregation of the same columns and rows."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from flows.stores.shipped import shipped
from flows.stores.warehouse.sql_files import read_models
from tests.benchmarks.marts.generated import Rates
from tests.benchmarks.measure.child import work
from tests.benchmarks.measure.progress import Say

GOAL = 4.0
GOAL_BYTES = 2_000_000_000
MEMORY_MB = 512


@dataclass(frozen=True, slots=True)
class Built:
    """CPU seconds for `fct_recordings`, each mart built from it, one aggregation, each check and all reports.

    rates: which accounts have two rates. memory_mb: how much memory DuckDB was allowed. reports: None if they were not
    written. The peaks are bytes of the whole process: after models and checks, and at its end.
    """

    recordings: int
    accounts: int
    rates: Rates
    memory_mb: int
    fact: float
    marts: dict[str, float]
    one_aggregation: float
    checks: dict[str, float]
    reports: float | None
    peak_of_models: int
    peak_bytes: int

    @property
    def times_as_long(self) -> float:
        """The time of all marts divided by that of the one aggregation."""
        return sum(self.marts.values()) / self.one_aggregation


def build(
    recordings: int,
    work_dir: Path,
    say: Say,
    *,
    accounts: int = 10,
    rates: Rates = "one rate",
    memory_mb: int = MEMORY_MB,
    with_reports: bool = False,
) -> Built:
    """Build every mart over generated recordings, in its own process. Raises RuntimeError if it fails."""
    data_dir = work_dir / f"marts-{recordings}-{accounts}"
    data_dir.mkdir()
    given = [data_dir, recordings, accounts, rates, memory_mb, *(["reports"] if with_reports else [])]
    try:
        printed = work("marts.marts_worker", *given, failed="Building the marts failed")
    finally:
        shutil.rmtree(data_dir)
    built = Built(recordings, accounts, rates, memory_mb, **json.loads(printed))
    say(
        f"marts of {accounts:,} accounts ({rates}) and {recordings:,} recordings: "
        f"{built.times_as_long:.1f} times one aggregation"
    )
    return built


def section(measured: list[Built]) -> str:
    """Return the section with the table, slowest marts first."""
    largest = measured[-1]
    longest = sorted(largest.marts, key=lambda name: -largest.marts[name])
    heads = " | ".join(f"{built.recordings:,} recordings" for built in measured)
    rows = [("fct_recordings, by itself", [built.fact for built in measured])]
    rows += [(name, [built.marts[name] for built in measured]) for name in longest]
    rows += [("all marts", [sum(built.marts.values()) for built in measured])]
    rows += [("one aggregation", [built.one_aggregation for built in measured])]
    rows += [("all checks", [sum(built.checks.values()) for built in measured])]
    rows += [("all reports, with the page", [built.reports or 0 for built in measured])]
    peaks = ", ".join(f"{built.peak_bytes / 1e6:,.0f} MB" for built in measured)
    is_reached = largest.times_as_long <= GOAL and largest.peak_bytes <= GOAL_BYTES
    outcome = "reached" if is_reached else "not reached"
    return "\n".join(
        [
            "## Building the marts",
            "",
            "Generated recordings of ten accounts over three years, in one DuckDB file. The one aggregation groups by "
            "all dimensions of the marts and reads every column that they read; median of three. CPU seconds.",
            "",
            f"| table | {heads} |",
            "|---|" + "--:|" * len(measured),
            *(
                f"| {name} | " + " | ".join(f"{seconds:.3f}" for seconds in each) + " |"
                for name, each in rows
            ),
            "",
            f"All marts take {largest.times_as_long:.1f} times as long as the one aggregation "
            f"(goal: at most {GOAL:.0f}), with a peak memory of {peaks} (goal: at most 2 GB): {outcome}.",
            "",
            f"Writing all reports reads only marts and takes {largest.reports or 0:.1f} CPU s, "
            f"{(largest.reports or 0) / largest.one_aggregation:.1f} times that aggregation of all recordings.",
            "",
        ]
    )


def accounts_section(measured: list[Built]) -> str:
    """Return the section with a row for each ledger, and the seconds of each group of marts of the last."""
    a_day = measured[-1].recordings / measured[-1].accounts / (3 * 365)
    rows = [
        f"| {built.accounts:,} | {built.rates} | {built.recordings:,} | {built.fact:.1f} "
        f"| {sum(built.marts.values()):.1f} | {_longest(built.marts)} | {sum(built.checks.values()):.1f} "
        f"| {_longest(built.checks)} | {built.peak_of_models / 1e6:,.0f} |"
        for built in measured
    ]
    largest = [built for built in measured if built.accounts == measured[-1].accounts]
    groups = [_by_room(built.marts) for built in largest]
    return "\n".join(
        [
            "## Building the marts of many accounts",
            "",
            f"Generated recordings over three years, {a_day:.1f} a day and account, in CPU seconds. A fifth of the "
            "accounts pay less at night or on weekends; or all have two rates on every day, for each source and "
            f"channels. DuckDB may use {MEMORY_MB} MB; the peak is that of the whole process, with Python and its "
            "libraries.",
            "",
            "| accounts | with two rates | recordings | fct_recordings | all marts | slowest mart | all checks "
            "| slowest check | peak, MB |",
            "|--:|---|--:|--:|--:|---|--:|---|--:|",
            *rows,
            "",
            f"By room, for {measured[-1].accounts:,} accounts:",
            "",
            "| marts | " + " | ".join(f"two rates: {built.rates}" for built in largest) + " |",
            "|---|" + "--:|" * len(largest),
            *(
                f"| {room} | " + " | ".join(f"{each[room]:.1f}" for each in groups) + " |"
                for room in sorted(groups[-1], key=lambda room: -groups[-1][room])
            ),
            "",
        ]
    )


def _longest(seconds: dict[str, float]) -> str:
    name = max(seconds, key=lambda each: seconds[each])
    return f"{name.removeprefix('marts.')} {seconds[name]:.1f}"


def _by_room(seconds: dict[str, float]) -> dict[str, float]:
    """Return the seconds by the folder of the model's SQL; those of staging together."""
    rooms: dict[str, float] = {}
    for model in read_models(shipped("sql")):
        room = "staging" if model.name.startswith("staging.") else Path(model.file).parent.name
        rooms[room] = rooms.get(room, 0) + seconds.get(model.name, 0)
    return rooms
