"""The ledger's totals: the right answer, with which a client's own result can be compared.

They are added up from the truth, never from the text that `render` writes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypedDict

from flows.emulator.ledger.forms import EXACT, round_nine
from flows.emulator.ledger.ledger import Account, Recording

NO_CURRENCY = "XXX"  # ISO 4217's code for "no currency"


class AccountObject(TypedDict):
    """An account in the totals."""

    name: str
    account_sid: str
    api_token: str


class CellObject(TypedDict):
    """One cell of the totals. `unpriced_recordings` wait for a price; absent and failed ones do not.

    `cost` is a plain decimal text, null if no recording in the cell has a price.
    """

    account_sid: str
    source: str
    channels: int | None
    currency: str
    recordings: int
    unpriced_recordings: int
    duration_seconds: int
    cost: str | None


class TotalsObject(TypedDict):
    """The right answer according to the ledger."""

    accounts: list[AccountObject]
    cells: list[CellObject]


_Key = tuple[str, str, int | None, str]


@dataclass(slots=True)
class _Total:
    recordings: int = 0
    unpriced: int = 0
    priced: int = 0
    duration_seconds: int = 0
    cost: Decimal = Decimal(0)


def _order(item: tuple[_Key, _Total]) -> tuple[str, str, int, str]:
    account_sid, source, channels, currency = item[0]
    return account_sid, source, channels or 0, currency


def _text(amount: Decimal) -> str:
    digits = f"{amount:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


@dataclass(slots=True)
class Totals:
    """Adds up a stream of recordings by account, source, channels and currency.

    The cost of a recording is its absolute price rounded half-even to nine decimals. Sums are exact.
    """

    _cells: dict[_Key, _Total] = field(default_factory=dict)

    def add(
        self,
        *,
        account_sid: str,
        source: str,
        channels: int | None,
        currency: str | None,
        duration_seconds: int | None,
        price: Decimal | None,
        is_awaiting_price: bool,
    ) -> None:
        """Count one recording. `price` is in units of the currency and may have either sign."""
        key = (account_sid, source, channels, currency or NO_CURRENCY)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = _Total()
        cell.recordings += 1
        if duration_seconds is not None:
            cell.duration_seconds += duration_seconds
        cell.unpriced += is_awaiting_price
        if price is not None:
            cell.priced += 1
            cell.cost = EXACT.add(cell.cost, round_nine(price))

    def add_recording(self, recording: Recording) -> None:
        """Count one recording of the ledger."""
        self.add(
            account_sid=recording.account_sid,
            source=recording.source,
            channels=recording.channels,
            currency=recording.currency,
            duration_seconds=recording.duration_seconds,
            price=recording.price,
            is_awaiting_price=recording.is_awaiting_price,
        )

    def to_object(self, accounts: Iterable[Account] = ()) -> TotalsObject:
        """Return the totals as one JSON object, with the cells sorted by their key."""
        return {
            "accounts": [
                {"name": a.name, "account_sid": a.account_sid, "api_token": a.api_token} for a in accounts
            ],
            "cells": [
                {
                    "account_sid": account_sid,
                    "source": source,
                    "channels": channels,
                    "currency": currency,
                    "recordings": cell.recordings,
                    "unpriced_recordings": cell.unpriced,
                    "duration_seconds": cell.duration_seconds,
                    "cost": _text(cell.cost) if cell.priced else None,
                }
                for (account_sid, source, channels, currency), cell in sorted(self._cells.items(), key=_order)
            ],
        }


def totals_of(recordings: Iterable[Recording], accounts: Iterable[Account] = ()) -> TotalsObject:
    """Return the totals of any recordings."""
    totals = Totals()
    for recording in recordings:
        totals.add_recording(recording)
    return totals.to_object(accounts)
