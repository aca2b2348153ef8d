"""Format the ingest benchmarks as Markdown: three sections."""

from collections.abc import Sequence
from statistics import median

from tests.benchmarks.ingest.entrants import Result
from tests.benchmarks.ingest.nothing_new import NothingNew
from tests.benchmarks.ingest.races import FinishedRace
from tests.benchmarks.measure.environment import Environment

GOAL_OVER_SCRIPT = 6.0
GOAL_OF_IDEAL = 0.75
GOAL_SECONDS = 2.0
_COMMON = (
    "All ways read from the same emulator, which runs in its own process on the same machine. Wall seconds are those "
    "of whole commands, from start to exit. They include the start, which is also shown separately: the time of the "
    "same commands with nothing to do. Pages have up to 1,000 recordings. Ours keeps all pages. Both ours and the "
    "script write typed Parquet with the ledger's exact cost. "
)


def without_latency_section(race: FinishedRace) -> str:
    """Return the section on recordings per second without latency."""
    return "\n".join(
        [
            "## From the API to Parquet, no latency",
            "",
            f"{race.recordings:,} recordings of one account. {_COMMON}{_about_dlt(race)}",
            "",
            *_rows(race),
            "",
            *_ratios(race, None),
            "",
            _parts(race),
            "",
        ]
    )


def with_latency_section(race: FinishedRace) -> str:
    """Return the section on recordings per second with latency, and how much of the time is unavoidable."""
    concurrency = race.conditions.concurrency
    lines = [
        f"## From the API to Parquet, {race.latency_ms} ms per page",
        "",
        f"One month of {race.recordings:,} recordings of one account. {_COMMON}{_about_dlt(race)}",
        "",
        *_rows(race),
        "",
        *_ratios(race, GOAL_OVER_SCRIPT),
        "",
        _parts(race),
        "",
        f"The ideal is {race.pages} pages of {race.latency_ms} ms, {concurrency} at a time: "
        f"{race.ideal_seconds:.2f} s. It assumes that no page is requested twice and no worker is ever idle.",
        "",
        "| share of the ideal | s | share | goal | reached |",
        "|---|--:|--:|--:|---|",
    ]
    ours = race.results["ours"]
    seconds = ours.median(lambda lap: lap.parts["ingest"])
    without_start = seconds - ours.entrant.start_seconds / 2
    share = race.ideal_seconds / seconds
    lines += [
        f"| `recspend ingest`, the whole command | {seconds:.2f} | {share:.0%} | at least {GOAL_OF_IDEAL:.0%} "
        f"| {_yes(share >= GOAL_OF_IDEAL)} |",
        f"| `recspend ingest`, minus its start | {without_start:.2f} | {race.ideal_seconds / without_start:.0%} | | |",
        "",
    ]
    return "\n".join(lines)


def nothing_new_section(measured: Sequence[NothingNew]) -> str:
    """Return the section on a run with nothing new."""
    first = measured[0]
    return "\n".join(
        [
            "## A run with nothing new",
            "",
            f"`recspend run` over {first.stored:,} stored recordings of one account, all completed and priced, if the "
            f"API has no others; medians of {len(first.rounds)}. The emulator and the run itself count the same number "
            f"of requests. A bare start is `{first.start}`. The first run, which reads everything, is also shown.",
            "",
            "| newest recording | first run s | days read | requests | rows read | run s | bare start s | above it s "
            "| peak MB | goal | reached |",
            "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|---|",
            *(_nothing_new_row(each) for each in measured),
            "",
            *(_stages(each) for each in measured),
            "",
        ]
    )


def _about_dlt(race: FinishedRace) -> str:
    if not isinstance(race.conditions.dlt, Environment):
        return f"dlt is not compared: {race.conditions.dlt}."
    fewer = ""
    if race.results["dlt"].recordings < race.recordings:
        fewer = " It reads only the newest recordings, because it is slow: compare the rates."
    return (
        "dlt writes a DuckDB table in which dates and prices are the original text. It appends, has no type hints, "
        f"normalizes on all cores, and sends no telemetry.{fewer}"
    )


def _rows(race: FinishedRace) -> list[str]:
    return [
        "| way | recordings | recordings/s | wall s | start s | CPU s | peak MB | rounds |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *(_row(result) for result in race.results.values()),
    ]


def _row(result: Result) -> str:
    seconds = [lap.seconds for lap in result.laps]
    cpu_seconds = result.median(lambda lap: lap.cpu_seconds)
    return (
        f"| {result.entrant.words} | {result.recordings:,} | {result.rate:,.0f} "
        f"| {result.seconds:.2f} ({min(seconds):.2f} to {max(seconds):.2f}) | {result.entrant.start_seconds:.2f} "
        f"| {cpu_seconds:.2f} | {result.median(lambda lap: lap.peak_bytes) / 1e6:,.0f} | {len(seconds)} |"
    )


def _ratios(race: FinishedRace, goal: float | None) -> list[str]:
    lines = ["| ratio of rates | with starts | without | goal | reached |", "|---|--:|--:|--:|---|"]
    ours = race.results["ours"]
    for name, other in race.results.items():
        if name == "ours":
            continue
        ratio, without = ours.rate / other.rate, ours.rate_without_start / other.rate_without_start
        judged = f"at least {goal:.1f} | {_yes(ratio >= goal)}" if goal and name == "script" else "|"
        lines.append(f"| ours / {name} | {ratio:.1f} | {without:.1f} | {judged} |")
    return lines


def _parts(race: FinishedRace) -> str:
    ours = race.results["ours"]
    parts = {name: ours.median(lambda lap, name=name: lap.parts[name]) for name in ours.laps[0].parts}  # type: ignore[misc]
    return (
        "Of ours, " + " and ".join(f"`{name}` takes {seconds:.2f} s" for name, seconds in parts.items()) + "."
    )


def _nothing_new_row(measured: NothingNew) -> str:
    rounds = measured.rounds
    days = ", ".join(f"{days} {reason}" for reason, days in measured.reasons.items())
    seconds = [run.seconds for run in rounds]
    reached = measured.seconds_above_start < GOAL_SECONDS and measured.reads_look_back_days_only
    return (
        f"| {measured.last_day} | {measured.first_run.seconds:.1f} | {days} "
        f"| {median(run.requests for run in rounds):g} | {median(run.rows for run in rounds):,.0f} "
        f"| {median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f}) | {measured.start_seconds:.2f} "
        f"| {measured.seconds_above_start:.2f} | {median(run.peak_bytes for run in rounds) / 1e6:,.0f} "
        f"| under {GOAL_SECONDS:.0f} s, look back only | {_yes(reached)} |"
    )


def _stages(measured: NothingNew) -> str:
    names = measured.rounds[0].stages
    parts = ", ".join(f"{name} {median(run.stages[name] for run in measured.rounds):.2f} s" for name in names)
    return f"Newest recording {measured.last_day}: {parts}."


def _yes(is_reached: bool) -> str:
    return "yes" if is_reached else "no"
