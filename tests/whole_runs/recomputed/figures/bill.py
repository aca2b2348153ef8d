"""The bill: what the provider says it charged, next to the recordings."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from tests.whole_runs.recomputed import raw
from tests.whole_runs.recomputed.figures.months import whole_days
from tests.whole_runs.recomputed.figures.spend import is_awaiting_price, is_priced, minutes, rounded
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import (
    EXACT,
    NO_CURRENCY,
    NOTHING,
    Row,
    days_between,
    next_month,
    total,
)


def usage_records(given: Given) -> list[Row]:
    """What Twilio counted and charged: for each day, what was said last."""
    said: dict[tuple[str, date], list[Row]] = {}
    for fetch in raw.fetches(given.data_dir, "raw_usage", "usage_records"):
        if not fetch.is_whole:
            continue
        days: dict[date, list[Row]] = {day: [] for day in days_between(fetch.first, fetch.last)}
        for page, records in fetch.pages.items():
            for record in records:
                row = _usage(fetch.account_sid, record) | {"raw_page": page}
                if record["category"] == "recordings" and row["usage_date"] in days:
                    days[row["usage_date"]].append(row)
        for day, rows in days.items():
            nothing = {"account_sid": fetch.account_sid, "usage_date": day, "currency": None}
            nothing |= {"recordings": 0, "minutes": 0, "price": 0, "raw_page": fetch.name}
            now, before = rows or [nothing], said.get((fetch.account_sid, day))
            if before is None or _content(before) != _content(now):
                said[fetch.account_sid, day] = now
    return [row for rows in said.values() for row in rows]


def _content(rows: Sequence[Row]) -> list[Row]:
    return [{column: value for column, value in row.items() if column != "raw_page"} for row in rows]


def _usage(account_sid: str, record: Mapping[str, Any]) -> Row:
    return {
        "account_sid": account_sid,
        "usage_date": date.fromisoformat(record["start_date"]),
        "currency": record["price_unit"].upper(),
        "recordings": int(record["count"]),
        "minutes": Decimal(str(record["usage"])),
        "price": abs(Decimal(str(record["price"]))),
    }


_PARTS = ("only_theirs", "only_ours", "quantity", "unpriced", "rate")


def reconciliation(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """Both sides of each day of Usage Records and of each invoiced month, and the parts of the difference."""
    for period in (*_usage_periods(given), *_invoice_periods(given)):
        ours = _ours(facts, period)
        for currency in sorted({*ours, *period.theirs}, key=str):
            yield given.named(_side_by_side(given, period, currency, ours.get(currency, [])))


class Theirs(NamedTuple):
    """What they say of a period: how many recordings (None: not said), how many minutes, and what these cost."""

    recordings: int | None
    minutes: Decimal
    cost: Decimal


class Period(NamedTuple):
    """A day or month (UTC) of an account. is_billed: it is known what is charged, if anything."""

    against: str
    first: date
    last: date
    account_sid: str
    is_billed: bool
    days_missing: int
    theirs: dict[str, Theirs]


def _usage_periods(given: Given) -> Iterator[Period]:
    said: dict[tuple[str, date], list[Row]] = {}
    for row in usage_records(given):
        said.setdefault((row["account_sid"], row["usage_date"]), []).append(row)
    for sid, days in whole_days(given).items():
        for day, is_whole in days.items():
            rows = said.get((sid, day))
            theirs = {
                row["currency"]: Theirs(row["recordings"], row["minutes"], row["price"])
                for row in rows or []
                if row["currency"]
            }
            if given.providers[sid] == "twilio":
                yield Period("usage records", day, day, sid, rows is not None, int(not is_whole), theirs)


def _invoice_periods(given: Given) -> Iterator[Period]:
    invoiced: dict[tuple[str, date], dict[str, Theirs]] = {}
    for line in given.table("invoices"):
        if line["category"] == "recordings":
            month = date.fromisoformat(f"{line['month']}-01")
            said = Theirs(None, Decimal(line["quantity"] or ""), Decimal(line["amount"] or ""))
            invoiced.setdefault((line["account_sid"] or "", month), {})[line["currency"] or ""] = said
    known = whole_days(given)
    for (sid, month), theirs in invoiced.items():
        last = next_month(month) - timedelta(days=1)
        missing = sum(not known[sid].get(day, False) for day in days_between(month, last))
        yield Period("invoice", month, last, sid, True, missing, theirs)


def _ours(facts: Sequence[Row], period: Period) -> dict[str, list[Row]]:
    """Return our recordings of a period by currency; those that have none count in the bill's, if it has only one."""
    only = next(iter(period.theirs)) if len(period.theirs) == 1 else None
    found: dict[str, list[Row]] = {}
    for row in facts:
        if (
            row["account_sid"] == period.account_sid
            and period.first <= row["created_at"].date() <= period.last
        ):
            is_unknown = row["currency"] == NO_CURRENCY and not is_priced(row)
            found.setdefault(only if only and is_unknown else row["currency"], []).append(row)
    return found


def _side_by_side(given: Given, period: Period, currency: str, ours: list[Row]) -> Row:
    theirs = period.theirs.get(currency) or (
        Theirs(0 if period.against == "usage records" else None, NOTHING, NOTHING)
        if period.is_billed
        else None
    )
    our_cost = total(row["cost"] for row in ours)
    difference = EXACT.subtract(theirs.cost, our_cost or NOTHING) if theirs else None
    is_comparable = period.is_billed and period.days_missing == 0
    parts = _parts(theirs, ours, Fraction(difference)) if theirs and difference is not None else {}
    apart = _apart(theirs, ours)
    return {
        "against": period.against,
        "period_start": period.first,
        "account_sid": period.account_sid,
        "currency": currency,
        "our_recordings": len(ours),
        "our_unpriced": sum(map(is_awaiting_price, ours)),
        "our_minutes": minutes(ours),
        "our_cost": our_cost,
        "their_recordings": theirs.recordings if theirs else None,
        "their_minutes": theirs.minutes if theirs else None,
        "their_cost": theirs.cost if theirs else None,
        "difference": difference,
        "class": "quantity" if _largest(parts) == "none" and any(apart) else _largest(parts),
        **{f"{part}_amount": parts.get(part) for part in _PARTS},
        "is_comparable": is_comparable,
        "recordings_apart": apart[0],
        "minutes_apart": apart[1],
        "is_within_tolerance": _is_within(given, theirs, difference, *apart) if is_comparable else None,
    }


def _apart(theirs: Theirs | None, ours: Sequence[Row]) -> tuple[int | None, Decimal | None]:
    """Return how far their recordings and minutes are from ours, of which those without a price may not count."""
    if theirs is None:
        return None, None
    priced = [row for row in ours if is_priced(row)]
    recordings = None
    if theirs.recordings is not None:
        recordings = max(theirs.recordings - len(ours), len(priced) - theirs.recordings, 0)
    apart = max(theirs.minutes - minutes(ours), minutes(priced) - theirs.minutes)
    return recordings, apart if apart > Decimal("0.0001") else NOTHING


def _is_within(
    given: Given,
    theirs: Theirs | None,
    difference: Decimal | None,
    recordings: int | None,
    more_minutes: Decimal | None,
) -> bool | None:
    if theirs is None or difference is None or more_minutes is None:
        return None
    settings, share = given.settings, given.settings.bill_tolerance_share
    return (
        abs(difference) <= max(settings.bill_tolerance_amount, share * theirs.cost)
        and more_minutes <= max(settings.bill_tolerance_minutes, share * theirs.minutes)
        and (
            recordings is None
            or recordings
            <= max(Decimal(settings.bill_tolerance_recordings), share * (theirs.recordings or 0))
        )
    )


def _largest(parts: Mapping[str, Fraction]) -> str | None:
    if not parts:
        return None
    name = max(_PARTS, key=lambda part: abs(parts[part]))
    return name.replace("_", " ") if parts[name] else "none"


def _parts(theirs: Theirs, ours: Sequence[Row], difference: Fraction) -> dict[str, Fraction]:
    """Split a difference: what the minutes can explain at our rates, then what has no price yet; the rest is rate."""
    parts = dict.fromkeys(_PARTS, Fraction(0))
    more = Fraction(theirs.minutes) - Fraction(minutes(ours))
    waiting = Fraction(minutes(filter(is_awaiting_price, ours)))
    rates = [
        Fraction(rate) for row in ours if not row["is_credit"] and (rate := rounded(row["rate"])) is not None
    ]
    if not ours or _is_nothing(theirs):
        parts[_kind(theirs, ours, more)] = difference
        return parts
    by_minutes = _by_minutes(difference, more, waiting, rates)
    parts[_kind(theirs, ours, more)] = by_minutes
    if waiting and difference > by_minutes:
        most = waiting * max(rates) if rates else difference - by_minutes
        parts["unpriced"] = min(difference - by_minutes, most)
    parts["rate"] = difference - sum(parts.values())
    return parts


def _by_minutes(
    difference: Fraction, more: Fraction, waiting: Fraction, rates: Sequence[Fraction]
) -> Fraction:
    """Return what more or fewer minutes explain. Minutes that they lack may be those of ours without a price.

    Without a rate of ours, other minutes explain everything, unless those without a price may.
    """
    if not rates:
        return Fraction(0) if waiting or not more else difference
    if more > 0:
        return _between(difference, more * min(rates), more * max(rates))
    return _between(difference, more * max(rates), min(more + waiting, Fraction(0)) * min(rates))


def _between(value: Fraction, least: Fraction, most: Fraction) -> Fraction:
    return max(least, min(value, most))


def _is_nothing(theirs: Theirs) -> bool:
    return not theirs.recordings and not theirs.minutes and not theirs.cost


def _kind(theirs: Theirs, ours: Sequence[Row], more: Fraction) -> str:
    """Return which recordings the minutes are of. Without counts of both, it is only a quantity."""
    if not ours:
        return "only_theirs"
    if _is_nothing(theirs):
        return "only_ours"
    if theirs.recordings is None or theirs.recordings == len(ours):
        return "quantity"
    if theirs.recordings > len(ours):
        return "only_theirs" if more > 0 else "quantity"
    return "only_ours" if more < 0 else "quantity"
