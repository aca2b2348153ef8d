from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from msgspec.structs import replace

from flows.stores.lake.usage_records import AppliedUsage, UsageRecords, raw_usage
from flows.stores.raw.journal import Position
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import DataError
from transforms.pages.usage import USAGE_SCHEMA
from transforms.values.windows import Window

DAY = date(2026, 9, 14)
WINDOW = Window(DAY, DAY)
NOW = datetime(2026, 9, 15, tzinfo=UTC)


def rows(price: str) -> pa.Table:
    values = ["AC1", DAY, "USD", 1, Decimal(1), Decimal(price), "L"]
    return pa.Table.from_pylist([dict(zip(USAGE_SCHEMA.names, values, strict=True))], USAGE_SCHEMA)


def test_usage_records_remember_their_landings(tmp_path: Path) -> None:
    records, applied = UsageRecords(tmp_path), AppliedUsage(Position("2026-09", 2, "digest"), 2, NOW)
    assert (records.read("AC1").num_rows, records.applied("AC1")) == (0, None)
    records.write("AC1", rows("1"), applied)
    assert records.read("AC1").equals(rows("1"))
    found = records.applied("AC1")
    assert found is not None
    assert replace(found, file_sha256="") == applied
    records.remove("AC1")
    assert (records.read("AC1").num_rows, records.applied("AC1")) == (0, None)


def test_damaged_usage_file_is_an_error(tmp_path: Path) -> None:
    records = UsageRecords(tmp_path)
    records.write("AC1", rows("1"), AppliedUsage())
    (tmp_path / "usage_records" / "account_sid=AC1" / "usage_records.parquet").write_bytes(b"PAR")
    with pytest.raises(DataError, match="normalize --rebuild"):
        records.read("AC1")


def test_raw_usage_is_separate_from_raw_recordings(tmp_path: Path) -> None:
    raw = raw_usage(tmp_path)
    landing = raw.begin("AC1", WINDOW, NOW)
    writer = raw.writer(landing)
    writer.add("https://example.com", b'{"usage_records":[]}', 0)
    writer.complete(NOW)
    assert landing.name == "raw_usage/account_sid=AC1/2026-09-14_2026-09-14/20260915T000000.000000Z"
    assert (tmp_path / "raw_usage" / "account_sid=AC1" / "journal" / "2026-09.jsonl").exists()
    assert raw.complete("AC1") == [landing]
    assert [page.body for page in raw.pages(landing)] == [b'{"usage_records":[]}']
    assert (RawPages(tmp_path).accounts(), RawPages(tmp_path).readable("AC1")) == ([], [])


def test_applied_returns_none_for_another_file(tmp_path: Path) -> None:
    records = UsageRecords(tmp_path)
    records.write("AC1", rows("1"), AppliedUsage())
    (path,) = tmp_path.glob("usage_records/*/usage_records.parquet")
    assert records.applied("AC1") is not None
    path.unlink()
    assert records.applied("AC1") is None
