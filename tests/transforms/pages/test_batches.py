from decimal import Decimal

import pytest

from tests.support.samples.transforms import ACCOUNT, page_body, recording, utc
from transforms.pages.batches import LISTED_SCHEMA, ReadColumns, read_columns
from transforms.pages.oddities import shown
from transforms.pages.records import read_records
from transforms.pages.sent import Batch
from transforms.schema import CONTENT_COLUMNS
from transforms.values.date_columns import instants


def columns_of(*recordings: bytes) -> ReadColumns:
    records = read_records(page_body(*recordings)).records
    batch = Batch()
    for number, record in enumerate(records):
        batch.add(f"page-{number}", [record], [0])
    sent = batch.sent()
    return read_columns(sent, instants(sent.rows["date_created"]), ACCOUNT)


def test_listed_schema_is_the_content_and_the_page() -> None:
    assert LISTED_SCHEMA.names == [*[column.name for column in CONTENT_COLUMNS], "raw_page"]
    assert [field.type for field in LISTED_SCHEMA][:-1] == [column.type for column in CONTENT_COLUMNS]


def test_rows_keep_the_order_and_page_of_records() -> None:
    read = columns_of(
        recording('"B"', price='"0.5"'), recording('"A"', price="null"), recording('"C"', price="-1")
    )
    assert read.table.schema == LISTED_SCHEMA
    assert read.table["recording_sid"].to_pylist() == ["B", "A", "C"]
    assert read.table["price"].to_pylist() == [Decimal("0.5"), None, Decimal(-1)]
    assert read.table["raw_page"].to_pylist() == ["page-0", "page-1", "page-2"]
    assert read.is_price_unreadable.to_pylist() == [False, False, False]
    assert not read.oddities


def test_invalid_price_differs_from_a_missing_price() -> None:
    read = columns_of(recording(price='"free"'), recording(price="null"), recording(price='"free"'))
    assert read.is_price_unreadable.to_pylist() == [True, False, True]
    assert read.table["price"].to_pylist() == [None, None, None]
    assert read.table["price_raw"].to_pylist() == ["free", None, "free"]


@pytest.mark.parametrize("account", [None, "null", '""'])
def test_record_without_an_account_gets_the_requested_one(account: str | None) -> None:
    assert columns_of(recording(account_sid=account)).table["account_sid"].to_pylist() == [ACCOUNT]


def test_record_keeps_the_account_it_names() -> None:
    assert columns_of(recording(account_sid='"another"')).table["account_sid"].to_pylist() == ["another"]


def test_invalid_dates_are_null_and_updated_at_falls_back() -> None:
    read = columns_of(
        recording(date_updated='"soon"', start_time='"x"', end_time='"y"'), recording(date_created='"z"')
    )
    assert read.table["created_at"].to_pylist() == [utc(2018, 9, 25, 23), None]
    assert read.table["updated_at"].to_pylist() == [utc(2018, 9, 25, 23), utc(2018, 9, 26, 23, 0, 4)]
    assert read.table["started_at"].to_pylist() == [None, utc(2018, 9, 25, 23)]
    assert read.table["ended_at"].to_pylist() == [None, utc(2018, 9, 26, 23, 0, 4)]
    assert read.oddities.counts == {
        ("unreadable date_updated", ""): 1,
        ("unreadable start_time", ""): 1,
        ("unreadable end_time", ""): 1,
    }


def test_batch_without_records_has_no_rows() -> None:
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
def test_shown_value_has_at_most_forty_characters(value: object, text: str) -> None:
    assert shown(value) == text
