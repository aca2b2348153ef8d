"""Billed minutes: exact decimals, or whole numbers while no account is billed by less than a minute.

A recording is billed in steps of some seconds, so its minutes are a multiple of 1/60. They are kept to ten decimals,
and sums are sums of these. With steps of a multiple of 3 seconds they are exact. With others, the minutes of a
recording are off by at most half of the tenth decimal, so the sum of up to 160 million recordings still says to the
second what was billed: 60 times the minutes, rounded.
"""

from decimal import Decimal

import pyarrow as pa

from transforms.values.money import trimmed

MINUTES = pa.decimal128(38, 10)
"""Sums of billed minutes. Money has nine decimals, so that the two can be told apart."""


def shown_minutes(minutes: Decimal | int) -> str:
    """Return minutes for people: whole or to two decimals, with thousands separators."""
    return trimmed(f"{minutes:,.2f}")


def has_minutes(table: pa.Table) -> bool:
    """Return whether the table has columns of billed minutes."""
    return any(map(_is_minutes, table.schema))


def _is_minutes(field: pa.Field) -> bool:
    return bool(pa.types.is_decimal(field.type) and field.type.scale == MINUTES.scale)


def with_whole_minutes(table: pa.Table) -> pa.Table:
    """Return the table with its columns of billed minutes as integers, if all values of the column are whole.

    They are unless a contract bills by less than a minute, and readers expect 12 then, not 12.0000000000.
    """
    for place, field in enumerate(table.schema):
        if _is_minutes(field):
            try:
                whole = table.column(place).cast(pa.int64())
            except pa.ArrowInvalid:
                continue
            table = table.set_column(place, field.name, whole)
    return table
