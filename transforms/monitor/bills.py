"""Bills that differ from the recordings, as findings. Table rows in, findings out."""

from collections.abc import Iterable
from datetime import date

from transforms.monitor.findings import RECENT_DAYS, Finding, Row, facts_of, is_recent
from transforms.values.counts import counted
from transforms.values.minutes import shown_minutes
from transforms.values.money import amounts

RECENT_BILL_DAYS = 100
"""How many days up to the newest are recent for monthly bills, which arrive weeks later."""
_PRICES_ARRIVE_DAYS = 7


def bills(rows: Iterable[Row], as_of: date) -> list[Finding]:
    """Return bills that differ by more than the tolerance. rows: of marts.reconciliation.

    A bill that differs because recordings have no price here yet is reported after a week, when prices have arrived.
    """
    return [
        _bill(row)
        for row in rows
        if row["is_within_tolerance"] is False
        and is_recent(row["period_start"], as_of, RECENT_BILL_DAYS if _is_invoice(row) else RECENT_DAYS)
        and not (row["class"] == "unpriced" and is_recent(row["period_start"], as_of, _PRICES_ARRIVE_DAYS))
    ]


def _bill(row: Row) -> Finding:
    currency, more = row["currency"], "more" if row["difference"] > 0 else "less"
    whose = "the invoice" if _is_invoice(row) else "the provider's usage record"
    when = f"{row['period_start']:%Y-%m}" if _is_invoice(row) else f"{row['period_start']}"
    note = f"; {row['note']}" if row["note"] else ""
    cost, difference = amounts((row["their_cost"], abs(row["difference"])), currency)
    apart = f"{difference} {more} than" if row["difference"] else "as much as"
    sentence = (
        f"{row['account_name']}: {whose} of {when} (UTC) shows {cost}, "
        f"{apart} the recordings cost{_counts(row)} (main reason: {row['class']}{note})."
    )
    subject = f"{row['against']} {row['period_start']} {row['account_sid']} {currency}"
    return Finding("bill.differs", subject, sentence, facts_of(row))


def _counts(row: Row) -> str:
    """Return what they count and what we count, as part of the sentence, if that differs."""
    if not (row["recordings_apart"] or row["minutes_apart"]):
        return ""
    theirs, ours = f"{row['their_minutes']:,.0f} minutes", shown_minutes(row["our_minutes"])
    if row["their_recordings"] is not None:
        theirs = f"{counted(row['their_recordings'], 'recording', 'recordings')} and {theirs}"
        ours = f"{row['our_recordings']:,} and {ours}"
    return f", and counts {theirs} where we have {ours}"


def _is_invoice(row: Row) -> bool:
    return bool(row["against"] == "invoice")
