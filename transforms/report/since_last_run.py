"""What changed between two runs: recordings, cost, and the accounts and sources with the largest changes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from transforms.values.json_text import plain_object
from transforms.values.windows import read_stamp

_MOST_MOVERS = 3

Fetched = tuple[str, datetime]
"""An account (sid), and when a fetch of it began (UTC): no two of its fetches begin at the same instant."""


class SpendFigure(msgspec.Struct, frozen=True):
    """All-time spend of an account with a source in a currency: recordings, and cost (None if nothing is priced)."""

    account_sid: str
    account_name: str
    source: str
    currency: str
    recordings: int
    cost: Decimal | None


class Figures(msgspec.Struct, frozen=True):
    """Figures as reported at an instant (UTC), a digest of their inputs, their landings, and deleted recordings."""

    reported_at: datetime = msgspec.field(name="told_at")
    inputs: str
    landings: list[str]
    deleted: int
    cells: list[SpendFigure]


@dataclass(frozen=True, slots=True)
class Mover:
    """An account and a source, and the change of their cost."""

    account_name: str
    source: str
    currency: str
    change: Decimal


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since the figures were last reported (before: UTC; None if they never were).

    new, changed, deleted, returned: recordings that are new, changed, deleted, or listed again; the same recording may
    be both changed and deleted. cost: currency → change. movers: for each currency the three largest changes, largest
    first (amounts in different currencies are not compared).
    """

    before: datetime | None
    new: int = 0
    changed: int = 0
    deleted: int = 0
    returned: int = 0
    cost: Mapping[str, Decimal] = field(default_factory=dict)
    movers: Sequence[Mover] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether nothing changed."""
        return not (self.new or self.changed or self.deleted or self.returned or self.movers)

    def as_object(self) -> dict[str, Any]:
        """Return an object for JSON, with money as plain decimals."""
        found: dict[str, Any] = plain_object(self)
        return found


def changes(before: Figures | None, now: Figures, changed: int, deleted: int) -> Changes:
    """Compare the figures of two runs.

    changed, deleted: numbers of recordings that the landings in between changed or found deleted. A recording that was
    deleted before and is not deleted now counts as returned.
    """
    if before is None:
        before_cells, reported_at, deleted_before = [], None, 0
    else:
        before_cells, reported_at, deleted_before = before.cells, before.reported_at, before.deleted
    names = {cell.account_sid: cell.account_name for cell in (*before_cells, *now.cells)}
    moved: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for cells, sign in ((before_cells, -1), (now.cells, 1)):
        for cell in cells:
            moved[cell.currency, cell.account_sid, cell.source] += sign * (cell.cost or 0)
    movers = [
        Mover(names[sid], source, currency, change)
        for (currency, sid, source), change in sorted(moved.items())
        if change
    ]
    currencies = sorted({mover.currency for mover in movers})
    return Changes(
        before=reported_at,
        new=_recordings(now.cells) - _recordings(before_cells),
        changed=changed,
        deleted=deleted,
        returned=deleted_before + deleted - now.deleted,
        cost={
            currency: sum((each.change for each in movers if each.currency == currency), Decimal(0))
            for currency in currencies
        },
        movers=[mover for currency in currencies for mover in _largest(movers, currency)],
    )


def fetch_of(landing: str) -> Fetched:
    """Return the account of a landing, and when its fetch began, from its name."""
    *_, account, _, stamp = landing.split("/")
    return account.removeprefix("account_sid="), read_stamp(stamp)


def crowded_accounts(fetches: Iterable[Fetched], kept: int) -> set[str]:
    """Return the accounts with so many fetches that others may be summed up already. kept: how many are not."""
    numbers = Counter(account for account, _ in fetches)
    return {account for account, number in numbers.items() if number >= kept}


def unreported_fetches(found: Set[Fetched], reported: Set[Fetched], kept: int) -> set[Fetched]:
    """Return which of the fetches were not applied when figures were last reported.

    found: fetches of some accounts. reported: those that the last figures were based on; of each account, all but the
    newest may have been summed up. kept: how many are not.
    """
    by_account: defaultdict[str, list[datetime]] = defaultdict(list)
    for account, fetched_at in reported:
        by_account[account].append(fetched_at)
    # Whatever began before these had been summed up, or was among the reported ones.
    floors = {
        account: sorted(all_of_it)[-kept]
        for account, all_of_it in by_account.items()
        if len(all_of_it) >= kept
    }
    return {
        (account, fetched_at)
        for account, fetched_at in found - reported
        if account not in floors or fetched_at > floors[account]
    }


def _largest(movers: Iterable[Mover], currency: str) -> list[Mover]:
    of_currency = [mover for mover in movers if mover.currency == currency]
    return sorted(of_currency, key=lambda mover: -abs(mover.change))[:_MOST_MOVERS]


def _recordings(cells: Iterable[SpendFigure]) -> int:
    return sum(cell.recordings for cell in cells)
