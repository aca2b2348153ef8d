"""Rates that changed or differ from the rate card, as findings. Table rows in, findings out."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from transforms.monitor.findings import RECENT_DAYS, Finding, Row, facts_of, is_recent, span
from transforms.values.minutes import shown_minutes
from transforms.values.money import amounts, percentage

_RATE_STEP = Decimal("0.000001")  # rates are kept with six decimals
_PRICE_STEP = Decimal("0.00001")  # the shortest prices that the vendors document have five


def rate_changes(rows: Iterable[Row], as_of: date) -> list[Finding]:
    """Return rates that changed recently, or were recently known to have changed. rows: of marts.rate_changes."""
    return [_rate_change(row) for row in rows if is_recent(row["known_on"], as_of, RECENT_DAYS)]


def _rate_change(row: Row) -> Finding:
    change = row["change_percent"]
    percent = "" if change is None else f" ({percentage(change, signed=True)})"
    after, before = amounts((row["rate_after"], row["rate_before"]), row["currency"], is_rate=True)
    sentence = (
        f"{row['account_name']}: since {row['changed_on']} a minute of {_recorded(row)} costs {after} instead of "
        f"{before}{percent}."
    )
    return Finding("rate.changed", f"{row['changed_on']} {_recorded_key(row)}", sentence, facts_of(row))


def rates_in_turn(rows: Iterable[Row], as_of: date) -> list[Finding]:
    """Return rates in turn, by volume or side by side, for as long as they are. rows: of marts.rates_in_turn.

    A finding is the same however often the rates switch, so it is sent once.
    """
    return [
        _rates_in_turn(row)
        for row in rows
        if not row["is_over"] and is_recent(row["last_day"], as_of, RECENT_DAYS)
    ]


def _rates_in_turn(row: Row) -> Finding:
    lower, higher = amounts((row["lower_rate"], row["higher_rate"]), row["currency"], is_rate=True)
    said = f"costs {lower} and {higher} in turn"
    if row["kind"] == "side by side":
        said = f"costs {lower} or {higher}, both on most days"
    if row["first_rate"] is not None:
        first, then = (lower, higher) if row["first_rate"] == row["lower_rate"] else (higher, lower)
        said = (
            f"costs {first} up to about {row['threshold_minutes']:,} minutes a month, and {then} after that"
        )
    subject = f"{row['since']} {_recorded_key(row)} {row['lower_rate']:f} {row['higher_rate']:f}"
    sentence = f"{row['account_name']}: since {row['since']} a minute of {_recorded(row)} {said}."
    return Finding("rate.in_turn", subject, sentence, facts_of(row))


def rate_differences(rows: Iterable[Row]) -> list[Finding]:
    """Return where the charged rate differs from the rate card, over all recent days together.

    rows: account_sid, account_name, source, channels, currency; first_day and last_day, priced_minutes, cost, cost_due,
    difference, priced_recordings, overcharged and undercharged of the recent days of marts.rate_differences. A
    difference too small to be seen in a rate of six decimals is due to rounding, and so are amounts in both directions
    that rounding each price to five decimals can cause.
    """
    return [
        _rate_difference(row)
        for row in rows
        if abs(row["difference"]) >= _RATE_STEP * row["priced_minutes"] / 2 or _is_mixed(row)
    ]


def _is_mixed(row: Row) -> bool:
    """Return whether some recordings cost too much and others too little, by more than rounding."""
    smaller: Decimal = min(row["overcharged"], row["undercharged"])
    return smaller > _PRICE_STEP * Decimal(row["priced_recordings"]) / 2


def _rate_difference(row: Row) -> Finding:
    direction = "more" if row["difference"] > 0 else "less"
    charged, difference, over, under = amounts(
        (row["cost"], abs(row["difference"]), row["overcharged"], row["undercharged"]), row["currency"]
    )
    said = f"{difference} {direction}"
    if _is_mixed(row):
        direction, said = "mixed", f"{over} more for some recordings and {under} less for others"
    minutes = shown_minutes(row["priced_minutes"])
    sentence = (
        f"{row['account_name']}: {charged} was charged for {minutes} minutes of {_recorded(row)}, "
        f"{span(row['first_day'], row['last_day'])}: {said} than the rate card says."
    )
    return Finding("rate.differs", f"{_recorded_key(row)} {direction}", sentence, facts_of(row))


def _recorded(row: Row) -> str:
    channels = {None: "unknown channels", 1: "1 channel"}.get(row["channels"], f"{row['channels']} channels")
    return f"{row['source']} ({channels})"


def _recorded_key(row: Row) -> str:
    return f"{row['account_sid']} {row['source']} {row['channels']} {row['currency']}"
