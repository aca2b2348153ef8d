"""How a data folder fares: what is covered, until when, what is missing, and how the runs went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from transforms.values.json_text import plain_object

# Another machine may have read. Of a clock that is off by more, as much of a day would be taken for read before it was
# over; certificates and signed requests fail at about as much.
CLOCK_SLACK = timedelta(minutes=5)
"""How far ahead of this machine's clock another's may be before one of them is wrong."""

_ENDED = {
    0: "fine",
    1: "a check failed",
    2: "wrong use or settings, or an error here",
    3: "the API could not be read",
}


@dataclass(frozen=True, slots=True)
class AccountHealth:
    """One account. Days are UTC and inclusive, instants UTC; None is what is not known, because it was not read.

    covered_until: what was created before is in the tables, but for the holes: the end of the newest covered day, or
    the instant its reading began when it was not over. holes: days not covered. unsettled: recordings without a price
    or not done.
    """

    account_sid: str
    account_name: str
    first_day: date | None = None
    newest_day: date | None = None
    covered_until: datetime | None = None
    holes: int | None = None
    unsettled: int | None = None
    unpriced: int | None = None
    rejected: int | None = None

    def is_in_the_future(self, as_of: datetime) -> bool:
        """Whether it is covered further than an instant (UTC), by more than clocks may differ."""
        return self.covered_until is not None and self.covered_until > as_of + CLOCK_SLACK


@dataclass(frozen=True, slots=True)
class DayCost:
    """What an account was charged on a day that was read whole; `cost` is None while nothing of it has a price."""

    account_sid: str
    account_name: str
    currency: str
    cost: Decimal | None
    unpriced: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run: instants in UTC; finished_at and exit_code are None when it is under way, or was broken off."""

    started_at: datetime
    finished_at: datetime | None
    exit_code: int | None
    requests: int
    retries: int
    rejected: int
    is_under_way: bool = False

    @property
    def in_words(self) -> str:
        """When it began, and how it ended if it did."""
        began = f"began {self.started_at:%Y-%m-%d %H:%M} UTC"
        if self.exit_code is None:
            how = "is under way" if self.is_under_way else "was broken off; the next goes on from there"
            return f"{began}, {how}"
        return f"{began}, ended with {self.exit_code} ({_ENDED.get(self.exit_code, 'it failed')})"


@dataclass(frozen=True, slots=True)
class Health:
    """A data folder as of an instant (UTC).

    accounts: those of the settings, or all that were read when the settings name none. failed_checks, warning_checks:
    names of checks that found something, None when there are no tables. day: the last day that is over in the reporting
    time zone, day_began its first instant; day_costs: what it cost, for accounts that it was read whole for. requests,
    retries: of all runs so far.
    """

    as_of: datetime
    accounts: Sequence[AccountHealth]
    day: date
    day_began: datetime
    failed_checks: Sequence[str] | None = None
    warning_checks: Sequence[str] | None = None
    day_costs: Sequence[DayCost] = ()
    last_run: Run | None = None
    last_success: Run | None = None
    requests: int = 0
    retries: int = 0

    @property
    def furthest_behind(self) -> AccountHealth | None:
        """The account that is covered least far; one that was never read is further behind than any."""
        unread = [account for account in self.accounts if account.covered_until is None]
        if unread or not self.accounts:
            return unread[0] if unread else None
        return min(self.accounts, key=lambda account: account.covered_until or self.as_of)

    @property
    def age(self) -> timedelta | None:
        """How long ago the coverage of the account furthest behind ends; None when it has none."""
        account = self.furthest_behind
        if account is None or account.covered_until is None:
            return None
        return self.as_of - account.covered_until

    def is_older_than(self, max_age: timedelta) -> bool:
        """Whether the coverage ends longer ago than that, or nobody can tell.

        What was never read is older than anything, and so is what a wrong clock says was read in the future.
        """
        return self.age is None or self.is_in_the_future or self.age > max_age

    @property
    def is_in_the_future(self) -> bool:
        """Whether an account is covered further than this instant: a clock was wrong when it was read, or is now."""
        return any(account.is_in_the_future(self.as_of) for account in self.accounts)

    def as_object(self, max_age: timedelta | None = None) -> dict[str, Any]:
        """The health as one JSON object: instants and days in ISO 8601, ages in seconds, costs as plain decimals."""
        behind, age = self.furthest_behind, self.age
        shown: dict[str, Any] = plain_object(
            {
                "as_of": self.as_of,
                "newest_day": behind.newest_day if behind else None,
                "covered_until": behind.covered_until if behind else None,
                "age_seconds": None if age is None else round(age.total_seconds()),
                "max_age_seconds": None if max_age is None else round(max_age.total_seconds()),
                "is_current": None if max_age is None else not self.is_older_than(max_age),
                "last_success": self.last_success.finished_at if self.last_success else None,
                "last_run": self.last_run,
                **{name: self.total(name) for name in ("holes", "unsettled", "unpriced", "rejected")},
                "failed_checks": self.failed_checks,
                "warning_checks": self.warning_checks,
                "accounts": self.accounts,
            }
        )
        return shown

    def total(self, name: str) -> int | None:
        """The sum of one of the counts, over the accounts it is known of; None when it is of none."""
        counts = [getattr(account, name) for account in self.accounts]
        known = [count for count in counts if count is not None]
        return sum(known) if known else None
