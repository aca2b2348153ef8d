from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from flows.stores.lake.usage_records import UsageRecords, raw_usage
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import DataError
from transforms.pages.usage import USAGE_SCHEMA
from transforms.values.windows import Window

DAY = date(2026, 9, 14)
WINDOW = Window(DAY, DAY)
NOW = datetime(2026, 9, 15, tzinfo=UTC)
LANDINGS = [Landing("AC1", WINDOW, NOW + timedelta(days=days), root="raw_usage") for days in range(3)]


def rows(price: str) -> pa.Table:
    values = ["AC1", DAY, "USD", 1, Decimal(1), Decimal(price), "L"]
    return pa.Table.from_pylist([dict(zip(USAGE_SCHEMA.names, values, strict=True))], USAGE_SCHEMA)


def test_usage_records_remember_their_landings(tmp_path: Path) -> None:
    records = UsageRecords(tmp_path)
    assert (records.read("AC1").num_rows, records.applied("AC1", LANDINGS)) == (0, None)
    records.write("AC1", rows("1"), LANDINGS[:2])
    assert records.read("AC1").equals(rows("1"))
    assert records.applied("AC1", LANDINGS) == 2
    records.write("AC1", rows("2"), LANDINGS)
    assert records.read("AC1").equals(rows("2"))
    assert records.applied("AC1", LANDINGS) == 3
    records.remove("AC1")
    assert (records.read("AC1").num_rows, records.applied("AC1", LANDINGS)) == (0, None)


@pytest.mark.parametrize("others", [LANDINGS[1:], LANDINGS[:1], [LANDINGS[0], LANDINGS[2]], []])
def test_applied_returns_none_for_other_landings(others: Sequence[Landing], tmp_path: Path) -> None:
    records = UsageRecords(tmp_path)
    records.write("AC1", rows("1"), LANDINGS[:2])
    assert records.applied("AC1", others) is None


def test_damaged_usage_file_is_an_error(tmp_path: Path) -> None:
    records = UsageRecords(tmp_path)
    records.write("AC1", rows("1"), LANDINGS)
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
    records.write("AC1", rows("1"), LANDINGS)
    (path,) = tmp_path.glob("usage_records/*/usage_records.parquet")
    assert records.applied("AC1", LANDINGS) == len(LANDINGS)
    path.unlink()
    assert records.applied("AC1", LANDINGS) is None
