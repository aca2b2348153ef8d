"""What recordings without a price will cost: by day, and as accruals. Estimates, from what was charged before."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from tests.whole_runs.recomputed.figures.months import Months
from tests.whole_runs.recomputed.figures.rates import due, effective_rates, rate_card
from tests.whole_runs.recomputed.figures.spend import (
    CELL,
    by_month,
    grouped,
    is_awaiting_price,
    is_priced,
    minutes,
    summed,
)
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import (
    EXACT,
    NO_CURRENCY,
    NOTHING,
    Row,
    days_between,
    total,
)

NEWEST_DAYS = 3
"""Of this many days with a charge, the rate of most minutes is expected for minutes without a price."""


class Usual(NamedTuple):
    """What a minute was charged at last: the rate, the newest day with a charge, and the minutes at the rate."""

    rate: Decimal
    newest: date
    minutes: Decimal | int


class Offer(NamedTuple):
    """What is expected for minutes without a price. source: trailing, rate card, account or none."""

    source: str
    currency: str
    rate: Decimal | None


class Offers:
    """What was charged last, by account, source, channels and currency, and by account and currency alone."""

    def __init__(self, given: Given, facts: Sequence[Row]) -> None:
        self._card = rate_card(given)
        self._days = given.settings.accrual_rate_days
        charged = effective_rates(given, facts)
        # Where there are only credits, nothing says what a minute is charged at.
        charged = [row for row in charged if row["prevailing_rate"] is not None or row["free_minutes"]]
        self._same = {place: self._usual(rows) for place, rows in grouped(charged, *CELL).items()}
        self._any = {
            place: self._usual(rows) for place, rows in grouped(charged, "account_sid", "currency").items()
        }

    def _usual(self, rows: Sequence[Row]) -> Usual:
        newest = max(row["usage_date"] for row in rows)
        first = newest - timedelta(days=self._days - 1)
        days = sorted({row["usage_date"] for row in rows if row["usage_date"] >= first})[-NEWEST_DAYS:]
        minutes_of: dict[Decimal, int] = {}
        last: dict[Decimal, date] = {}
        for row in rows:
            if row["usage_date"] in days:
                is_free = row["prevailing_rate"] is None
                rate = NOTHING if is_free else row["prevailing_rate"]
                paid = row["priced_minutes"] - row["free_minutes"] - row["credited_minutes"]
                at_rate = row["free_minutes"] if is_free else paid
                minutes_of[rate] = minutes_of.get(rate, 0) + at_rate
                last[rate] = max(last.get(rate, days[0]), row["usage_date"])
        best = max(minutes_of, key=lambda rate: (minutes_of[rate], last[rate], rate))
        return Usual(best, newest, minutes_of[best])

    def rates(self) -> Iterator[Row]:
        """Yield what a minute was charged at last."""
        for place, usual in self._same.items():
            yield _expected("trailing", place, usual)
        for (sid, currency), usual in self._any.items():
            yield _expected("account", (sid, None, None, currency), usual)

    def last_currency(self, sid: str) -> str:
        """Return the currency that an account was charged in last."""
        known = {place[1]: usual for place, usual in self._any.items() if place[0] == sid}
        known.pop(NO_CURRENCY, None)
        return _newest(known) if known else NO_CURRENCY

    def best(self, row: Row) -> Offer:
        """Return what is expected for a recording without a price."""
        here = tuple(row[column] for column in CELL[:-1])
        for source, usual in (
            ("trailing", {place[-1]: each for place, each in self._same.items() if place[:-1] == here}),
            ("rate card", None),
            ("account", {place[1]: each for place, each in self._any.items() if place[0] == here[0]}),
        ):
            if usual is None:
                offer = self._by_card(row)
                if offer:
                    return offer
                continue
            fitting = {name: each for name, each in usual.items() if row["currency"] in (name, NO_CURRENCY)}
            if fitting:
                currency = _newest(fitting)
                return Offer(source, currency, fitting[currency].rate)
        return Offer("none", row["currency"], None)

    def _by_card(self, row: Row) -> Offer | None:
        for currency in sorted({line["currency"] for line in self._card}):
            price = due(self._card, row, row["usage_date"], currency)
            if price is not None and row["currency"] in (NO_CURRENCY, currency):
                return Offer("rate card", currency, price)
        return None


def _expected(rate_source: str, place: Sequence[Any], usual: Usual) -> Row:
    return dict(zip(CELL, place, strict=True)) | {
        "rate_source": rate_source,
        "expected_rate": usual.rate,
        "newest_date": usual.newest,
        "rate_minutes": usual.minutes,
    }


def expected_rates(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """The rates at which minutes without a price are estimated, apart from those of the rate card."""
    return Offers(given, facts).rates()


def unpriced_estimates(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What recordings without a price will probably cost, by day."""

    def sums(rows: list[Row]) -> Row:
        return {
            "unpriced_recordings": len(rows),
            "unpriced_minutes": minutes(rows),
            "unmeasured_recordings": sum(row["duration_seconds"] is None for row in rows),
            "is_overdue": rows[0]["is_overdue"],
            "rate_source": rows[0]["rate_source"],
            "estimate_currency": rows[0]["estimate_currency"],
            "expected_rate": rows[0]["rate"],
            "estimate": total(row["estimate"] for row in rows),
            "unestimated_recordings": sum(row["is_unestimated"] for row in rows),
            "unestimated_minutes": minutes(row for row in rows if row["rate"] is None),
        }

    waiting = [
        row | {"estimate_currency": row["currency"], "currency": row["own_currency"]}
        for row in _waiting(given, facts)
    ]
    return [given.named(row) for row in summed(waiting, ("usage_date", *CELL), sums)]


def _newest(known: Mapping[str, Usual]) -> str:
    return min(
        known,
        key=lambda name: (
            name == NO_CURRENCY,
            -known[name].newest.toordinal(),
            -known[name].minutes,
            name,
        ),
    )


def _waiting(given: Given, facts: Sequence[Row]) -> list[Row]:
    """Return the recordings that wait for a price, with what is expected for each."""
    offers, found = Offers(given, facts), []
    oldest = given.as_of - timedelta(days=given.settings.settle_days)
    for row in facts:
        if is_awaiting_price(row):
            offer, length = offers.best(row), row["billed_minutes"]
            is_estimated = offer.rate is not None and bool(length)
            found.append(
                row
                | {"own_currency": row["currency"], "currency": offer.currency}
                | {"rate_source": offer.source, "rate": offer.rate}
                | {"estimate": EXACT.multiply(offer.rate or NOTHING, length) if is_estimated else None}
                | {"is_unestimated": offer.rate is None or length is None}
                | {"is_overdue": row["usage_date"] < oldest}
            )
    return found


def expected_daily_spend(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What each day will have cost once all its prices are known."""
    offers = Offers(given, facts)
    parts = [row | {"awaits": not row["is_overdue"]} for row in _waiting(given, facts)]
    for rows in grouped(facts, "usage_date", *CELL).values():
        is_unknown = rows[0]["currency"] == NO_CURRENCY and not any(map(is_priced, rows))
        currency = offers.last_currency(rows[0]["account_sid"]) if is_unknown else rows[0]["currency"]
        parts += [row | {"currency": currency} for row in rows if not is_awaiting_price(row)]

    def sums(rows: list[Row]) -> Row:
        waiting = [row for row in rows if row.get("awaits")]
        cost = total(row["cost"] for row in rows)
        estimate = total(row["estimate"] for row in waiting)
        return {
            "recordings": len(rows),
            "billed_minutes": minutes(rows),
            "awaited_minutes": minutes(waiting),
            "unestimated_minutes": minutes(row for row in waiting if row["rate"] is None),
            "recent_rate": max(
                (row["rate"] for row in waiting if row["billed_minutes"] and row["rate"] is not None),
                default=None,
            ),
            "cost": cost,
            "expected_cost": total((cost, estimate)),
            "unestimated_recordings": sum(row["is_unestimated"] for row in waiting),
        }

    return [given.named(row) for row in summed(parts, ("usage_date", *CELL), sums)]


def accruals(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What recordings without a price will cost, by month."""

    def sums(rows: list[Row]) -> Row:
        return {
            "unpriced_recordings": len(rows),
            "unpriced_minutes": minutes(rows),
            "accrual": total(row["estimate"] for row in rows),
            "overdue_accrual": total(row["estimate"] for row in rows if row["is_overdue"]),
            "unestimated_recordings": sum(row["is_unestimated"] for row in rows),
        }

    months = Months(given)
    rows = summed(by_month(_waiting(given, facts)), ("month", *CELL, "rate_source"), sums)
    return [given.named(row | months.mark(row["month"], row["account_sid"])) for row in rows]


def account_days(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What each account spent day by day, also on days without recordings."""
    months, rows = Months(given), []
    for (sid, currency), days in grouped(
        expected_daily_spend(given, facts), "account_sid", "currency"
    ).items():
        by_day = grouped(days, "usage_date")
        known = {row["usage_date"] for row in days}
        for day in sorted(known | {*days_between(min(known), months.open_day)}):
            rows.append(
                given.named({"account_sid": sid, "currency": currency})
                | _account_day(months, sid, day, by_day.get((day,), []))
            )
    return rows


def _account_day(months: Months, sid: str, day: date, rows: Sequence[Row]) -> Row:
    ago = (months.open_day - day).days
    expected = total(row["expected_cost"] for row in rows)
    return {
        "usage_date": day,
        "days_ago": ago,
        "weeks_ago": (ago - 1) // 7,
        "weekday": day.isoweekday(),
        "is_whole": ago > 0 and months.is_read(day, sid),
        "recordings": sum(row["recordings"] for row in rows),
        "billed_minutes": minutes(rows),
        "unestimated_minutes": sum(row["unestimated_minutes"] for row in rows),
        "cost": total(row["cost"] for row in rows),
        "expected_cost": expected if rows else NOTHING,
        "unestimated_recordings": sum(row["unestimated_recordings"] for row in rows),
    }
