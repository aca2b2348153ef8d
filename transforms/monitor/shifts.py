"""Lasting changes of the level of spend, as findings. Table rows in, findings out."""

from collections.abc import Iterable
from datetime import date

from transforms.monitor.findings import RECENT_DAYS, Finding, Row, facts_of, is_recent
from transforms.values.money import estimated


def spend_shifts(rows: Iterable[Row], as_of: date) -> list[Finding]:
    """Return levels that changed recently, each as one finding. rows: of marts.spend_shifts."""
    return [_shift(row) for row in rows if is_recent(row["since"], as_of, RECENT_DAYS)]


def _shift(row: Row) -> Finding:
    direction = "more" if row["change"] > 0 else "less"
    percent = "" if row["change_percent"] is None else f" ({row['change_percent']:+.0f} %)"
    before, after = estimated(row["level_before"]), estimated(row["level_after"])
    sentence = (
        f"{row['account_name']}: since {row['since']} a day costs about {after} {row['currency']} instead of "
        f"{before} {row['currency']}{percent}; mainly {row['source']} ({estimated(row['source_change'], signed=True)})."
    )
    subject = f"{row['since']} {row['account_sid']} {row['currency']} {direction}"
    return Finding("spend.shifted", subject, sentence, facts_of(row))
