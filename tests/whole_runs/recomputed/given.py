"""What the figures are worked out from: recordings, fetches, settings, names and the files kept by hand."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.whole_runs.recomputed import raw, values
from tests.whole_runs.recomputed.raw import Fetch
from tests.whole_runs.recomputed.recordings import Recording, Version, fold
from tests.whole_runs.recomputed.values import Row


@dataclass(frozen=True)
class Settings:
    """The settings that figures depend on, with their documented defaults."""

    reporting_timezone: str = "UTC"
    settle_days: int = 90
    accrual_rate_days: int = 30
    short_recording_seconds: int = 5
    anomaly_window_days: int = 56
    anomaly_deviations: Decimal = Decimal("4.5")
    anomaly_min_share: Decimal = Decimal("0.25")
    bill_tolerance_amount: Decimal = Decimal("0.01")
    bill_tolerance_share: Decimal = Decimal(0)
    bill_tolerance_minutes: Decimal = Decimal(5)
    bill_tolerance_recordings: int = 1


@dataclass(frozen=True)
class Given:
    """Everything there is. names, providers, increments: by account sid.

    net: the accounts whose credits are net. net_at_closing: those of them when each month was closed.
    """

    data_dir: Path
    settings: Settings
    names: Mapping[str, str]
    providers: Mapping[str, str]
    increments: Mapping[str, int] = field(default_factory=dict)
    net: Collection[str] = ()
    net_at_closing: Mapping[date, Collection[str]] = field(default_factory=dict)

    @cached_property
    def fetches(self) -> list[Fetch]:
        """The fetches of recordings, in the order in which they began."""
        return raw.fetches(self.data_dir)

    @cached_property
    def recordings(self) -> dict[str, Recording]:
        """The recordings, by sid."""
        return fold(self.fetches)

    @cached_property
    def as_of(self) -> date:
        """The newest day that was read of any account, UTC."""
        return max(fetch.last for fetch in self.fetches if fetch.is_whole)

    @cached_property
    def first_days(self) -> dict[str, date]:
        """The days before which the API has no recording of an account, where it was asked for that."""
        return raw.first_days(self.data_dir)

    def since(self, account_sid: str, fetches: Iterable[Fetch]) -> date:
        """Return the first day of an account that counts: or of the month that was read first, if it is not known."""
        read = min(fetch.first for fetch in fetches)
        return min(self.first_days.get(account_sid, read.replace(day=1)), read)

    @cached_property
    def closed(self) -> dict[date, dict[str, Any]]:
        """The statements by month."""
        return {
            date.fromisoformat(f"{each['statement']['month']}-01"): each["statement"]
            for each in raw.statements(self.data_dir)
        }

    def table(self, name: str) -> list[dict[str, str | None]]:
        """Return the lines of a reference file."""
        return raw.table(self.data_dir, name)

    def name(self, account_sid: str) -> str:
        """Return the name of an account."""
        return self.names.get(account_sid, account_sid)

    def usage_date(self, created_at: datetime) -> date:
        """Return the day of an instant in the reporting time zone."""
        return values.day_in(created_at, self.settings.reporting_timezone)

    def billed_minutes(self, version: Version, month: date | None = None) -> Decimal | int | None:
        """Return the minutes that are billed. A closed month keeps how it was billed. month: default: its own."""
        said = self.closed.get(month or values.month_of(self.usage_date(version.created_at)))
        increments = self.increments if said is None else said.get("billing_increments", {})
        return values.minutes(version.duration_seconds, increments.get(version.account_sid, 60))

    @cached_property
    def charge_signs(self) -> dict[str, int]:
        """The sign of charges by account, of those whose credits are net."""
        return usual_signs(self.net, [recording.now for recording in self.recordings.values()])

    @cached_property
    def closed_signs(self) -> dict[date, dict[str, int]]:
        """The same as it was when each month was closed."""
        found = {}
        for month, said in self.closed.items():
            moment = datetime.fromisoformat(said["closed_at"])
            known = [recording.known_at(moment) for recording in self.recordings.values()]
            found[month] = usual_signs(self.net_at_closing.get(month, ()), filter(None, known))
        return found

    def cost(self, version: Version, month: date | None = None) -> Decimal | None:
        """Return what a recording costs. A closed month keeps its meaning of signs. month: default: its own."""
        month = month or values.month_of(self.usage_date(version.created_at))
        signs = self.closed_signs.get(month, self.charge_signs)
        return values.charged(version.price, signs.get(version.account_sid))

    def named(self, row: Row) -> Row:
        """Return a row with the name of its account."""
        return row | {"account_name": self.name(row["account_sid"])}


def usual_signs(accounts: Collection[str], versions: Iterable[Version]) -> dict[str, int]:
    """Return the sign that most prices of each account have; -1 if there are as many of either."""
    balance = dict.fromkeys(accounts, 0)
    for version in versions:
        if version.account_sid in balance and version.price:
            balance[version.account_sid] += 1 if version.price > 0 else -1
    return {sid: 1 if more > 0 else -1 for sid, more in balance.items()}
