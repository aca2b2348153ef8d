"""Closed months: what was reported, and what was found to be different later."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.whole_runs.recomputed.figures.coverage import unread_when_closed
from tests.whole_runs.recomputed.figures.spend import CELL, grouped, summed
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.recordings import Recording, Sight, Version
from tests.whole_runs.recomputed.values import EXACT, NOTHING, Row, day_in, month_of, total

_COUNTED = ("created_at", "source", "channels", "duration_seconds", "price", "currency", "has_no_audio")
"""What moves a figure of a statement when it changes."""


def closed_at(given: Given, month: date) -> datetime:
    """Return when a month was closed."""
    return datetime.fromisoformat(given.closed[month]["closed_at"])


def statements(given: Given) -> list[Row]:
    """What was reported for each closed month: the recordings as they were known when it was closed."""
    rows = []
    for month in given.closed:
        moment, zone = closed_at(given, month), given.closed[month]["reporting_timezone"]
        known = [recording.known_at(moment) for recording in given.recordings.values()]
        counted = [
            _counted(version, given.billed_minutes(version, month), given.cost(version, month))
            for version in known
            if version is not None and month_of(day_in(version.created_at, zone)) == month
        ]
        rows += [
            given.named({"month": month, "closed_at": moment} | row) for row in summed(counted, CELL, _sums)
        ]
    return rows


def closed_months(given: Given) -> Iterator[Row]:
    """The closed months, and what was missing then."""
    reported = grouped(statements(given), "month")
    for month, said in given.closed.items():
        yield {
            "month": month,
            "closed_at": closed_at(given, month),
            "reporting_timezone": said["reporting_timezone"],
            "holes": unread_when_closed(given, month, closed_at(given, month)),
            "unpriced": sum(row["unpriced_recordings"] for row in reported.get((month,), [])),
        }


def charge_signs(given: Given) -> Iterator[Row]:
    """The sign of charges now, and what it was at each closing, of every account that ever had one."""
    for sid, sign in given.charge_signs.items():
        yield {"account_sid": sid, "month": None, "charge_sign": sign}
    for sid in {*given.charge_signs, *(sid for signs in given.closed_signs.values() for sid in signs)}:
        for month, signs in given.closed_signs.items():
            yield {"account_sid": sid, "month": month, "charge_sign": signs.get(sid)}


def closed_terms(given: Given) -> Iterator[Row]:
    """The sign of charges and the billing increment at each closing, of accounts where one is not as usual."""
    for month, said in given.closed.items():
        signs, increments = given.closed_signs[month], said.get("billing_increments", {})
        for sid in {*signs, *increments}:
            yield {
                "month": month,
                "account_sid": sid,
                "charge_sign": signs.get(sid),
                "billing_increment_seconds": increments.get(sid),
            }


def _counted(version: Version, billed: Decimal | int | None, cost: Decimal | None) -> Row:
    return version._asdict() | {
        "billed_minutes": billed or 0,
        "cost": cost,
        "is_awaiting_price": version.is_awaiting_price,
    }


def _sums(rows: list[Row]) -> Row:
    return {
        "recordings": len(rows),
        "unpriced_recordings": sum(row["is_awaiting_price"] for row in rows),
        "billed_minutes": sum(row["billed_minutes"] or 0 for row in rows),
        "cost": total(row["cost"] for row in rows),
    }


def adjustment_items(given: Given) -> list[Row]:
    """What was taken from and added to a month after it was closed."""
    return [row for recording in given.recordings.values() for row in _items(given, recording)]


def _items(given: Given, recording: Recording) -> Iterator[Row]:
    first = recording.sights[0]
    if is_later(given, first.version, first):
        yield _item(given, first.version, first, "late recording", 1)
    for before, after in recording.changes:
        if any(getattr(before.version, name) != getattr(after.version, name) for name in _COUNTED):
            was_priced = recording.first_priced_at is not None and recording.first_priced_at < after.seen_at
            kind = _kind(given, before.version, after.version, was_priced=was_priced)
            for version, sign in ((before.version, -1), (after.version, 1)):
                if is_later(given, version, after):
                    yield _item(given, version, after, kind, sign)


def is_later(given: Given, version: Version, sight: Sight) -> bool:
    """Return whether a sight changes the figure of a month that was closed before."""
    month = month_of(given.usage_date(version.created_at))
    return month in given.closed and sight.seen_at > closed_at(given, month)


def _kind(given: Given, before: Version, after: Version, *, was_priced: bool) -> str:
    """Return what was found. A price that was taken back and given again is corrected, not late."""

    def place(version: Version) -> tuple[Any, ...]:
        return month_of(given.usage_date(version.created_at)), version.source, version.channels

    if place(before) != place(after):
        return "moved"
    if before.price is None and after.price is not None and not was_priced:
        return "late price"
    return "no price due" if before.price is after.price is None and after.has_no_audio else "correction"


def _item(given: Given, version: Version, sight: Sight, kind: str, sign: int) -> Row:
    usage_date = given.usage_date(version.created_at)
    return {
        "recording_sid": version.recording_sid,
        "found_at": sight.seen_at,
        "month_found": month_of(given.usage_date(sight.seen_at)),
        "kind": kind,
        "sign": sign,
        "account_sid": version.account_sid,
        "month": month_of(usage_date),
        "usage_date": usage_date,
        "charge_date": version.created_at.date(),
        "source": version.source,
        "channels": version.channels,
        "currency": version.currency,
        "is_priced": version.price is not None,
        "is_awaiting_price": version.is_awaiting_price,
        "duration_seconds": version.duration_seconds,
        "billed_minutes": given.billed_minutes(version),
        "cost": given.cost(version),
    }


_PLACE = ("month_found", "found_at", "recording_sid", "month", *CELL, "kind")
_CHANGES = ("recordings_change", "unpriced_recordings_change", "billed_minutes_change", "cost_change")


def adjusted_recordings(given: Given) -> list[Row]:
    """The same, netted for each recording; what makes no difference is left out."""
    rows = summed(adjustment_items(given), _PLACE, _net)
    return [row for row in rows if any(row[change] for change in _CHANGES)]


def _net(items: list[Row]) -> Row:
    return {
        "recordings_change": sum(item["sign"] for item in items),
        "unpriced_recordings_change": sum(item["sign"] for item in items if item["is_awaiting_price"]),
        "billed_minutes_change": sum(item["sign"] * (item["billed_minutes"] or 0) for item in items),
        "cost_change": signed(items, "cost"),
    }


def signed(items: Sequence[Row], column: str) -> Decimal:
    """Add up what was added, less what was taken away."""
    result = NOTHING
    for item in items:
        if item[column] is not None:
            result = EXACT.add(result, EXACT.multiply(item[column], item["sign"]))
    return result


def adjustments(given: Given, facts: Sequence[Row]) -> list[Row]:
    """The same by month found, month, cell and kind, with what no fetch explains; what nets to nothing is left out."""

    def sums(rows: list[Row]) -> Row:
        return {change: sum(row[change] for row in rows) for change in _CHANGES}

    key = ("month_found", "month", *CELL, "kind")
    rows = summed(adjusted_recordings(given), key, sums)
    found = [row for row in rows if any(row[change] for change in _CHANGES)]
    return [given.named(row) for row in (*found, *_undated(given, facts, found))]


_PARTS = ("recordings", "unpriced_recordings", "billed_minutes", "cost")


def _undated(given: Given, facts: Sequence[Row], found: Sequence[Row]) -> Iterator[Row]:
    """Yield the months as they are now, less their statements and everything that was found since."""
    now = [row | {"month": month_of(row["usage_date"])} for row in facts]
    rest: dict[tuple[Any, ...], Row] = {}
    for sign, rows in (
        (1, summed(now, ("month", *CELL), _sums)),
        (-1, statements(given)),
        (-1, [row | {part: row[f"{part}_change"] for part in _PARTS} for row in found]),
    ):
        for row in rows:
            if row["month"] in given.closed:
                sums = rest.setdefault(
                    tuple(row[column] for column in ("month", *CELL)), dict.fromkeys(_PARTS, NOTHING)
                )
                for part in _PARTS:
                    sums[part] += sign * (row[part] or 0)
    newest = month_of(given.as_of)
    for place, sums in rest.items():
        if any(sums.values()):
            yield dict(zip(("month", *CELL), place, strict=True)) | {
                "month_found": newest,
                "kind": "undated",
                **{f"{part}_change": sums[part] for part in _PARTS},
            }
