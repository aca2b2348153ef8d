"""The manifest of a set, compared with sums and digests made by hand."""

import json
from decimal import Decimal

import pyarrow as pa

from transforms.report.manifest import control_totals, manifest

SUM = pa.decimal128(38, 9)


def spend(**columns: pa.Array) -> pa.Table:
    return pa.table({"currency": ["USD", "EUR", "USD", "XXX"], **columns})


def money(*values: str | None, kind: pa.DataType = SUM) -> pa.Array:
    return pa.array([None if value is None else Decimal(value) for value in values], kind)


def test_money_columns_are_added_up_exactly_by_currency() -> None:
    table = spend(
        cost=money("0.000000001", "12345678901234567.123456789", "99.999999999", None),
        expected_cost=money("-1", "1", "0.5", None),
    )
    assert control_totals(table) == {
        "EUR": {"cost": "12345678901234567.123456789", "expected_cost": "1.000000000"},
        "USD": {"cost": "100.000000000", "expected_cost": "-0.500000000"},
    }


def test_totals_include_recording_costs_but_no_rates_or_counts() -> None:
    table = spend(
        cost=money("0.1", "0.2", "0.3", None, kind=pa.decimal128(18, 9)),
        cost_per_minute=money("1", "1", "1", "1", kind=pa.decimal128(18, 9)),
        recordings=[1, 2, 3, 4],
    )
    assert control_totals(table) == {"EUR": {"cost": "0.200000000"}, "USD": {"cost": "0.400000000"}}


def test_focus_totals_are_costs_by_billing_currency_only() -> None:
    table = pa.table(
        {
            "BillingCurrency": ["USD", "USD"],
            "BilledCost": money("0.1", "0.2"),
            "PricingQuantity": money("3", "4"),
        }
    )
    assert control_totals(table) == {"USD": {"BilledCost": "0.300000000"}}


def test_totals_need_a_currency_and_money() -> None:
    assert control_totals(pa.table({"cost": money("1")})) == {}
    assert control_totals(pa.table({"currency": ["USD"], "recordings": [1]})) == {}
    assert control_totals(spend(cost=money("1", "1", "1", "1")).slice(0, 0)) == {}


def test_manifest_names_every_file_with_digest_and_contents() -> None:
    table = spend(cost=money("1", "2", "3", None))
    files = {"b.xlsx": b"", "a.csv": b"abc"}
    found = json.loads(
        manifest(files, {"b.xlsx": {"spend": table, "empty": table.slice(0, 0)}}, {"month": "2026-09"})
    )
    assert found == {
        "month": "2026-09",
        "files": [
            {
                "file": "a.csv",
                "bytes": 3,
                # the example of FIPS 180-2, and the digest of an empty file
                "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "tables": [],
            },
            {
                "file": "b.xlsx",
                "bytes": 0,
                "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "tables": [
                    {
                        "table": "spend",
                        "rows": 4,
                        "totals": {"EUR": {"cost": "2.000000000"}, "USD": {"cost": "4.000000000"}},
                    },
                    {"table": "empty", "rows": 0, "totals": {}},
                ],
            },
        ],
    }
