"""Measure forecasts of a month's spend on ledgers whose month is known: ours, and damped AutoETS of statsforecast."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import mean, median

from tests.benchmarks.measure.environment import Environment
from tests.benchmarks.measure.progress import Say
from tests.support.sql.ledgers import (
    FIRST_DAY,
    LAST_DAY,
    MONTH,
    OUTLOOK_SHAPES,
    Ledger,
    daily_spend,
    ledger,
    warehouse,
)

DAYS_OF_MONTH = (2, 8, 16, 24)
REQUIREMENTS = Path(__file__).with_name("statsforecast.txt")
_WORKER = Path(__file__).with_name("ets_worker.py")

Forecast = tuple[float, float, float]
"""The expected cost of the month, and the low and high end of its interval."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Error of the month in percent, how many intervals hold the result, and how wide they are, both as shares."""

    median_error: float
    worst_error: float
    covered: float
    width: float


def outlooks(seeds: int, ets: Environment | str, say: Say) -> dict[str, dict[tuple[str, int], Quality]]:
    """Return way → (shape, day of month) → quality, for ledgers of every shape."""
    # Other seeds than those of the tests.
    ledgers = {
        name: [ledger(shape, name, 1000 + seed) for seed in range(seeds)]
        for name, shape in OUTLOOK_SHAPES.items()
    }
    everything = [each for of_shape in ledgers.values() for each in of_shape]
    found: dict[str, dict[tuple[str, int], Quality]] = {}
    for day in DAYS_OF_MONTH:
        as_of = MONTH.replace(day=day)
        ways = {"recspend": ours(everything, as_of)}
        if isinstance(ets, Environment):
            ways["AutoETS"] = theirs(everything, as_of, ets)
        for way, forecasts in ways.items():
            for shape, of_shape in ledgers.items():
                found.setdefault(way, {})[shape, day] = _quality(of_shape, forecasts)
        say(f"outlook as of the {day}.: {len(everything):,} ledgers")
    return found


def ours(ledgers: Sequence[Ledger], as_of: date) -> dict[str, Forecast]:
    """Return the forecasts of marts.forecast by account."""
    with warehouse(daily_spend(ledgers, as_of), as_of, "forecast") as connection:
        rows = connection.execute(
            "select account_sid, expected_cost, low_cost, high_cost from marts.forecast where currency = 'USD'"
        ).fetchall()
    return {sid: (float(expected), float(low), float(high)) for sid, expected, low, high in rows}


def theirs(ledgers: Sequence[Ledger], as_of: date, ets: Environment) -> dict[str, Forecast]:
    """Return the forecasts of AutoETS from the same last 56 whole days, plus what the month cost before as_of."""
    first = max(FIRST_DAY, as_of - timedelta(days=56))
    history = [first + timedelta(days=number) for number in range((as_of - first).days)]
    days = (LAST_DAY - as_of).days + 1
    asked = {each.account_sid: ([float(each.cost(day, day)) for day in history], days) for each in ledgers}
    done = subprocess.run(
        [str(ets.python), str(_WORKER)], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    spent = {each.account_sid: float(each.cost(MONTH, as_of - timedelta(days=1))) for each in ledgers}
    answers: dict[str, list[float]] = json.loads(done.stdout)
    return {
        sid: (spent[sid] + expected, spent[sid] + low, spent[sid] + high)
        for sid, (expected, low, high) in answers.items()
    }


def _quality(ledgers: Sequence[Ledger], forecasts: Mapping[str, Forecast]) -> Quality:
    results = [(float(each.cost(MONTH, LAST_DAY)), forecasts[each.account_sid]) for each in ledgers]
    errors = [100 * abs(expected / cost - 1) for cost, (expected, _, _) in results]
    return Quality(
        median(errors),
        max(errors),
        mean(low <= cost <= high for cost, (_, low, high) in results),
        median((high - low) / cost for cost, (_, low, high) in results),
    )


def section(
    measured: Mapping[str, Mapping[tuple[str, int], Quality]], seeds: int, ets: Environment | str
) -> str:
    """Return the section: a table of every shape for each way."""
    lines = [
        "## Outlook",
        "",
        f"{seeds} generated ledgers of each kind. Error of the month's cost (median, worst); share of the results "
        "within the 90 % interval, and how wide it is in percent of the result (median).",
        "",
    ]
    if isinstance(ets, str):
        lines += [f"AutoETS was not measured: {ets}.", ""]
    for way, qualities in measured.items():
        version = ""
        if way == "AutoETS" and isinstance(ets, Environment):
            version = f" of statsforecast {ets.version}, damped"
        lines += [
            f"| {way}{version} | " + " | ".join(f"on the {day}." for day in DAYS_OF_MONTH) + " |",
            "|---|" + "---|" * len(DAYS_OF_MONTH),
        ]
        lines += [
            f"| {shape} | " + " | ".join(_cell(qualities[shape, day]) for day in DAYS_OF_MONTH) + " |"
            for shape in OUTLOOK_SHAPES
        ]
        lines += [f"| mean of the above | {' | '.join(_mean(qualities, day) for day in DAYS_OF_MONTH)} |", ""]
    return "\n".join(lines)


def _cell(quality: Quality) -> str:
    return (
        f"{quality.median_error:.1f} %, {quality.worst_error:.1f} %; "
        f"{100 * quality.covered:.0f} %, {100 * quality.width:.0f} %"
    )


def _mean(qualities: Mapping[tuple[str, int], Quality], day: int) -> str:
    of_day = [quality for (_, each), quality in qualities.items() if each == day]
    return _cell(
        Quality(
            mean(each.median_error for each in of_day),
            mean(each.worst_error for each in of_day),
            mean(each.covered for each in of_day),
            mean(each.width for each in of_day),
        )
    )
