"""A report's CSV in other programs: pandas, DuckDB and LibreOffice read back every digit that was written."""

import csv
import io
import shutil
import subprocess
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from flows.report.workbook import workbook
from transforms.report.text import to_csv

COST = pa.decimal128(38, 9)
MONEY = [
    "0.000000001", "-0.000000001", "0.100000000", "0.300000000", "1234567.123456789", "-99999.999999999",
    "12345678901234567890123456789.987654321", "0.000000000", None,
]  # fmt: skip
TEXTS = [
    "plain", "", None, 'say "hi", twice', "two\nlines", "cr\rhere", "  spaces ", "ünï \u202e 🎧", "007",
]  # fmt: skip
DAYS = [date(2026, 9, 1), date(2028, 2, 29), date(1970, 1, 1), None, *[date(2026, 12, 31)] * 5]
SEEN = [datetime(2026, 9, 1, 23, 59, 59, 123456, tzinfo=UTC), None, *[datetime(2026, 9, 1, tzinfo=UTC)] * 7]
TABLE = pa.table(
    {
        "usage_date": pa.array(DAYS, pa.date32()),
        "account_name": pa.array(TEXTS, pa.string()),
        "channels": pa.array([1, 2, None, 1, 2, 1, 2, 1, 2], pa.int8()),
        "recordings": pa.array([0, -1, 2**53 + 1, 9_223_372_036_854_775_807, None, 1, 2, 3, 4], pa.int64()),
        "is_short": pa.array([True, False, None, *[True] * 6]),
        "cost": pa.array([None if text is None else Decimal(text) for text in MONEY], COST),
        "cost_per_minute": pa.array([Decimal("0.002500000"), None, *[Decimal(1)] * 7], pa.decimal128(18, 9)),
        "seen_at": pa.array(SEEN, pa.timestamp("us", "UTC")),
    }
)
# A CSV cannot distinguish an empty text from a missing one.
EXPECTED = [{**row, "account_name": row["account_name"] or None} for row in TABLE.to_pylist()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "spend.csv"
    path.write_text(to_csv(TABLE), encoding="utf-8", newline="")
    return path


def test_pandas_reads_every_digit_as_text_and_decimal(path: Path) -> None:
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert [Decimal(text) if text else None for text in frame["cost"]] == TABLE["cost"].to_pylist()
    assert [int(text) if text else None for text in frame["recordings"]] == TABLE["recordings"].to_pylist()
    assert [text or None for text in frame["account_name"]] == [row["account_name"] for row in EXPECTED]


def test_duckdb_reads_all_types_back(path: Path) -> None:
    types = {
        "usage_date": "DATE",
        "account_name": "VARCHAR",
        "channels": "TINYINT",
        "recordings": "BIGINT",
        "is_short": "BOOLEAN",
        "cost": "DECIMAL(38,9)",
        "cost_per_minute": "DECIMAL(18,9)",
        "seen_at": "TIMESTAMPTZ",
    }
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        found = connection.sql("select * from read_csv(?, columns = ?)", params=[str(path), types])
        assert found.to_arrow_table().to_pylist() == EXPECTED


def test_python_reads_back_what_was_written(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        texts = [row["account_name"] or None for row in csv.DictReader(file)]
    assert texts == [row["account_name"] for row in EXPECTED]


def test_formulas_get_an_apostrophe_but_negative_numbers_do_not() -> None:
    names = ["=1+1", "+1+1", "-a", "@a", "\t=1", "a=1", "'quoted", "-0.005", "+1"]
    table = pa.table({"account_name": names, "cost": pa.array([Decimal("-1.5")] * 9, COST), "n": [-1] * 9})
    found = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert [row["account_name"] for row in found] == [
        "'=1+1", "'+1+1", "'-a", "'@a", "\t'=1", "a=1", "'quoted", "-0.005", "+1",
    ]  # fmt: skip
    assert {(row["cost"], row["n"]) for row in found} == {("-1.500000000", "-1")}


def convert(source: Path, kind: str, folder: Path, *options: str) -> None:
    profile = f"-env:UserInstallation=file://{source.parent}/profile"
    command = ["soffice", profile, "--headless", *options, "--convert-to", kind, "--outdir", str(folder)]
    subprocess.run([*command, str(source)], check=True, capture_output=True, timeout=300)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_keeps_every_digit_a_spreadsheet_can(tmp_path: Path) -> None:
    """A spreadsheet's numbers have 15 digits: enough for a cost below a million with nine decimals."""
    money = ["0.000000001", "-0.000000001", "0.100000000", "123456.123456789", "-99999.999999999", None]
    names = ["support", "=1+1", "a, b", "two\nlines", "ü", "x"]
    table = pa.table(
        {
            "account_name": names,
            "usage_date": [date(2026, 9, 1)] * 6,
            "cost": pa.array([None if text is None else Decimal(text) for text in money], COST),
        }
    )
    (tmp_path / "spend.csv").write_text(to_csv(table), encoding="utf-8", newline="")
    # 44: comma, 34: quote, 76: UTF-8, from line 1, columns as they are, 1033: US English.
    convert(tmp_path / "spend.csv", "xlsx", tmp_path, "--infilter=CSV:44,34,76,1,,1033")
    (tmp_path / "book.xlsx").write_bytes(workbook({"spend": table}))
    # It shows the apostrophe: better than running the formula after it. A workbook needs none.
    for source, name in (("spend", "'=1+1"), ("book", "=1+1")):
        kind = "csv:Text - txt - csv (StarCalc):44,34,76,1,,1033,false,false"
        convert(tmp_path / f"{source}.xlsx", kind, tmp_path / "out")
        with (tmp_path / "out" / f"{source}.csv").open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        costs = [row["cost"].replace(",", "") for row in found]  # formatted as the workbook shows them
        assert [Decimal(cost) if cost else None for cost in costs] == table["cost"].to_pylist()
        assert [row["account_name"] for row in found] == ["support", name, "a, b", "two\nlines", "ü", "x"]
        assert {row["usage_date"] for row in found} == {"2026-09-01"}
