"""What is kept, day by day, and what keeping it costs."""

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from tests.whole_runs.recomputed.comparison import Near
from tests.whole_runs.recomputed.figures.coverage import read_at
from tests.whole_runs.recomputed.figures.months import Months
from tests.whole_runs.recomputed.figures.spend import grouped, is_kept, stored
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import NO_CURRENCY, Row, days_between, month_of, next_month

_ACCOUNT = ("account_sid", "currency")
_BUCKETS = ((30, "0-30 days"), (90, "31-90 days"), (180, "91-180 days"), (365, "181-365 days"))


def counted(given: Given, facts: Sequence[Row]) -> list[Row]:
    """Return what the vendor stored, in the currency its storage counts in, with the day it was deleted on."""
    currencies: dict[str, set[str]] = {}
    for row in facts:
        currencies.setdefault(row["account_sid"], set()).add(row["currency"])
    return [
        row | {"currency": _currency(row, currencies[row["account_sid"]]), "gone_on": _gone_on(given, row)}
        for row in facts
        if row["is_stored"]
    ]


def _currency(row: Row, of_account: set[str]) -> str:
    known = sorted(of_account - {NO_CURRENCY})
    return known[0] if row["currency"] == NO_CURRENCY and len(known) == 1 else str(row["currency"])


def _gone_on(given: Given, row: Row) -> date | None:
    if is_kept(row):
        return None
    moments = [row["deleted_at"]]
    if row["status"] == "deleted" and row["first_seen_at"] == row["deleted_at"]:
        moments.append(row["updated_at"])
    made_on: date = row["usage_date"]
    return max(given.usage_date(min(moments)), made_on)


def recordings_kept(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What was made and deleted on each day, and what is left of what was made."""
    looked_for = read_at(given, facts)
    rows = counted(given, facts)
    made = grouped(rows, *_ACCOUNT, "usage_date")
    gone = grouped((row for row in rows if row["gone_on"]), *_ACCOUNT, "gone_on")
    return [
        given.named(
            dict(zip((*_ACCOUNT, "day"), place, strict=True))
            | _count("made", made.get(place, []))
            | _count("gone", gone.get(place, []))
            | _count("standing", [row for row in made.get(place, []) if is_kept(row)])
            | {"verified_at": _verified_at(looked_for, made.get(place, []))}
        )
        for place in {*made, *gone}
    ]


def _verified_at(looked_for: Mapping[tuple[str, date], datetime], made: Sequence[Row]) -> datetime | None:
    """Return when the oldest of the days that still have recordings was last read."""
    moments = [looked_for[row["account_sid"], row["usage_date"]] for row in made if is_kept(row)]
    return min(moments, default=None)


def _count(name: str, rows: Sequence[Row]) -> Row:
    return {f"{name}_recordings": len(rows), f"{name}_minutes": stored(rows)}


class Rate(NamedTuple):
    """What keeping a minute costs from a day on, for an account or (None) for all. free: minutes."""

    account_sid: str | None
    currency: str
    valid_from: date
    price: Decimal
    free: int

    @property
    def kind(self) -> tuple[str | None, str]:
        """What the rates have in common that follow each other, and share free minutes."""
        return self.account_sid, self.currency


def _rates(given: Given) -> list[Rate]:
    lines = given.table("storage_rates")
    rates = [
        Rate(
            line["account_sid"],
            line["currency"] or "",
            date.fromisoformat(line["valid_from"] or ""),
            Decimal(line["price_per_minute_month"] or ""),
            int(line["free_minutes"] or 0),
        )
        for line in lines
    ]
    return sorted(rates, key=lambda rate: rate.valid_from)


def _of_account(rates: Sequence[Rate], account_sid: str, currency: str) -> list[Rate]:
    """Return the rates that apply to an account, the oldest first: the general ones until its first own one."""
    own = [rate for rate in rates if rate.kind == (account_sid, currency)]
    general = [rate for rate in rates if rate.kind == (None, currency)]
    return [*(rate for rate in general if not own or rate.valid_from < own[0].valid_from), *own]


def _on(rates: Sequence[Rate], day: date) -> Rate | None:
    return next((rate for rate in reversed(rates) if rate.valid_from <= day), None)


def storage_rate_periods(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """The rates of each account with recordings."""
    rates = _rates(given)
    for account_sid, currency in grouped(counted(given, facts), *_ACCOUNT):
        periods = _of_account(rates, account_sid, currency)
        for place, rate in enumerate(periods):
            yield given.named(
                {
                    "account_sid": account_sid,
                    "currency": currency,
                    "valid_from": rate.valid_from,
                    "valid_until": periods[place + 1].valid_from if place + 1 < len(periods) else None,
                    "rate_account_sid": rate.account_sid,
                    "price_per_minute_month": rate.price,
                    "shared_free_minutes": rate.free,
                }
            )


class Day(NamedTuple):
    """What an account keeps on a day. rate: None if there is none. verified_at: when all of it was last looked for."""

    day: date
    account_sid: str
    currency: str
    recordings: int
    minutes: int
    rate: Rate | None
    verified_at: datetime | None


def _days(given: Given, facts: Sequence[Row]) -> list[Day]:
    rates, days, looked_for = _rates(given), [], read_at(given, facts)
    for (account_sid, currency), rows in grouped(counted(given, facts), *_ACCOUNT).items():
        periods = _of_account(rates, account_sid, currency)
        for day in days_between(min(row["usage_date"] for row in rows), given.as_of):
            kept = [
                row
                for row in rows
                if row["usage_date"] <= day and (row["gone_on"] is None or row["gone_on"] > day)
            ]
            verified_at = _verified_at(looked_for, [row for row in rows if row["usage_date"] <= day])
            days.append(
                Day(day, account_sid, currency, len(kept), stored(kept), _on(periods, day), verified_at)
            )
    return days


def storage_days(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """What is kept on each day."""
    for day in _days(given, facts):
        yield _day(given, day) | {"rate_account_sid": day.rate.account_sid if day.rate else None}


def _day(given: Given, day: Day) -> Row:
    return given.named(
        {
            "storage_date": day.day,
            "account_sid": day.account_sid,
            "currency": day.currency,
            "standing_recordings": day.recordings,
            "standing_minutes": day.minutes,
            "price_per_minute_month": day.rate.price if day.rate else None,
            "shared_free_minutes": day.rate.free if day.rate else None,
            "verified_at": day.verified_at,
        }
    )


def _days_of(month: date) -> int:
    return monthrange(month.year, month.month)[1]


class Allowance(NamedTuple):
    """The minutes of a month under a kind of rate, times days: kept, free, and above the free ones."""

    kept: int
    free: int

    @property
    def chargeable(self) -> int:
        """What is billed."""
        return max(0, self.kept - self.free)


def _allowances(given: Given, days: Sequence[Day]) -> Mapping[tuple[date, tuple[str | None, str]], Allowance]:
    rates = _rates(given)
    end = next_month(month_of(given.as_of)) - timedelta(days=1)
    to_come = [
        last._replace(day=day)
        for last in days
        if last.day == given.as_of
        for day in days_between(given.as_of + timedelta(days=1), end)
    ]
    kept: dict[tuple[date, tuple[str | None, str]], int] = {}
    for day in (*days, *to_come):
        if day.rate is not None:
            place = month_of(day.day), day.rate.kind
            kept[place] = kept.get(place, 0) + day.minutes
    return {
        (month, kind): Allowance(number, _free([rate for rate in rates if rate.kind == kind], month))
        for (month, kind), number in kept.items()
    }


def _free(rates: Sequence[Rate], month: date) -> int:
    days = days_between(month, next_month(month) - timedelta(days=1))
    return sum(rate.free for day in days if (rate := _on(rates, day)) is not None)


def storage_allowances(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """What is kept above the free minutes, by month and rate."""
    for (month, (account_sid, currency)), found in _allowances(given, _days(given, facts)).items():
        yield {
            "storage_month": month,
            "rate_account_sid": account_sid,
            "currency": currency,
            "minute_days": found.kept,
            "chargeable_minute_days": found.chargeable,
            "average_minutes": Fraction(found.kept, _days_of(month)),
            "free_minutes": Fraction(found.free, _days_of(month)),
            "chargeable_minutes": Fraction(found.chargeable, _days_of(month)),
        }


class Cost(NamedTuple):
    """What is billed of a day: minutes, and what they cost."""

    minutes: Fraction
    cost: Fraction


def _costs(given: Given, days: Sequence[Day]) -> list[tuple[Day, Cost | None]]:
    allowances = _allowances(given, days)

    def cost(day: Day) -> Cost | None:
        if day.rate is None:
            return None
        of_month = allowances[month_of(day.day), day.rate.kind]
        share = Fraction(of_month.chargeable, of_month.kept) if of_month.kept else Fraction(0)
        return Cost(day.minutes * share, day.minutes * share * Fraction(day.rate.price) / _days_of(day.day))

    return [(day, cost(day)) for day in days]


def storage_cost(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """What keeping the recordings costs a day."""
    for day, cost in _costs(given, _days(given, facts)):
        yield _day(given, day) | {
            "chargeable_minutes": cost.minutes if cost else None,
            "storage_cost": cost.cost if cost else None,
        }


def storage_by_month(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """What keeping the recordings costs a month."""
    costs, read = _costs(given, _days(given, facts)), Months(given)
    months: dict[tuple[Any, ...], list[tuple[Day, Cost | None]]] = {}
    for day, cost in costs:
        months.setdefault((month_of(day.day), day.account_sid, day.currency), []).append((day, cost))
    for (month, account_sid, currency), days in months.items():
        known = [cost for _, cost in days if cost is not None]
        last, last_cost = days[-1]
        to_come = (next_month(month) - last.day).days - 1
        whole = sum((cost.cost for cost in known), Fraction(0))
        yield given.named(
            {
                "storage_month": month,
                "account_sid": account_sid,
                "currency": currency,
                "last_day": last.day,
                **read.mark(month, account_sid),
                "standing_recordings": last.recordings,
                "standing_minutes": last.minutes,
                "verified_at": last.verified_at,
                "minute_months": Fraction(sum(day.minutes for day, _ in days), _days_of(month)),
                "chargeable_minute_months": Near(
                    sum((cost.minutes for cost in known), Fraction(0)) / _days_of(month), len(days)
                )
                if known
                else None,
                "days_without_rate": len(days) - len(known),
                "storage_cost": Near(whole, len(days)) if known else None,
                "storage_cost_estimate": None
                if last_cost is None
                else Near(whole + to_come * last_cost.cost, len(days) + to_come),
            }
        )


def age_bucket(days: int) -> str:
    """Return the age of a recording as it is shown."""
    return next((name for most, name in _BUCKETS if days <= most), "over 365 days")


def retention_candidates(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """What is still kept, by age, and what deleting it would save: the free minutes stay with the youngest."""
    rates, looked_for = _rates(given), read_at(given, facts)
    kept = [
        row | {"age_days": (given.as_of - row["usage_date"]).days}
        for row in counted(given, facts)
        if is_kept(row)
    ]
    groups = grouped(
        (row | {"age_bucket": age_bucket(row["age_days"])} for row in kept), *_ACCOUNT, "age_bucket"
    )
    of_place = {place[:2]: _on(_of_account(rates, *place[:2]), given.as_of) for place in groups}
    for place, rows in groups.items():
        rate = of_place[place[:2]]
        days = [row["usage_date"] for row in rows]
        yield given.named(
            dict(zip((*_ACCOUNT, "age_bucket"), place, strict=True))
            | _count("standing", rows)
            | {
                "first_usage_date": min(days),
                "last_usage_date": max(days),
                "verified_at": _verified_at(looked_for, rows),
                "saving_per_month": None if rate is None else _saving(rate, rows, kept, of_place),
            }
        )


def _saving(
    rate: Rate, rows: Sequence[Row], kept: Sequence[Row], of_place: Mapping[tuple[Any, ...], Rate | None]
) -> Near:
    sharing = [row for row in kept if of_place[row["account_sid"], row["currency"]] == rate]
    saved = Fraction(0)
    youngest = min(row["age_days"] for row in rows)
    bucket = [row for row in sharing if age_bucket(row["age_days"]) == age_bucket(youngest)]
    younger = stored(row for row in sharing if row["age_days"] < min(each["age_days"] for each in bucket))
    charged = max(0, younger + stored(bucket) - rate.free) - max(0, younger - rate.free)
    if charged:
        saved = Fraction(charged * stored(rows), stored(bucket)) * Fraction(rate.price)
    return Near(saved, 2)
