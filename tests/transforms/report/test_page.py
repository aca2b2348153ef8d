"""The packed tables of the report page, unpacked as in its script."""

import base64
import json
import zlib
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from tests.support.samples.attacks import ATTACK, acting
from transforms.report.page import payload
from transforms.values.visible import visible

CUBE = pa.table(
    {
        "day": pa.array([date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 2)]),
        "account_sid": ["AC2", "AC1", "AC2"],
        "source": ["Trunking", "DialVerb", "DialVerb"],
        "channels": pa.array([1, None, 2], pa.int8()),
        "currency": ["USD", "XXX", "EUR"],
        "recordings": [3, 1, 2],
        "unpriced_recordings": [0, 1, 0],
        "billed_minutes": [7, 4, 5],
        "priced_minutes": [0, 4, 0],
        "cost": pa.array([Decimal("10.500000000"), None, Decimal("0E-9")], pa.decimal128(38, 9)),
        "credits": pa.array([Decimal("0.25"), Decimal(0), Decimal(0)], pa.decimal128(38, 9)),
        "cost_without_minutes": pa.array([Decimal("0.5"), Decimal(0), Decimal(0)], pa.decimal128(38, 9)),
    }
)
SETTINGS = pa.table({"as_of": pa.array([date(2026, 9, 2)]), "settle_days": [90]})
NOTES = pa.table(
    {
        "account_sid": ["AC2", None],
        "is_passed": [True, False],
        "days": pa.array([1, None], pa.int64()),
        "amount": pa.array([Decimal("100.00"), None], pa.decimal128(38, 2)),
    }
)


def unpacked(
    names: dict[str, str], cube: pa.Table = CUBE, settings: pa.Table = SETTINGS, notes: pa.Table = NOTES
) -> dict[str, Any]:
    accounts = pa.table(
        {"account_sid": [*names], "account_name": [*names.values()]},
        schema=pa.schema({"account_sid": pa.string(), "account_name": pa.string()}),
    )
    tables = {"cube": cube, "accounts": accounts, "settings": settings, "notes": notes}
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(payload(tables))))
    return found


def test_page_has_no_character_that_acts_on_a_reader() -> None:
    odd = {name: [ATTACK, f"{ATTACK} two", None] for name in ("account_sid", "source", "currency")}
    cube = CUBE.drop_columns(list(odd))
    for name, values in odd.items():
        cube = cube.append_column(name, pa.array([value or "x" for value in values]))
    notes = pa.table({"text": [f"{ATTACK}\n"]})
    settings = SETTINGS.append_column("zone", pa.array([ATTACK]))
    shown = unpacked({ATTACK: ATTACK, "x": f"{ATTACK} two"}, cube, settings, notes)
    assert acting(shown) == set()
    assert shown["accounts"][0][0] == visible(ATTACK)


def test_cube_unpacks_with_all_its_digits() -> None:
    shown = unpacked({"AC1": "support", "AC2": "billing"})
    cube, kept = (
        shown["cube"],
        (
            "recordings",
            "unpriced_recordings",
            "billed_minutes",
            "priced_minutes",
            "cost",
            "cost_without_minutes",
            "credits",
        ),
    )
    rows = [
        (
            shown["days"][cube["day"][row]],
            shown["accounts"][cube["account_sid"][row]],
            shown["sources"][cube["source"][row]],
            cube["channels"][row],
            shown["currencies"][cube["currency"][row]],
            *(cube[name][row] for name in kept),
        )
        for row in range(CUBE.num_rows)
    ]
    assert rows == [
        ("2026-09-01", ["AC2", "billing"], "Trunking", 1, "USD", 3, 0, 7, 0, "10.5", "0.5", "0.25"),
        ("2026-09-02", ["AC1", "support"], "DialVerb", None, "XXX", 1, 1, 4, 4, None, "0", "0"),
        ("2026-09-02", ["AC2", "billing"], "DialVerb", 2, "EUR", 2, 0, 5, 0, "0", "0", "0"),
    ]
    assert shown["settings"] == {"as_of": "2026-09-02", "settle_days": 90}


def test_accounts_are_listed_by_name_with_sids_for_duplicates() -> None:
    names = {"AC1": "same", "AC2": "same", "AC3": "Sales", "AC4": "<b>"}
    assert unpacked(names)["accounts"] == [
        ["AC4", "<b>"],
        ["AC3", "Sales"],
        ["AC1", "same (AC1)"],
        ["AC2", "same (AC2)"],
    ]
    assert unpacked({})["accounts"] == [["AC1", "AC1"], ["AC2", "AC2"]]


def test_other_tables_are_listed_as_they_are() -> None:
    assert unpacked({})["tables"]["notes"] == {
        "rows": 2,
        "columns": [
            {"name": "account_sid", "kind": "text", "values": ["AC2"], "places": [0, None]},
            {"name": "is_passed", "kind": "text", "values": ["true", "false"], "places": [0, 1]},
            {"name": "days", "kind": "integer", "values": [1, None]},
            {"name": "amount", "kind": "decimal", "values": ["100", None]},
        ],
    }


def test_cube_without_recordings_has_no_rows() -> None:
    shown = unpacked({"AC1": "support"}, CUBE.slice(0, 0))
    assert shown["cube"]["cost"] == shown["days"] == shown["currencies"] == []
    assert shown["accounts"] == [["AC1", "support"]]
