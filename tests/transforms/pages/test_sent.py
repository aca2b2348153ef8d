from collections.abc import Sequence

import pyarrow as pa
import pytest

from tests.support.samples.transforms import page_body, recording
from transforms.pages.record import Record, record_type
from transforms.pages.records import read_records
from transforms.pages.sent import Batch, Sent


def sent(*pages: Sequence[Record]) -> Sent:
    batch = Batch()
    for number, records in enumerate(pages):
        batch.add(f"page-{number}", records, range(len(records)), f"host-{number}")
    assert len(batch) == sum(map(len, pages))
    return batch.sent()


def records_of(*recordings: bytes) -> list[Record]:
    return read_records(page_body(*recordings)).records


def test_records_keep_their_page_and_position() -> None:
    found = sent([Record("A"), Record("B")], [], [Record("C")])
    assert found.rows["sid"].to_pylist() == ["A", "B", "C"]
    assert [found.place(number) for number in range(3)] == [("page-0", 0), ("page-0", 1), ("page-2", 0)]
    assert found.of_page(found.hosts).to_pylist() == ["host-0", "host-0", "host-2"]
    kept = found.kept(pa.array([False, True, True]))
    assert (len(kept), kept.row(1)["sid"], kept.place(1)) == (2, "C", ("page-2", 0))


@pytest.mark.parametrize("pages", [[], [[]], [[], []]])
def test_pages_without_records_have_no_rows(pages: list[list[Record]]) -> None:
    assert (len(sent(*pages)), sent(*pages).rows.schema) == (0, sent([Record("A")]).rows.schema)


def test_numbers_become_their_text() -> None:
    values: list[str | int | None] = [1, "1", None, 1 << 70, "", -3, "01"]
    found = sent([Record("A", duration=value) for value in values])
    assert found.rows["duration"].to_pylist() == ["1", "1", None, str(1 << 70), "", "-3", "01"]


def test_prices_stay_json() -> None:
    prices = ['"-0.10"', "-0.10", "null", "[1,\n 2]", '"a\\nb"']
    found = sent(records_of(*[recording(price=price) for price in prices]))
    assert found.rows["price"].to_pylist() == [price.encode() for price in prices]


def test_other_fields_of_some_records_are_left_out() -> None:
    wide, wider = record_type(("edge",)), record_type(("edge", "zone"))
    found = sent([wide("A", uri="/a"), Record("B", uri="/b"), wider("C", uri="/c")], [wide("D")])
    assert found.rows["sid"].to_pylist() == ["A", "B", "C", "D"]
    assert found.rows["uri"].to_pylist() == ["/a", "/b", "/c", None]
    assert found.rows["encryption_details"].to_pylist() == [b""] * 4
