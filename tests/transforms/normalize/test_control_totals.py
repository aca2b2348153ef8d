from decimal import Decimal

import pyarrow as pa
import pytest

from tests.support.samples.transforms import lake_row, utc
from transforms.normalize.control_totals import control_totals, decoded, encoded
from transforms.schema import LAKE_SCHEMA


def test_control_totals_of_rows_by_hand() -> None:
    rows = [
        lake_row("A", created_at=utc(2018, 9, 1), price=Decimal("-0.000000001"), duration_seconds=None),
        lake_row("B", created_at=utc(2018, 9, 30, 23, 59, 59), price=Decimal("0.5"), status="absent"),
        lake_row("C", created_at=utc(2018, 9, 2), price=None, currency="XXX", source="Fax"),
    ]
    assert control_totals(pa.Table.from_pylist(rows, LAKE_SCHEMA)) == {
        "rows": "3",
        "priced": "2",
        "seconds": "8",
        "first creation": "2018-09-01 00:00:00.000000",
        "last creation": "2018-09-30 23:59:59.000000",
        "price USD": "0.499999999",
        "price XXX": "0.000000000",
        "recordings of DialVerb": "2",
        "recordings of Fax": "1",
        "recordings in completed": "2",
        "recordings in absent": "1",
    }


def test_encoded_totals_are_decoded() -> None:
    assert decoded(encoded({"rows": "3"})) == {"rows": "3"}


@pytest.mark.parametrize("found", [None, b"", b"{", b"[]", b'{"rows": 3}', b"\xff"])
def test_missing_or_damaged_totals_are_empty(found: bytes | None) -> None:
    assert decoded(found) == {}
