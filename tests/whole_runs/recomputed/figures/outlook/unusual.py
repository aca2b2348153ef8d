"""What is usual for a day, and the days that are not."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from math import sqrt
from statistics import median
from typing import Any, NamedTuple

from tests.whole_runs.recomputed.comparison import Close
from tests.whole_runs.recomputed.figures.estimates import account_days, expected_daily_spend
from tests.whole_runs.recomputed.figures.spend import grouped
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import Row, next_month

_SERIES = ("account_sid", "currency", "measure")
_KEPT = ("usage_date", *_SERIES, "account_name")
_DEVIATION = 1.4826
"""A median distance times this is a standard deviation."""
_ALTERNATES = 0.12
"""More days than this share that have spend after one without, or the other way round: the two alternate."""
_DAYS_OF_WEEKDAY = 4


def is_known(row: Row) -> bool:
    """Return whether what a day will have cost is known: nothing of it waits for a price without an estimate."""
    return row["expected_cost"] is not None and not row["unestimated_minutes"]


def _measured(given: Given, facts: Sequence[Row]) -> list[Row]:
    """Return the whole days, for each measure. size: the root of this is compared."""
    rows = []
    for row in account_days(given, facts):
        if row["is_whole"]:
            minutes = row["billed_minutes"]
            if is_known(row):
                cost = row["expected_cost"]
                rows.append(row | {"measure": "cost", "value": cost, "size": float(max(cost, 0))})
            rows.append(row | {"measure": "minutes", "value": minutes, "size": float(minutes)})
    return rows


class Spread(NamedTuple):
    """How far the days before a day are from each other. before: the days in its window, same: of its weekday."""

    row: Row
    days: int
    root: float
    own: float
    weekday: float
    chance: float
    switched_share: float
    busy_days: int
    busy_root: float | None
    busy: float | None


def _spreads(given: Given, facts: Sequence[Row]) -> Iterator[Spread]:
    window = timedelta(days=given.settings.anomaly_window_days)
    for days in grouped(_measured(given, facts), *_SERIES).values():
        switched = switched_days(days, lambda row: row["size"] > 0)
        for row in days:
            before = [
                each for each in days if row["usage_date"] - window <= each["usage_date"] < row["usage_date"]
            ]
            if sum(each["weekday"] == row["weekday"] for each in before) >= _DAYS_OF_WEEKDAY:
                up_to = {
                    last["weekday"]: [
                        each
                        for each in days
                        if each["weekday"] == last["weekday"]
                        and last["usage_date"] - window + timedelta(days=7)
                        <= each["usage_date"]
                        <= last["usage_date"]
                    ]
                    for last in sorted(before, key=lambda each: each["usage_date"])
                }
                yield _spread(row, before, up_to, [switched.get(each["usage_date"]) for each in before])


def switched_days(days: Iterable[Row], has_spend: Callable[[Row], bool]) -> dict[date, bool]:
    """Return, by day, whether it has spend and the one before of its weekday had none, or the other way round."""
    return {
        now["usage_date"]: has_spend(before) != has_spend(now)
        for same in grouped(days, "weekday").values()
        for before, now in pairwise(sorted(same, key=lambda row: row["usage_date"]))
    }


def _spread(
    row: Row, before: Sequence[Row], up_to: Mapping[int, Sequence[Row]], switched: Sequence[bool | None]
) -> Spread:
    """Return the spread of a row. up_to: weekday → its last day in the window, and the same weekday of weeks before."""
    roots = {weekday: sqrt(median(each["size"] for each in days)) for weekday, days in up_to.items()}
    same = [each for each in before if each["weekday"] == row["weekday"]]
    root = sqrt(median(each["size"] for each in same))
    shares = [
        abs(sqrt(each["size"]) / roots[each["weekday"]] - 1) for each in before if roots[each["weekday"]]
    ]
    recordings = sum(each["recordings"] for each in before)
    busy = [each["size"] for each in before if each["size"] > 0]
    busy_root = sqrt(median(busy)) if busy else None
    known = [each for each in switched if each is not None]
    return Spread(
        row,
        len(same),
        root,
        _DEVIATION * median(abs(sqrt(each["size"]) - root) for each in same),
        root * _DEVIATION * median(shares) if shares else 0.0,
        sqrt(sum(each["size"] for each in before) / recordings / 2) if recordings else 0.0,
        sum(known) / len(known) if known else 0.0,
        len(busy),
        busy_root,
        _DEVIATION * median(abs(sqrt(size) - busy_root) for size in busy) if busy_root else None,
    )


def daily_spreads(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """How much days differ from each other."""
    for spread in _spreads(given, facts):
        yield {column: spread.row[column] for column in _KEPT} | {
            "value": Close(float(spread.row["value"])),
            "days": spread.days,
            "root": Close(spread.root),
            "own_spread": Close(spread.own),
            "weekday_spread": Close(spread.weekday),
            "count_spread": Close(spread.chance),
            "switched_share": Close(spread.switched_share),
            "busy_days": spread.busy_days,
            "busy_root": None if spread.busy_root is None else Close(spread.busy_root),
            "busy_spread": None if spread.busy is None else Close(spread.busy),
        }


def daily_ranges(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What is usual for each day."""
    shown = ("value", "median", "lower_bound", "upper_bound")
    return [
        {column: row[column] for column in (*_KEPT, "holiday")} | {name: Close(row[name]) for name in shown}
        for row in _ranges(given, facts)
    ]


def _ranges(given: Given, facts: Sequence[Row]) -> list[Row]:
    holidays = {(line["account_sid"], line["day"]): line["name"] for line in given.table("holidays")}
    rows = []
    for spreads in grouped(
        ({"spread": each} | each.row for each in _spreads(given, facts)), *_SERIES
    ).values():
        same_day = _multiples(spreads, lambda day: day.day)
        same_end = _multiples(spreads, lambda day: (next_month(day.replace(day=1)) - day).days)
        for row in spreads:
            day, spread = row["usage_date"], row["spread"]
            lowest, highest = _bounds(given, spread)
            holiday = holidays.get((row["account_sid"], day.isoformat())) or holidays.get(
                (None, day.isoformat())
            )
            known = [each for each in (same_day[day], same_end[day]) if each]
            rows.append(
                row
                | {
                    "value": float(row["value"]),
                    "median": spread.root**2,
                    "lower_bound": 0.0 if holiday else lowest * min([*map(max, known), 1.0]),
                    "upper_bound": highest * max([*map(min, known), 1.0]),
                    "holiday": holiday,
                }
            )
    return rows


def _multiples(rows: Sequence[Row], place: Callable[[date], int]) -> dict[date, list[float] | None]:
    """Return, by day, which multiple of its median the two days before with the same place in their month were.

    None if there were not two, or a median was 0.
    """
    found: dict[date, list[float] | None] = {}
    earlier: dict[int, list[float | None]] = {}
    for row in sorted(rows, key=lambda each: each["usage_date"]):
        day, usual = row["usage_date"], row["spread"].root ** 2
        same = earlier.setdefault(place(day), [])
        last = [each for each in same[-2:] if each is not None]
        found[day] = last if len(last) == 2 else None
        same.append(float(row["value"]) / usual if usual else None)
    return found


def _bounds(given: Given, spread: Spread) -> tuple[float, float]:
    deviations, share = float(given.settings.anomaly_deviations), float(given.settings.anomaly_min_share)
    if spread.switched_share > _ALTERNATES and spread.busy_days >= 4 and spread.busy_root is not None:
        reach = deviations * (1 + 1.5 / spread.busy_days) * max(spread.busy or 0.0, spread.chance)
        return 0.0, max((spread.busy_root + reach) ** 2, spread.busy_root**2 * (1 + share))
    reach = deviations * (1 + 1.5 / spread.days) * max(spread.own, spread.weekday, spread.chance)
    lowest = min(max(spread.root - reach, 0.0) ** 2, spread.root**2 * (1 - share))
    return lowest, max((spread.root + reach) ** 2, spread.root**2 * (1 + share))


def anomalies(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """Days outside their usual range, with the source that makes most of the difference."""
    by_source = _by_source(given, facts)
    series = grouped(_measured(given, facts), *_SERIES)
    window = timedelta(days=given.settings.anomaly_window_days)
    for row in _ranges(given, facts):
        value, low, high = (round(row[name], 9) for name in ("value", "lower_bound", "upper_bound"))
        if low <= value <= high:
            continue
        day = row["usage_date"]
        place = tuple(row[column] for column in _SERIES)
        before = [
            each["usage_date"]
            for each in series[place]
            if day - window <= each["usage_date"] < day and each["weekday"] == row["weekday"]
        ]
        yield (
            {column: row[column] for column in _KEPT}
            | {name: Close(row[name]) for name in ("value", "median", "lower_bound", "upper_bound")}
            | {"difference": Close(value - row["median"])}
            | _main_source(
                {source: of for (*at, source), of in by_source.items() if tuple(at) == place},
                day,
                before,
                value - row["median"],
            )
        )


def _by_source(given: Given, facts: Sequence[Row]) -> dict[tuple[Any, ...], dict[date, float]]:
    """Return what each source was on each day, by account, currency, measure and source."""
    found: dict[tuple[Any, ...], dict[date, float]] = {}
    columns = (("cost", "expected_cost"), ("minutes", "billed_minutes"))
    for row in expected_daily_spend(given, facts):
        for measure, column in columns:
            of = found.setdefault((row["account_sid"], row["currency"], measure, row["source"]), {})
            of[row["usage_date"]] = of.get(row["usage_date"], 0.0) + float(row[column] or 0)
    return found


def _main_source(
    sources: dict[str, dict[date, float]], day: date, before: Sequence[date], more: float
) -> Row:
    """Return the source that differs most from its median, in the direction of the day."""
    differences = {
        source: of.get(day, 0.0) - median(of.get(each, 0.0) for each in before)
        for source, of in sources.items()
        if any(each in of for each in (day, *before))
    }
    if not differences:
        return {"source": None, "source_difference": None}
    source = min(differences, key=lambda name: (-differences[name] * (1 if more > 0 else -1), name))
    return {"source": source, "source_difference": Close(differences[source])}
