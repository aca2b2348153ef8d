"""Spend: the recordings with what they cost, and their sums by day and by month."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.whole_runs.recomputed.figures.months import Months
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.recordings import Recording
from tests.whole_runs.recomputed.values import EXACT, NOTHING, Row, month_of, next_month, over, percent, total

CELL = ("account_sid", "source", "channels", "currency")


def fct_recordings(given: Given) -> list[Row]:
    """Every recording."""
    return [_fact(given, recording) for recording in given.recordings.values()]


def _fact(given: Given, recording: Recording) -> Row:
    now, settings = recording.now, given.settings
    billed = given.billed_minutes(now)
    cost = given.cost(now)
    return given.named(
        now._asdict()
        | {
            "first_seen_at": recording.first_seen_at,
            "first_priced_at": recording.first_priced_at,
            "deleted_at": recording.deleted_at,
            "raw_page": recording.page,
            "usage_date": given.usage_date(now.created_at),
            "billed_minutes": billed,
            "cost": cost,
            "is_credit": is_credit(cost),
            "is_priced": now.price is not None,
            "has_no_audio": now.has_no_audio,
            "is_awaiting_price": now.is_awaiting_price,
            "is_stored": now.is_stored,
            "call_kind": call_kind(now.call_sid, now.conference_sid, now.source),
            "is_short": now.duration_seconds is not None
            and now.duration_seconds < settings.short_recording_seconds,
            "rate": over(cost, billed),
        }
    )


def call_kind(call_sid: str | None, conference_sid: str | None, source: str) -> str:
    """Return what was recorded. Twilio names a leg of a conference as its call."""
    if conference_sid or "Conference" in source:
        return "conference"
    return "call" if call_sid else "unknown"


def is_credit(cost: Decimal | None) -> bool:
    """Return whether a recording reduces the cost."""
    return cost is not None and cost < 0


def grouped(rows: Iterable[Row], *key: str) -> dict[tuple[Any, ...], list[Row]]:
    """Return rows by the values of some columns."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in key), []).append(row)
    return groups


def summed(rows: Iterable[Row], key: Sequence[str], sums: Callable[[list[Row]], Row]) -> list[Row]:
    """Return a row for each group, with the sums of its rows."""
    return [dict(zip(key, place, strict=True)) | sums(group) for place, group in grouped(rows, *key).items()]


def is_priced(row: Row) -> bool:
    """Return whether a recording has a price."""
    return bool(row["is_priced"])


def is_awaiting_price(row: Row) -> bool:
    """Return whether a recording has no price yet."""
    return bool(row["is_awaiting_price"])


def minutes(rows: Iterable[Row]) -> Decimal | int:
    """Return the billed minutes of recordings."""
    return sum(row["billed_minutes"] or 0 for row in rows)


def stored(rows: Iterable[Row]) -> int:
    """Return the minutes that are stored of recordings: full ones, whatever is billed of the calls."""
    return sum(-(-(row["duration_seconds"] or 0) // 60) for row in rows)


def spend(rows: list[Row]) -> Row:
    """The columns that every spend table has, of these recordings."""
    return {
        "recordings": len(rows),
        "unpriced_recordings": sum(map(is_awaiting_price, rows)),
        "duration_seconds": sum(row["duration_seconds"] or 0 for row in rows),
        "billed_minutes": minutes(rows),
        "priced_minutes": minutes(filter(is_priced, rows)),
        "cost": total(row["cost"] for row in rows),
        "cost_without_minutes": total(row["cost"] for row in rows if not row["billed_minutes"]) or NOTHING,
        "credits": -(total(row["cost"] for row in rows if row["is_credit"]) or NOTHING),
    }


def with_rate(row: Row) -> Row:
    """Return a row with its cost per minute: of what has minutes."""
    cost = None if row["cost"] is None else EXACT.subtract(row["cost"], row["cost_without_minutes"])
    return row | {"cost_per_minute": over(cost, row["priced_minutes"])}


def daily_spend(given: Given, facts: Sequence[Row]) -> list[Row]:
    """By day, account, source, channels and currency."""
    return [given.named(row) for row in summed(facts, ("usage_date", *CELL), spend_and_waiting)]


def spend_and_waiting(rows: list[Row]) -> Row:
    """The columns of a spend table, and those that show what is priced and what still waits for a price."""
    return spend(rows) | {
        "priced_recordings": sum(map(is_priced, rows)),
        "unpriced_minutes": minutes(filter(is_awaiting_price, rows)),
        "unmeasured_recordings": sum(
            row["is_awaiting_price"] and row["duration_seconds"] is None for row in rows
        ),
    }


def is_kept(row: Row) -> bool:
    """Return whether the vendor still stores a recording."""
    return bool(row["is_stored"]) and row["deleted_at"] is None and row["status"] != "deleted"


DETAIL = (
    *("usage_date", "charge_date", *CELL),
    *("status", "call_kind", "error_code", "is_short", "is_charged", "rate", "is_credit"),
)


def daily_spend_detail(given: Given, facts: Sequence[Row]) -> list[Row]:
    """By everything that a recording is counted by."""

    def sums(rows: list[Row]) -> Row:
        kept = list(filter(is_kept, rows))
        ever = [row for row in rows if row["is_stored"]]
        return spend_and_waiting(rows) | {
            "stored_recordings": len(ever),
            "stored_minutes": stored(ever),
            "kept_recordings": len(kept),
            "kept_minutes": stored(kept),
        }

    detailed = [
        row
        | {
            "charge_date": row["created_at"].date(),
            "is_charged": None if row["cost"] is None else row["cost"] > 0,
            "rate": rounded(row["rate"]),
        }
        for row in facts
    ]
    return [given.named(row) for row in summed(detailed, DETAIL, sums)]


def rounded(rate: Fraction | None) -> Decimal | None:
    """Round a rate to six decimals, as it is shown; a tie goes away from 0."""
    if rate is None:
        return None
    millionths = (abs(rate) * 10**6 + Fraction(1, 2)).__floor__()
    return Decimal(millionths if rate > 0 else -millionths).scaleb(-6)


def by_month(facts: Iterable[Row]) -> list[Row]:
    """Return recordings with their month."""
    return [row | {"month": month_of(row["usage_date"])} for row in facts]


BREAKDOWNS: Mapping[str, str] = {
    "spend_by_account": "account_sid",
    "spend_by_source": "source",
    "spend_by_channels": "channels",
    "spend_by_status": "status",
    "spend_by_call_kind": "call_kind",
}


def breakdown(given: Given, facts: Sequence[Row], column: str) -> list[Row]:
    """By month, one property, and currency."""
    rows = [with_rate(row) for row in summed(by_month(facts), ("month", column, "currency"), spend)]
    months = Months(given)
    if column != "account_sid":
        return [row | months.mark(row["month"]) for row in rows]
    return [given.named(row | months.mark(row["month"], row["account_sid"])) for row in rows]


def monthly_spend(given: Given, facts: Sequence[Row]) -> list[Row]:
    """Each month next to the one before."""
    months = {
        (row["month"], *(row[column] for column in CELL)): row
        for row in summed(by_month(facts), ("month", *CELL), spend)
    }
    newest = max((place[0] for place in months), default=month_of(given.as_of))
    places = {*months} | {
        (next_month(month), *cell) for month, *cell in months if next_month(month) <= newest
    }
    known, rows = Months(given), []
    for place in places:
        month, sid = place[:2]
        before = months.get((_month_before(month), *place[1:]))
        row = _compared(place, months.get(place), before) | known.mark(month, sid)
        row["is_comparable"] = known.is_final(month, sid) and known.is_final(_month_before(month), sid)
        if not row["is_comparable"]:
            row |= dict.fromkeys(CHANGES)
        rows.append(given.named(row))
    return rows


def monthly_totals(given: Given, facts: Sequence[Row]) -> list[Row]:
    """The same months without a comparison."""
    kept = ("month", *CELL, "account_name", *spend([]), "cost_without_minutes")
    return [
        {column: row[column] for column in kept} | {"has_recordings": row["recordings"] > 0}
        for row in monthly_spend(given, facts)
    ]


CHANGES = ("change", "change_percent", "volume_effect", "rate_effect", "other_effect")


def _month_before(month: date) -> date:
    return month_of(date.fromordinal(month.toordinal() - 1))


def _compared(place: tuple[Any, ...], row: Row | None, before: Row | None) -> Row:
    empty = spend([])
    now = row or empty
    cost_before = before["cost"] if before else None
    change = _change(row, before)
    other = EXACT.subtract(now["cost_without_minutes"], before["cost_without_minutes"] if before else NOTHING)
    volume = _volume_effect(row, before, other)
    return dict(zip(("month", *CELL), place, strict=True)) | with_rate(
        now
        | {
            "cost_before": cost_before,
            "priced_minutes_before": before["priced_minutes"] if before else 0,
            "change": change,
            "change_percent": percent(change, cost_before) if cost_before and cost_before > 0 else None,
            "volume_effect": volume,
            "other_effect": None if change is None else other,
            "rate_effect": None
            if change is None or volume is None
            else Fraction(change) - volume - Fraction(other),
        }
    )


def _change(row: Row | None, before: Row | None) -> Decimal | None:
    costs = [NOTHING if each is None else each["cost"] for each in (row, before)]
    return None if None in costs else EXACT.subtract(costs[0], costs[1])


def _volume_effect(row: Row | None, before: Row | None, other: Decimal) -> Fraction | None:
    """Return the part of the change from minutes. Where the month before has no rate, that is all but `other`."""
    change = _change(row, before)
    if change is None:
        return None
    rate = with_rate(before)["cost_per_minute"] if before else None
    if before is None or rate is None:
        return Fraction(change) - Fraction(other)
    more: Fraction = rate * Fraction((row["priced_minutes"] if row else 0) - before["priced_minutes"])
    return more
