from decimal import Decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples.transforms import lake_row, utc
from transforms.normalize.control_totals import added_up, control_totals
from transforms.schema import LAKE_SCHEMA

ROWS = [
    lake_row("D", created_at=utc(2018, 9, 3), price=Decimal("1.000000001"), currency="EUR"),
    lake_row(
        "E", created_at=utc(2018, 9, 4), price=None, currency="XXX", source="Fax", duration_seconds=None
    ),
    lake_row("F", created_at=utc(2018, 9, 1), price=Decimal("-2"), status="absent"),
]


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


@given(st.lists(st.lists(st.sampled_from(ROWS), min_size=1, max_size=4), min_size=1, max_size=4))
def test_totals_of_parts_add_up_to_those_of_the_whole(parts: list[list[dict[str, object]]]) -> None:
    tables = [pa.Table.from_pylist(part, LAKE_SCHEMA) for part in parts]
    assert added_up(map(control_totals, tables)) == control_totals(pa.concat_tables(tables))


def test_no_digit_of_a_large_sum_is_lost() -> None:
    large = {"price USD": "99999999999999999999999999999.999999999"}
    assert added_up([large, {"price USD": "0.000000001"}]) == {"price USD": f"1{'0' * 29}.000000000"}
