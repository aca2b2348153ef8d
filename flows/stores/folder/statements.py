"""Statements of closed months: written once, atomically, and never changed.

`statements/<YYYY-MM>/statement.json` holds the rows, when the month was closed, what was missing, and a sha256 of all
that. `statement.csv` next to it has the same rows for spreadsheets.
"""

import hashlib
import re
import shutil
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from flows.stores.whole_files import BESIDE, flush_folder, write_whole
from transforms.errors import ConfigError, DataError
from transforms.model.statements import (
    CLOSED_SCHEMA,
    STATEMENT_SCHEMA,
    TERMS_SCHEMA,
    Missing,
    Statement,
    StatementRow,
    read_month,
)
from transforms.report.text import to_csv
from transforms.values.minutes import with_whole_minutes
from transforms.values.money import plain

_MANIFEST, _CSV = "statement.json", "statement.csv"
_MONTH = re.compile(r"\d{4}-\d{2}")
_CSV_SCHEMA = pa.schema([field for field in STATEMENT_SCHEMA if field.name in StatementRow.__struct_fields__])


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A statement and the sha256 of its JSON."""

    sha256: str
    statement: Statement


class Statements:
    """The statements in a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "statements"

    def folder(self, month: str) -> Path:
        """Return the folder of a month's statement, whether or not it exists."""
        return self._folder / month

    def months(self) -> list[str]:
        """Return the closed months, oldest first."""
        return sorted(path.name for path in self._folder.glob("*") if _MONTH.fullmatch(path.name))

    def refuse_closed(self, month: str) -> None:
        """Raise ConfigError when the month is already closed, whatever state its files are in."""
        if self.folder(month).exists():
            raise ConfigError(
                f"{month} is already closed: see {self.folder(month)}. A statement is never rewritten; "
                "marts.adjustments shows what has changed since."
            )

    def read(self, month: str) -> Sealed:
        """Return the statement of a month. Raises DataError when a file is missing or was changed since."""
        folder = self.folder(month)
        try:
            sealed = msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=Sealed)
            csv = (folder / _CSV).read_bytes()
        except FileNotFoundError as error:
            raise DataError(f"{error.filename} is missing. Restore it from a backup.") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(
                f"{folder / _MANIFEST} is not a valid statement ({error}). Restore it from a backup."
            ) from None
        statement = sealed.statement
        for file, is_intact in (
            (_MANIFEST, sealed.sha256 == _digest(statement) and statement.month == month),
            (_CSV, hashlib.sha256(csv).hexdigest() == statement.statement_csv_sha256),
        ):
            if not is_intact:
                raise DataError(
                    f"{folder / file} was changed after {month} was closed: its sha256 differs. "
                    "Restore it from a backup."
                )
        return sealed

    def write(self, statement: Statement) -> Sealed:
        """Write a month's statement, with `statement_csv_sha256`. Raises ConfigError when it is already closed."""
        self.refuse_closed(statement.month)
        csv = to_csv(_csv_table(statement.rows)).encode()
        statement = msgspec.structs.replace(statement, statement_csv_sha256=hashlib.sha256(csv).hexdigest())
        sealed = Sealed(_digest(statement), statement)
        temporary = self._folder / f"{statement.month}{BESIDE}"
        shutil.rmtree(temporary, ignore_errors=True)  # left by a closing that was killed
        write_whole(temporary / _CSV, csv)
        write_whole(temporary / _MANIFEST, msgspec.json.format(msgspec.json.encode(sealed), indent=1))
        # One rename puts both files in place, and fails if the target has files already.
        temporary.rename(self.folder(statement.month))
        for folder in (self.folder(statement.month), self._folder):
            flush_folder(folder)
        return sealed

    def tables(self) -> dict[str, pa.Table]:
        """Return `landed.statements`, `closed_months` and `closed_terms`. Raises DataError as `read` does."""
        sealed = [self.read(month) for month in self.months()]
        rows = [
            msgspec.structs.asdict(row)
            | {
                "month": read_month(each.statement.month),
                "billed_minutes": Decimal(row.billed_minutes),
                "cost": None if row.cost is None else Decimal(row.cost),
                "closed_at": each.statement.closed_at,
            }
            for each in sealed
            for row in each.statement.rows
        ]
        terms = [row for each in sealed for row in _terms_rows(each.statement)]
        months = [_closed_row(each.sha256, each.statement, each.statement.missing) for each in sealed]
        return {
            "landed.statements": pa.Table.from_pylist(rows, STATEMENT_SCHEMA),
            "landed.closed_months": pa.Table.from_pylist(months, CLOSED_SCHEMA),
            "landed.closed_terms": pa.Table.from_pylist(terms, TERMS_SCHEMA),
        }


def as_json_text(sealed: Sealed) -> str:
    """Return a statement as one line of JSON."""
    return msgspec.json.encode(sealed).decode()


def statement_table(sealed: Sealed) -> pa.Table:
    """Return the rows of a statement as a table with the columns of its CSV."""
    return _csv_table(sealed.statement.rows)


def statement_rows(table: pa.Table) -> list[StatementRow]:
    """Convert rows of the warehouse to rows of a statement: decimals become plain text."""
    return [
        StatementRow(**{**row, **{name: _text(row[name]) for name in ("billed_minutes", "cost")}})
        for row in table.to_pylist()
    ]


def _text(value: Any) -> Any:
    return plain(value) if isinstance(value, Decimal) else value


def _csv_table(rows: Sequence[StatementRow]) -> pa.Table:
    decoded = [
        msgspec.structs.asdict(row)
        | {
            "billed_minutes": Decimal(row.billed_minutes),
            "cost": None if row.cost is None else Decimal(row.cost),
        }
        for row in rows
    ]
    return with_whole_minutes(pa.Table.from_pylist(decoded, _CSV_SCHEMA))


def _terms_rows(statement: Statement) -> list[dict[str, object]]:
    signs, increments = statement.charge_signs or {}, statement.billing_increments or {}
    return [
        {
            "month": read_month(statement.month),
            "account_sid": sid,
            "charge_sign": signs.get(sid),
            "billing_increment_seconds": increments.get(sid),
        }
        for sid in sorted({*signs, *increments})
    ]


def _closed_row(sha256: str, statement: Statement, missing: Missing) -> dict[str, object]:
    return {
        "month": read_month(statement.month),
        "closed_at": statement.closed_at,
        "reporting_timezone": statement.reporting_timezone,
        "holes": missing.hole_days,
        "unpriced": missing.unpriced_recordings,
        "rejects": missing.rejects,
        "sha256": sha256,
    }


def _digest(statement: Statement) -> str:
    return hashlib.sha256(msgspec.json.encode(statement)).hexdigest()
