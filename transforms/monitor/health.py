"""The state of a data folder: what is covered, how far, what is missing, and how the runs went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from transforms.values.json_text import plain_object

# Another machine may have written the data. If its clock was off by more, that much of a day would count as read before
# it was over. Certificates and signed requests fail at about the same difference.
CLOCK_SLACK = timedelta(minutes=5)
"""How far another machine's clock may be ahead of this one before one of them counts as wrong."""

_ENDED = {
    0: "success",
    1: "a check failed",
    2: "wrong use or settings, or an error on this machine",
    3: "the API could not be read",
}


@dataclass(frozen=True, slots=True)
class AccountHealth:
    """The state of one account. Days are UTC and inclusive, instants UTC; None means unknown because it was not read.

    covered_until: everything created before is in the tables, except for the gaps. It is the end of the newest covered
    day, or the instant its fetch began if the day was not over. holes: days not covered. unsettled: recordings without
    a price or unfinished.
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
        """Check whether coverage ends after an instant (UTC) by more than clocks may differ."""
        return self.covered_until is not None and self.covered_until > as_of + CLOCK_SLACK


@dataclass(frozen=True, slots=True)
class DayCost:
    """What an account was charged on a day that was read completely; `cost` is None while nothing has a price."""

    account_sid: str
    account_name: str
    currency: str
    cost: Decimal | None
    unpriced: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run, instants in UTC. finished_at and exit_code are None if it is in progress or was interrupted."""

    started_at: datetime
    finished_at: datetime | None
    exit_code: int | None
    requests: int
    retries: int
    rejected: int
    is_under_way: bool = False

    @property
    def in_words(self) -> str:
        """Say when it began and how it ended."""
        began = f"began {self.started_at:%Y-%m-%d %H:%M} UTC"
        if self.exit_code is None:
            how = (
                "is in progress"
                if self.is_under_way
                else "was interrupted; the next run continues from there"
            )
            return f"{began}, {how}"
        return f"{began}, ended with {self.exit_code} ({_ENDED.get(self.exit_code, 'it failed')})"


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a data folder as of an instant (UTC).

    accounts: those in the settings, or all that were read if the settings name none. failed_checks, warning_checks:
    names of checks that found rows, None without tables. day: the last day that is over in the reporting time zone;
    day_began: its first instant; day_costs: its cost, for accounts that were read completely on it. requests, retries:
    totals over all runs. held: why the tables cannot be read now, so that what depends on them is not known; "" if they
    can.
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
    held: str = ""

    @property
    def furthest_behind(self) -> AccountHealth | None:
        """Return the account with the least coverage; one that was never read comes first."""
        unread = [account for account in self.accounts if account.covered_until is None]
        if unread or not self.accounts:
            return unread[0] if unread else None
        return min(self.accounts, key=lambda account: account.covered_until or self.as_of)

    @property
    def age(self) -> timedelta | None:
        """Return how long ago the coverage of the account furthest behind ends; None if it has none."""
        account = self.furthest_behind
        if account is None or account.covered_until is None:
            return None
        return self.as_of - account.covered_until

    def is_older_than(self, max_age: timedelta) -> bool:
        """Check whether coverage is older than `max_age`, or its age is not known.

        An account that was never read is older than any age, and so is one that a wrong clock dated in the future.
        """
        return self.age is None or self.is_in_the_future or self.age > max_age

    @property
    def is_in_the_future(self) -> bool:
        """Check whether an account is covered into the future: a clock was wrong when it was read, or is wrong now."""
        return any(account.is_in_the_future(self.as_of) for account in self.accounts)

    def as_object(self, max_age: timedelta | None = None) -> dict[str, Any]:
        """Return one JSON object: instants and days in ISO 8601, ages in seconds, costs as plain decimals."""
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
                "held": self.held or None,
            }
        )
        return shown

    def total(self, name: str) -> int | None:
        """Return the sum of one of the counts over the accounts for which it is known; None if it is known for none."""
        counts = [getattr(account, name) for account in self.accounts]
        known = [count for count in counts if count is not None]
        return sum(known) if known else None
