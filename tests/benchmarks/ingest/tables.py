"""How long recordings take from the API to Parquet as markdown: three sections."""

from collections.abc import Sequence
from statistics import median

from tests.benchmarks.ingest.dlt_environment import DltEnvironment
from tests.benchmarks.ingest.entrants import Result
from tests.benchmarks.ingest.nothing_new import NothingNew
from tests.benchmarks.ingest.races import Raced

GOAL_OVER_SCRIPT = 6.0
GOAL_OF_IDEAL = 0.75
GOAL_SECONDS = 2.0
_COMMON = (
    "The emulator runs in a process of its own on the same machine, the same one for all. Wall seconds are those of "
    "whole commands, from start to exit. The start, that of the same commands with nothing to do, is part of them and "
    "stands beside them. Pages have up to 1,000 recordings. Ours keeps all pages, and ends, as does the script, with "
    "typed Parquet and the ledger's exact cost; "
)


def without_latency_section(raced: Raced) -> str:
    """Recordings per second when the API answers at once."""
    return "\n".join(
        [
            "## From the API to Parquet, no latency",
            "",
            f"{raced.recordings:,} recordings of one account. {_COMMON}{_about_dlt(raced)}",
            "",
            *_rows(raced),
            "",
            *_ratios(raced, None),
            "",
            _parts(raced),
            "",
        ]
    )


def with_latency_section(raced: Raced) -> str:
    """Recordings per second when the API takes its time, and how much of that time is unavoidable."""
    lanes = raced.conditions.lanes
    lines = [
        f"## From the API to Parquet, {raced.latency_ms} ms a page",
        "",
        f"One month of {raced.recordings:,} recordings of one account. {_COMMON}{_about_dlt(raced)}",
        "",
        *_rows(raced),
        "",
        *_ratios(raced, GOAL_OVER_SCRIPT),
        "",
        _parts(raced),
        "",
        f"The ideal is {raced.pages} pages of {raced.latency_ms} ms, {lanes} at a time: "
        f"{raced.ideal_seconds:.2f} s: no page asked twice, no request ever short of work, nothing else to do.",
        "",
        "| share of the ideal | s | share | goal | reached |",
        "|---|--:|--:|--:|---|",
    ]
    ours = raced.results["ours"]
    seconds = ours.median(lambda lap: lap.parts["ingest"])
    behind_start = seconds - ours.entrant.start_seconds / 2
    share = raced.ideal_seconds / seconds
    lines += [
        f"| `recspend ingest`, the whole command | {seconds:.2f} | {share:.0%} | at least {GOAL_OF_IDEAL:.0%} "
        f"| {_yes(share >= GOAL_OF_IDEAL)} |",
        f"| `recspend ingest`, less its start | {behind_start:.2f} | {raced.ideal_seconds / behind_start:.0%} | | |",
        "",
    ]
    return "\n".join(lines)


def nothing_new_section(measured: Sequence[NothingNew]) -> str:
    """What a run costs when there is nothing new."""
    first = measured[0]
    return "\n".join(
        [
            "## A run with nothing new",
            "",
            f"`recspend run` over {first.stored:,} stored recordings of one account, all done and priced, when the API "
            f"has no others; medians of {len(first.rounds)}. Requests are the emulator's count and the run's own, "
            f"which agree. A bare start is `{first.start}`. The first run, which reads everything, stands beside it.",
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


def _about_dlt(raced: Raced) -> str:
    if not isinstance(raced.conditions.dlt, DltEnvironment):
        return f"dlt is not compared: {raced.conditions.dlt}."
    fewer = ""
    if raced.results["dlt"].recordings < raced.recordings:
        fewer = " It reads the newest recordings only, because it is slow: compare rates."
    return (
        "dlt ends with a DuckDB table in which dates and prices are text as they came. It appends, has no hints of "
        f"types, normalizes on all cores, and does not phone home.{fewer}"
    )


def _rows(raced: Raced) -> list[str]:
    return [
        "| way | recordings | recordings/s | wall s | start s | CPU s | peak MB | rounds |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *(_row(result) for result in raced.results.values()),
    ]


def _row(result: Result) -> str:
    seconds = [lap.seconds for lap in result.laps]
    cpu_seconds = result.median(lambda lap: lap.cpu_seconds)
    return (
        f"| {result.entrant.words} | {result.recordings:,} | {result.rate:,.0f} "
        f"| {result.seconds:.2f} ({min(seconds):.2f} to {max(seconds):.2f}) | {result.entrant.start_seconds:.2f} "
        f"| {cpu_seconds:.2f} | {result.median(lambda lap: lap.peak_bytes) / 1e6:,.0f} | {len(seconds)} |"
    )


def _ratios(raced: Raced, goal: float | None) -> list[str]:
    lines = ["| ratio of rates | with starts | without | goal | reached |", "|---|--:|--:|--:|---|"]
    ours = raced.results["ours"]
    for name, other in raced.results.items():
        if name == "ours":
            continue
        ratio, without = ours.rate / other.rate, ours.rate_without_start / other.rate_without_start
        judged = f"at least {goal:.1f} | {_yes(ratio >= goal)}" if goal and name == "script" else "|"
        lines.append(f"| ours / {name} | {ratio:.1f} | {without:.1f} | {judged} |")
    return lines


def _parts(raced: Raced) -> str:
    ours = raced.results["ours"]
    parts = {name: ours.median(lambda lap, name=name: lap.parts[name]) for name in ours.laps[0].parts}  # type: ignore[misc]
    return (
        "Of ours, " + " and ".join(f"`{name}` takes {seconds:.2f} s" for name, seconds in parts.items()) + "."
    )


def _nothing_new_row(measured: NothingNew) -> str:
    rounds = measured.rounds
    days = ", ".join(f"{days} {reason}" for reason, days in measured.reasons.items())
    seconds = [again.seconds for again in rounds]
    reached = measured.seconds_above_start < GOAL_SECONDS and measured.reads_look_back_days_only
    return (
        f"| {measured.last_day} | {measured.first_run.seconds:.1f} | {days} "
        f"| {median(again.requests for again in rounds):g} | {median(again.rows for again in rounds):,.0f} "
        f"| {median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f}) | {measured.start_seconds:.2f} "
        f"| {measured.seconds_above_start:.2f} | {median(again.peak_bytes for again in rounds) / 1e6:,.0f} "
        f"| under {GOAL_SECONDS:.0f} s, look back only | {_yes(reached)} |"
    )


def _stages(measured: NothingNew) -> str:
    names = measured.rounds[0].stages
    parts = ", ".join(
        f"{name} {median(again.stages[name] for again in measured.rounds):.2f} s" for name in names
    )
    return f"Newest recording {measured.last_day}: {parts}."


def _yes(is_reached: bool) -> str:
    return "yes" if is_reached else "no"
