"""Whatever the ledger: one difference planted in what is charged for a day is found, with its amount and its name."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sql_tables import GIVEN, MODELS, Row, build, connect, create

from transforms.models import references

_BILL = (
    *(
        "staging.stg_recordings",
        "staging.stg_bills",
        "staging.stg_bill_periods",
        "staging.stg_bill_comparison",
    ),
    *("staging.stg_bill_differences", "marts.reconciliation"),
)
_RATES = ["0.0025", "0.005", "0.0031", "0.000001"]


@st.composite
def days(draw: st.DrawFn) -> list[tuple[int, Decimal]]:
    """Minutes and rate of the priced recordings of a day, at least two of them."""
    recordings = st.tuples(st.integers(1, 200), st.sampled_from([Decimal(rate) for rate in _RATES]))
    return draw(st.lists(recordings, min_size=2, max_size=8))


def found(
    recordings: Sequence[tuple[int, Decimal]], unpriced: int, count: int, minutes: int, price: Decimal
) -> Row:
    """The row of a day on which so much is charged for these recordings and so many without a price."""
    row: Row = {"account_sid": "A", "currency": "USD", "created_at": "2026-09-14T10:00:00Z"}
    priced = [
        {**row, "recording_sid": f"R{n}", "duration_seconds": 60 * each, "price": str(-each * rate)}
        for n, (each, rate) in enumerate(recordings)
    ]
    waiting = [
        {**row, "recording_sid": f"U{n}", "duration_seconds": 60, "currency": "XXX"} for n in range(unpriced)
    ]
    day: Row = {"account_sid": "A", "usage_date": "2026-09-14", "currency": "USD", "recordings": count}
    tables: dict[str, list[Row]] = {
        "landed.recordings": [*priced, *waiting],
        "landed.settings": [
            {
                "reporting_timezone": "Asia/Tokyo",
                "short_recording_seconds": 5,
                "bill_tolerance_amount": "0",
                "bill_tolerance_share": "0",
            }
        ],
        "landed.account_days": [
            {"account_sid": "A", "day": "2026-09-14", "is_covered": True, "has_usage_list": True}
        ],
        "landed.usage_records": [{**day, "minutes": str(minutes), "price": str(price)}],
    }
    models = [model for model in MODELS if model.name in _BILL]
    assert len(models) == len(_BILL)
    with connect() as connection:
        for name in {name for model in models for name in references(model.sql, model.file)} & GIVEN.keys():
            create(connection, name, tables.get(name, []))
        for model in models:
            build(connection, model)
        (charged,) = connection.sql("from marts.reconciliation").to_arrow_table().to_pylist()
        return {name: charged[name] for name in charged}


def parts(row: Row) -> dict[str, object]:
    """What the difference is made of, without what is nothing."""
    names = ("only theirs", "only ours", "quantity", "unpriced", "rate")
    amounts = {name: row[f"{name.replace(' ', '_')}_amount"] for name in names}
    return {name: amount for name, amount in amounts.items() if amount}


@given(days(), st.integers(0, 3), st.data())
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_a_planted_difference_is_found_with_its_amount(
    recordings: list[tuple[int, Decimal]], unpriced: int, data: st.DataObject
) -> None:
    count, minutes = len(recordings) + unpriced, sum(each for each, _ in recordings) + unpriced
    price = sum((each * rate for each, rate in recordings), Decimal(0))
    one, rate = data.draw(st.sampled_from(recordings))

    nothing = found(recordings, unpriced, count, minutes, price)
    assert (nothing["class"], parts(nothing), nothing["is_within_tolerance"]) == ("none", {}, True)

    extra = found(recordings, unpriced, count + 1, minutes + one, price + one * rate)
    assert (extra["class"], parts(extra)) == ("only theirs", {"only theirs": one * rate})

    longer = found(recordings, unpriced, count, minutes + 1, price + rate)
    assert (longer["class"], parts(longer)) == ("quantity", {"quantity": rate})

    missing = found(recordings, 0, count - unpriced - 1, minutes - unpriced - one, price - one * rate)
    assert (missing["class"], parts(missing)) == ("only ours", {"only ours": -one * rate})

    cheaper = found(recordings, unpriced, count, minutes, price / 2)
    assert (cheaper["class"], parts(cheaper)) == ("rate", {"rate": price / 2 - price})

    highest = max(rate for _, rate in recordings)
    if unpriced:
        charged = found(recordings, unpriced, count, minutes, price + unpriced * rate)
        assert (charged["class"], parts(charged)) == ("unpriced", {"unpriced": unpriced * rate})
    dearer = found(recordings, unpriced, count, minutes, price + (unpriced + 1) * highest)
    assert parts(dearer) == {
        name: amount for name, amount in (("unpriced", unpriced * highest), ("rate", highest)) if amount
    }
