"""In any ledger, one difference planted in the charges of a day is found with its amount and its name."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.sql.tables import GIVEN, Row, build, connect, create, needed
from transforms.model.models import references

_RATES = ["0.0025", "0.005", "0.0031", "0.000001"]


@st.composite
def days(draw: st.DrawFn) -> list[tuple[int, Decimal]]:
    """Draw minutes and rates of at least two priced recordings of a day."""
    recordings = st.tuples(st.integers(1, 200), st.sampled_from([Decimal(rate) for rate in _RATES]))
    return draw(st.lists(recordings, min_size=2, max_size=8))


class Day(NamedTuple):
    """A day of an account: its priced recordings, the number of unpriced ones, the charges and their count."""

    recordings: Sequence[tuple[int, Decimal]]
    unpriced: int
    listed: int
    minutes: int
    price: Decimal


def compared(days: Mapping[str, Day]) -> dict[str, Row]:
    """Return the comparison of each account's day."""
    tables: dict[str, list[Row]] = {
        "landed.settings": [
            {
                "reporting_timezone": "Asia/Tokyo",
                "short_recording_seconds": 5,
                "bill_tolerance_amount": "0",
                "bill_tolerance_share": "0",
            }
        ],
        "landed.recordings": [],
        "landed.account_days": [],
        "landed.usage_records": [],
    }
    for sid, day in days.items():
        row: Row = {"account_sid": sid, "currency": "USD", "created_at": "2026-09-14T10:00:00Z"}
        tables["landed.recordings"] += [
            {**row, "recording_sid": f"{sid}{n}", "duration_seconds": 60 * each, "price": str(-each * rate)}
            for n, (each, rate) in enumerate(day.recordings)
        ]
        tables["landed.recordings"] += [
            {**row, "recording_sid": f"{sid}U{n}", "duration_seconds": 60, "currency": "XXX"}
            for n in range(day.unpriced)
        ]
        tables["landed.account_days"].append(
            {"account_sid": sid, "day": "2026-09-14", "is_covered": True, "has_usage_list": True}
        )
        charged: Row = {"recordings": day.listed, "minutes": str(day.minutes), "price": str(day.price)}
        tables["landed.usage_records"].append(
            {"account_sid": sid, "usage_date": "2026-09-14", "currency": "USD", **charged}
        )
    models = needed("marts.reconciliation")
    with connect() as connection:
        for name in {name for model in models for name in references(model.sql, model.file)} & GIVEN.keys():
            create(connection, name, tables.get(name, []))
        for model in models:
            build(connection, model)
        rows = connection.sql("from marts.reconciliation").to_arrow_table().to_pylist()
    assert len(rows) == len(days)
    return {row["account_sid"]: row for row in rows}


def parts(row: Row) -> dict[str, object]:
    """Return the parts of the difference that are not zero."""
    names = ("only theirs", "only ours", "quantity", "unpriced", "rate")
    amounts = {name: row[f"{name.replace(' ', '_')}_amount"] for name in names}
    return {name: amount for name, amount in amounts.items() if amount}


@given(days(), st.integers(0, 3), st.data())
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
def test_planted_difference_is_found_with_its_amount(
    recordings: list[tuple[int, Decimal]], unpriced: int, data: st.DataObject
) -> None:
    count, minutes = len(recordings) + unpriced, sum(each for each, _ in recordings) + unpriced
    price = sum((each * rate for each, rate in recordings), Decimal(0))
    one, rate = data.draw(st.sampled_from(recordings))
    highest = max(rate for _, rate in recordings)

    found = compared(
        {
            "nothing": Day(recordings, unpriced, count, minutes, price),
            "extra": Day(recordings, unpriced, count + 1, minutes + one, price + one * rate),
            "longer": Day(recordings, unpriced, count, minutes + 1, price + rate),
            "missing": Day(recordings, 0, count - unpriced - 1, minutes - unpriced - one, price - one * rate),
            "cheaper": Day(recordings, unpriced, count, minutes, price / 2),
            "priced meanwhile": Day(recordings, unpriced, count, minutes, price + unpriced * rate),
            "dearer": Day(recordings, unpriced, count, minutes, price + (unpriced + 1) * highest),
        }
    )
    assert found["nothing"]["is_within_tolerance"]
    assert {name: (row["class"], parts(row)) for name, row in found.items() if name != "dearer"} == {
        "nothing": ("none", {}),
        "extra": ("only theirs", {"only theirs": one * rate}),
        "longer": ("quantity", {"quantity": rate}),
        "missing": ("only ours", {"only ours": -one * rate}),
        "cheaper": ("rate", {"rate": price / 2 - price}),
        "priced meanwhile": ("unpriced", {"unpriced": unpriced * rate}) if unpriced else ("none", {}),
    }
    assert parts(found["dearer"]) == {
        name: amount for name, amount in (("unpriced", unpriced * highest), ("rate", highest)) if amount
    }
