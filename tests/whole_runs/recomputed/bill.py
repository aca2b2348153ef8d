"""The bill: what the provider says it charged, next to the recordings."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from tests.whole_runs.recomputed import raw
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import Row, days_between


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
