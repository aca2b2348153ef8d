"""Which days were read whole, and which months are over and completely read."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.raw import Fetch
from tests.whole_runs.recomputed.values import Row, day_in, days_between, month_of, next_month


def was_over(fetch: Fetch, day: date) -> bool:
    """Return whether a day was over (UTC) when a fetch of it began."""
    return fetch.began >= datetime.combine(day + timedelta(days=1), time(), UTC)


def whole_days(given: Given) -> dict[str, dict[date, bool]]:
    """Return, by account, whether each of its days (UTC) was read to the end after it was over."""
    found: dict[str, dict[date, bool]] = {}
    for sid in {fetch.account_sid for fetch in given.fetches}:
        whole = [fetch for fetch in given.fetches if fetch.is_whole and fetch.account_sid == sid]
        first, last = given.since(sid, whole), max(fetch.last for fetch in whole)
        found[sid] = {
            day: any(fetch.has(day) and was_over(fetch, day) for fetch in whole)
            for day in days_between(first, last)
        }
    return found


class Months:
    """Which months are over and completely read, by month and account; None is all accounts together."""

    def __init__(self, given: Given) -> None:
        zone = given.settings.reporting_timezone
        self.open_day = day_in(datetime.combine(given.as_of, time(), UTC), zone)
        self._days: dict[str, dict[date, bool]] = {}
        for sid, days in whole_days(given).items():
            # Nothing was made before the first day of an account.
            begins = day_in(datetime.combine(min(days), time(), UTC), zone)
            before = days_between(month_of(begins), min(days) - timedelta(days=1))
            before = before if sid in given.first_days else []
            first = min([*before, *days])
            here = self._days.setdefault(sid, {})
            for day, is_whole in (*((day, True) for day in before), *days.items()):
                begins = datetime.combine(day, time(), UTC)
                for moment in (begins, begins + timedelta(hours=23, minutes=59, seconds=59)):
                    local = day_in(moment, zone)
                    if local >= first:
                        here[local] = here.get(local, True) and is_whole

    @property
    def accounts(self) -> list[str]:
        """The accounts that were read."""
        return list(self._days)

    def first_month(self, sid: str) -> date:
        """Return the first month of an account."""
        return month_of(min(self._days[sid]))

    def is_read(self, day: date, sid: str) -> bool:
        """Return whether a day of an account was completely read. Before its first one there is nothing to read."""
        days = self._days[sid]
        return days.get(day, day < min(days))

    def mark(self, month: date, sid: str | None = None) -> Row:
        """Return what the marts say about a month."""
        so_far = [day for day in days_between(month, next_month(month)) if day < next_month(month)]
        so_far = [day for day in so_far if day < self.open_day]
        accounts = [self._days[sid]] if sid else list(self._days.values())
        read = sum(
            all(days.get(day, day < min(days)) for days in accounts) and any(day in days for days in accounts)
            for day in so_far
        )
        return {
            "is_running": self.open_day < next_month(month),
            "days_read": read,
            "days_missing": len(so_far) - read,
        }

    def is_final(self, month: date, sid: str) -> bool:
        """Return whether a month is over and completely read. A month before the first day read is."""
        mark = self.mark(month, sid)
        is_known = any(month_of(day) == month for day in self._days[sid])
        return not is_known or not (mark["is_running"] or mark["days_missing"])


def months_read(given: Given) -> Iterator[Row]:
    """Which months are over and completely read, of each account and of all together."""
    months = Months(given)
    for sid in (*months.accounts, None):
        first = min(months.first_month(each) for each in ([sid] if sid else months.accounts))
        while first <= month_of(given.as_of):
            yield {"month": first, "account_sid": sid} | months.mark(first, sid)
            first = next_month(first)
