from decimal import Decimal

import pytest

from tests.support.samples.transforms import ACCOUNT, page_body, recording, utc
from transforms.pages.batches import LISTED_SCHEMA, Batch, ReadColumns, read_columns, shown
from transforms.pages.records import read_records
from transforms.schema import CONTENT_COLUMNS
from transforms.values.dates import instants


def columns_of(*recordings: bytes) -> ReadColumns:
    records = read_records(page_body(*recordings)).records
    batch = Batch()
    for number, record in enumerate(records):
        batch.add(f"page-{number}", [record], [0])
    return read_columns(batch, instants(batch.text("date_created")), ACCOUNT)


def test_a_listed_recording_has_the_content_of_the_lake_and_its_page() -> None:
    assert LISTED_SCHEMA.names == [*[column.name for column in CONTENT_COLUMNS], "raw_page"]
    assert [field.type for field in LISTED_SCHEMA][:-1] == [column.type for column in CONTENT_COLUMNS]


def test_records_become_rows_in_their_order_with_the_page_of_each() -> None:
    read = columns_of(
        recording('"B"', price='"0.5"'), recording('"A"', price="null"), recording('"C"', price="-1")
    )
    assert read.table.schema == LISTED_SCHEMA
    assert read.table["recording_sid"].to_pylist() == ["B", "A", "C"]
    assert read.table["price"].to_pylist() == [Decimal("0.5"), None, Decimal(-1)]
    assert read.table["raw_page"].to_pylist() == ["page-0", "page-1", "page-2"]
    assert read.is_price_unreadable.to_pylist() == [False, False, False]
    assert not read.oddities


def test_a_price_that_is_no_number_is_told_apart_from_one_that_is_not_there() -> None:
    read = columns_of(recording(price='"free"'), recording(price="null"), recording(price='"free"'))
    assert read.is_price_unreadable.to_pylist() == [True, False, True]
    assert read.table["price"].to_pylist() == [None, None, None]
    assert read.table["price_raw"].to_pylist() == ["free", None, "free"]


@pytest.mark.parametrize("account", [None, "null", '""'])
def test_a_record_that_names_no_account_belongs_to_the_one_that_was_asked(account: str | None) -> None:
    assert columns_of(recording(account_sid=account)).table["account_sid"].to_pylist() == [ACCOUNT]


def test_a_record_keeps_the_account_it_names() -> None:
    assert columns_of(recording(account_sid='"another"')).table["account_sid"].to_pylist() == ["another"]


def test_dates_that_cannot_be_read_are_null_and_the_update_falls_back_to_the_creation() -> None:
    read = columns_of(
        recording(date_updated='"soon"', start_time='"x"', end_time='"y"'), recording(date_created='"z"')
    )
    assert read.table["created_at"].to_pylist() == [utc(2018, 9, 25, 23), None]
    assert read.table["updated_at"].to_pylist() == [utc(2018, 9, 25, 23), utc(2018, 9, 26, 23, 0, 4)]
    assert read.table["started_at"].to_pylist() == [None, utc(2018, 9, 25, 23)]
    assert read.table["ended_at"].to_pylist() == [None, utc(2018, 9, 26, 23, 0, 4)]
    assert read.oddities == {
        ("unreadable date_updated", ""): 1,
        ("unreadable start_time", ""): 1,
        ("unreadable end_time", ""): 1,
    }


def test_no_records_are_no_rows() -> None:
    assert columns_of().table.equals(LISTED_SCHEMA.empty_table())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 39 + "…"),
        (b"0.5\xff", "0.5\N{REPLACEMENT CHARACTER}"),
        (17, "17"),
        ("", ""),
    ],
)
def test_a_value_is_shown_in_at_most_forty_characters(value: object, text: str) -> None:
    assert shown(value) == text
