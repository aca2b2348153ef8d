"""Days that were not read, as findings. Table rows in, findings out."""

from collections.abc import Collection, Iterable
from datetime import date, timedelta

from transforms.monitor.findings import Finding, Row, facts_of, span
from transforms.values.counts import counted


def holes(rows: Iterable[Row]) -> list[Finding]:
    """Return one finding per gap of consecutive days that were not read, of any age.

    A gap is identified by its first day, so one that grows at its end stays the same finding.
    rows: account_sid, account_name and day (UTC) of each missing day, sorted in this order.
    """
    gaps: list[list[Row]] = []
    for row in rows:
        last = gaps[-1][-1] if gaps else None
        if (
            last
            and last["account_sid"] == row["account_sid"]
            and last["day"] + timedelta(days=1) == row["day"]
        ):
            gaps[-1].append(row)
        else:
            gaps.append([row])
    return [_hole(gap[0], gap[-1]["day"], len(gap)) for gap in gaps]


def young_holes(found: Iterable[Finding], but_of: Collection[str], since: date) -> set[str]:
    """Return the keys of gaps that begin on a day (UTC) or later, except those of the given accounts (sids)."""
    return {
        finding.key
        for finding in found
        if finding.kind == "holes.found"
        and finding.facts["account_sid"] not in but_of
        and (finding.facts["first_day"] or "") >= since.isoformat()
    }


def _hole(row: Row, last: date, days: int) -> Finding:
    what = f"{counted(days, 'day was', 'days were')} not read"
    return Finding(
        "holes.found",
        f"{row['account_sid']} {row['day']}",
        f"{row['account_name']}: {what}, {span(row['day'], last)} (UTC). No figure includes these days.",
        facts_of(
            {
                "account_sid": row["account_sid"],
                "account_name": row["account_name"],
                "first_day": row["day"],
                "last_day": last,
                "days": days,
            }
        ),
    )
