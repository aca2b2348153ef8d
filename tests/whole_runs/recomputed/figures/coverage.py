"""Which days were read, what each fetch brought, and what could not be understood."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.whole_runs.recomputed.figures.months import was_over
from tests.whole_runs.recomputed.figures.spend import is_awaiting_price
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.raw import Fetch
from tests.whole_runs.recomputed.recordings import FINAL, read
from tests.whole_runs.recomputed.values import Row, UnreadableError, days_between, instant, next_month

DELETED_LISTED_DAYS = 40


def coverage(given: Given, facts: Sequence[Row]) -> list[Row]:
    """Each day from the first that was read of an account to the newest that was read of any."""
    rows = []
    for sid in {fetch.account_sid for fetch in given.fetches}:
        whole = [fetch for fetch in given.fetches if fetch.is_whole and fetch.account_sid == sid]
        for day in days_between(given.since(sid, whole), given.as_of):
            made = [row for row in facts if row["account_sid"] == sid and row["created_at"].date() == day]
            rows.append({"account_sid": sid, "day": day} | _day(whole, day, given.as_of, made))
    return rows


def _day(whole: Sequence[Fetch], day: date, newest: date, made: Sequence[Row]) -> Row:
    last = next((fetch for fetch in reversed(whole) if fetch.has(day)), None)
    listed = [row for row in made if row["deleted_at"] is None or _is_listed_as_deleted(row, newest)]
    unsettled = [row for row in listed if is_awaiting_price(row) or row["status"] not in FINAL]
    return {
        "is_covered": last is not None and (day == newest or was_over(last, day)),
        "fetched_at": last.began if last else None,
        "landing": last.name if last else None,
        "recordings": len(made) if last else None,
        "unsettled_recordings": len(unsettled) if last else None,
    }


def _is_listed_as_deleted(row: Row, newest: date) -> bool:
    """Return whether a deleted recording may still get its price: Twilio lists it for some time."""
    return bool(
        row["status"] == "deleted" and (newest - row["deleted_at"].date()).days <= DELETED_LISTED_DAYS
    )


def last_readings(given: Given, facts: Sequence[Row]) -> list[Row]:
    """When the recordings of a day in the reporting time zone were last read: the oldest of its days in UTC."""
    return [
        {"account_sid": sid, "usage_date": day, "read_at": moment}
        for (sid, day), moment in read_at(given, facts).items()
    ]


def read_at(given: Given, facts: Sequence[Row]) -> dict[tuple[str, date], datetime]:
    """The same, by account and day."""
    found: dict[tuple[str, date], datetime] = {}
    for row in coverage(given, facts):
        if row["recordings"]:
            begins = datetime.combine(row["day"], time(), UTC)
            hours = [given.usage_date(begins + timedelta(hours=hour, minutes=59)) for hour in range(24)]
            for day in {given.usage_date(begins), *hours}:
                place = row["account_sid"], day
                found[place] = min(found.get(place, row["fetched_at"]), row["fetched_at"])
    return found


_NEWEST = 50
"""How many fetches of an account are listed one by one, besides those that are the newest of a day."""


def landings(given: Given) -> Iterator[Row]:
    """The newest fetches and those that are the newest of a day, and how their rows were counted."""
    rows = list(_all_landings(given))
    newest_of_day: dict[tuple[str, date], str] = {}
    for fetch in given.fetches:
        for day in _days(fetch) if fetch.is_whole else ():
            newest_of_day[fetch.account_sid, day] = fetch.name
    for sid in {row["account_sid"] for row in rows}:
        own = [row for row in rows if row["account_sid"] == sid]
        for place, row in enumerate(own, _NEWEST - len(own)):
            if place >= 0 or row["landing"] in newest_of_day.values():
                yield row


def _days(fetch: Fetch) -> Iterator[date]:
    last = min(fetch.last, fetch.began.date())
    for number in range((last - fetch.first).days + 1):
        yield fetch.first + timedelta(days=number)


def _all_landings(given: Given) -> Iterator[Row]:
    known: set[str] = set()
    for fetch in given.fetches:
        counts = dict.fromkeys(("new", "repeated", "rejected", "outside"), 0)
        for records in fetch.pages.values():
            for record in records:
                try:
                    version = read(record)
                except UnreadableError:
                    counts["outside" if _is_outside(fetch, record) else "rejected"] += 1
                    continue
                is_inside = fetch.has(version.created_at.date())
                is_known = version.recording_sid in known
                counts["outside" if not is_inside else "repeated" if is_known else "new"] += 1
                if is_inside:
                    known.add(version.recording_sid)
        yield {
            "landing": fetch.name,
            "account_sid": fetch.account_sid,
            "first_day": fetch.first,
            "last_day": fetch.last,
            "fetched_at": fetch.began,
            "completed_at": fetch.ended,
            "is_whole": fetch.is_whole,
            "pages": len(fetch.pages),
            "rows": sum(map(len, fetch.pages.values())),
        } | counts


def _is_outside(fetch: Fetch, record: Any) -> bool:
    """Return whether a record that cannot be understood is at least known to belong to another window."""
    try:
        return bool(record["sid"]) and not fetch.has(instant(record["date_created"]).date())
    except (KeyError, TypeError, UnreadableError):
        return False


def unread_days(given: Given, facts: Sequence[Row]) -> list[Row]:
    """The days of an account that were not read."""
    return [
        {"account_sid": row["account_sid"], "day": row["day"]}
        for row in coverage(given, facts)
        if not row["is_covered"]
    ]


def holes(given: Given, facts: Sequence[Row]) -> list[Row]:
    """The same, consecutive days in one row."""
    rows: list[Row] = []
    for unread in sorted(unread_days(given, facts), key=lambda row: (row["account_sid"], row["day"])):
        sid, day = unread["account_sid"], unread["day"]
        if rows and (rows[-1]["account_sid"], rows[-1]["last_day"]) == (sid, day - timedelta(days=1)):
            rows[-1] |= {"last_day": day, "days": rows[-1]["days"] + 1}
        else:
            rows.append(given.named({"account_sid": sid, "first_day": day, "last_day": day, "days": 1}))
    return rows


def unread_when_closed(given: Given, month: date, moment: datetime) -> int:
    """Return how many days (UTC) of a month in the reporting time zone had not been read after they were over."""
    zone = ZoneInfo(given.settings.reporting_timezone)
    begins = datetime.combine(month, time(), zone).astimezone(UTC)
    ends = datetime.combine(next_month(month), time(), zone).astimezone(UTC)
    days = days_between(begins.date(), (ends - timedelta(microseconds=1)).date())
    missing = 0
    for sid in {fetch.account_sid for fetch in given.fetches}:
        known = [
            fetch
            for fetch in given.fetches
            if fetch.is_whole and fetch.account_sid == sid and fetch.began <= moment
        ]
        first = given.since(sid, known)
        missing += sum(
            day >= first and not any(fetch.has(day) and was_over(fetch, day) for fetch in known)
            for day in days
        )
    return missing
