"""Reference files: small tables people keep by hand, checked line by line.

A file is CSV with exactly the columns of its table, in order. An empty cell is null if the column allows it. Empty
cells at the end of a line and empty lines are ignored, because spreadsheets write them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from transforms.errors import ConfigError
from transforms.values.money import PRICE

_NINE_DECIMALS = Decimal("1e-9")
_LARGEST = Decimal("1e9")


@dataclass(frozen=True, slots=True)
class ReferenceColumn:
    """A column of a reference file. read: text → value; raises ValueError saying what the text should be."""

    name: str
    type: pa.DataType
    read: Callable[[str], Any]
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference file `<name>.csv`; in the warehouse it is `landed.<name>`. key: no two lines share it.

    words: what it contains, for the map of the data folder.
    """

    name: str
    words: str
    columns: tuple[ReferenceColumn, ...]
    key: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """The columns as an Arrow schema."""
        return pa.schema([pa.field(column.name, column.type) for column in self.columns])


def _text(text: str) -> str:
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a date (use YYYY-MM-DD).") from None


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ValueError("is not a month (use YYYY-MM).") from None


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite() or not 0 <= amount < _LARGEST:
        raise ValueError("is not a valid amount. Write a plain decimal of 0 or more, such as 0.0025.")
    if amount != amount.quantize(_NINE_DECIMALS):
        raise ValueError("has more than nine decimals.")
    return amount


def _quantity(text: str) -> Decimal:
    try:
        return _amount(text)
    except ValueError as error:
        raise ValueError(
            str(error).replace("valid amount", "valid quantity").replace("0.0025", "1250")
        ) from None


def _channels(text: str) -> int:
    if text not in ("1", "2"):
        raise ValueError("is not a valid number of channels. Write 1 or 2.")
    return int(text)


def _minutes(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) >= _LARGEST:
        raise ValueError(
            "is not a valid number of minutes. Write a whole number of 0 or more, such as 10000."
        )
    return int(text)


def _currency(text: str) -> str:
    if len(text) != 3 or not text.isascii() or not text.isupper():
        raise ValueError("is not a currency. Write its ISO 4217 code in capitals, such as USD.")
    return text


_ACCOUNT = ReferenceColumn("account_sid", pa.string(), _text, may_be_empty=True)
_CURRENCY = ReferenceColumn("currency", pa.string(), _currency)
_VALID_FROM = ReferenceColumn("valid_from", pa.date32(), _day)

ACCOUNT_NAMES = Reference(
    "account_names",
    "names of accounts by sid",
    (ReferenceColumn("account_sid", pa.string(), _text), ReferenceColumn("account_name", pa.string(), _text)),
    key=("account_sid",),
)

RATE_CARD = Reference(
    "rate_card",
    "what a minute should cost from a day on; an empty cell means any; a line for the account wins over all others, "
    "then one for the source, then one for the channel count",
    (
        _ACCOUNT,
        ReferenceColumn("source", pa.string(), _text, may_be_empty=True),
        ReferenceColumn("channels", pa.int8(), _channels, may_be_empty=True),
        _CURRENCY,
        _VALID_FROM,
        ReferenceColumn("price_per_minute", PRICE, _amount),
    ),
    key=("account_sid", "source", "channels", "currency", "valid_from"),
)

STORAGE_RATES = Reference(
    "storage_rates",
    "what keeping a minute for a month costs from a day on, above the average minutes of a month that are free for all "
    "accounts of the line together; an empty account means any, and the account's own line wins",
    (
        _ACCOUNT,
        _CURRENCY,
        _VALID_FROM,
        ReferenceColumn("price_per_minute_month", PRICE, _amount),
        ReferenceColumn("free_minutes", pa.int64(), _minutes),
    ),
    key=("account_sid", "currency", "valid_from"),
)
"""Twilio documents a price per minute and month above the free minutes, which are an average of the month. It bills the
parent account at the end of the month, so its accounts share them. SignalWire's storage price is not known."""


INVOICES = Reference(
    "invoices",
    "what was invoiced for a month; of the categories `recordings` is compared, whose quantity is minutes",
    (
        ReferenceColumn("account_sid", pa.string(), _text),
        ReferenceColumn("month", pa.date32(), _month),
        ReferenceColumn("category", pa.string(), _text),
        ReferenceColumn("quantity", PRICE, _quantity),
        ReferenceColumn("amount", PRICE, _amount),
        _CURRENCY,
    ),
    key=("account_sid", "month", "category", "currency"),
)
BUDGETS = Reference(
    "budgets",
    "what each month may cost from one (`2026-09`) on; an empty account means all together, an empty amount no budget",
    (
        _ACCOUNT,
        ReferenceColumn("valid_from", pa.date32(), _month),
        _CURRENCY,
        ReferenceColumn("amount", PRICE, _amount, may_be_empty=True),
    ),
    key=("account_sid", "valid_from", "currency"),
)
HOLIDAYS = Reference(
    "holidays",
    "days on which little spend is usual, in the reporting time zone; an empty account means all accounts",
    (
        _ACCOUNT,
        ReferenceColumn("day", pa.date32(), _day),
        ReferenceColumn("name", pa.string(), _text),
    ),
    key=("account_sid", "day"),
)
REFERENCES = (ACCOUNT_NAMES, RATE_CARD, STORAGE_RATES, INVOICES, BUDGETS, HOLIDAYS)


def read_reference(reference: Reference, lines: Iterable[tuple[int, list[str]]], file: str) -> pa.Table:
    """Return the rows of a reference file, given as (line number, cells), its header first.

    Raises ConfigError with file, line and column if the file is not valid.
    """
    numbered = iter(lines)
    names = [column.name for column in reference.columns]
    header = [cell.strip() for cell in _used(next(numbered, (1, []))[1])]
    if header != names:
        found = f"are {','.join(header)}; they " if header else ""
        raise ConfigError(f"{file}, line 1: the columns {found}must be {','.join(names)}.")
    rows: list[dict[str, Any]] = []
    seen: dict[tuple[Any, ...], int] = {}
    for number, line in numbered:
        if not _used(line):
            continue
        cells = line[: max(len(names), len(_used(line)))]
        if len(cells) != len(names):
            raise ConfigError(f"{file}, line {number}: has {len(cells)} cells and needs {len(names)}.")
        row = {
            column.name: _read(column, cell.strip(), f"{file}, line {number}, {column.name}")
            for column, cell in zip(reference.columns, cells, strict=True)
        }
        key = tuple(row[name] for name in reference.key)
        if key in seen:
            raise ConfigError(f"{file}, line {number}: duplicates line {seen[key]}. Keep only one.")
        seen[key] = number
        rows.append(row)
    return pa.Table.from_pylist(rows, reference.schema)


def _used(cells: list[str]) -> list[str]:
    """Return the cells of a line up to the last one that is not empty."""
    last = max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=0)
    return cells[:last]


def _read(column: ReferenceColumn, text: str, where: str) -> Any:
    if not text:
        if column.may_be_empty:
            return None
        raise ConfigError(f"{where}: must not be empty.")
    try:
        return column.read(text)
    except ValueError as error:
        raise ConfigError(f'{where}: "{text}" {error}') from None
