"""The exports compared with files written by hand and with the documentation of each format."""

import csv
import io
import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from flows.report.exports import LeftOutCosts, exports
from flows.report.presets import PRESETS, Preset
from flows.stores.shipped import shipped
from flows.stores.warehouse.warehouse import Warehouse
from tests.support import GOLDEN
from tests.support.sql.tables import MODELS, create
from transforms.model.models import Twin, drift, read_twin

SQL = shipped("sql")
GOLDEN_EXPORTS = GOLDEN / "exports"
TWIN: Twin = read_twin((SQL / "reports" / "focus.yml").read_text("utf-8"), "focus.yml")
GIVEN: dict[str, list[dict[str, object]]] = yaml.safe_load((GOLDEN_EXPORTS / "given.yml").read_text("utf-8"))


CHARGES = next(model for model in MODELS if model.name == "staging.stg_billed_charges")


def warehouse_of(path: Path, **changes: list[dict[str, object]]) -> Warehouse:
    with duckdb.connect(str(path)) as connection:
        for schema in ("landed", "staging", "marts"):
            connection.execute(f"create schema {schema}")
        for name, rows in GIVEN.items():
            create(connection, name, changes.get(name.partition(".")[2], rows))
        connection.execute(f"create view {CHARGES.name} as {CHARGES.sql}")
    return Warehouse(path)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    yield warehouse_of(tmp_path_factory.mktemp("warehouse") / "warehouse.duckdb")


def written(path: Path) -> dict[str, bytes]:
    return {name: content for name, content, _ in exports(Warehouse(path), SQL, set(PRESETS), LeftOutCosts())}


kept = cache(written)


def contents(warehouse: Warehouse) -> dict[str, bytes]:
    """Return every export of a warehouse; no test here changes one."""
    return kept(warehouse.path)


def focus_rows(warehouse: Warehouse) -> pa.Table:
    return pq.read_table(io.BytesIO(contents(warehouse)["focus.parquet"]))


@pytest.mark.parametrize("name", ["focus.csv", *(limits.file for limits in PRESETS.values())])
def test_export_equals_the_file_written_by_hand(name: str, warehouse: Warehouse) -> None:
    assert contents(warehouse)[name].decode() == (GOLDEN_EXPORTS / name).read_text("utf-8")


def test_export_is_reproducible(warehouse: Warehouse) -> None:
    assert written(warehouse.path) == written(warehouse.path)


def test_export_without_charges_has_only_headers(tmp_path: Path) -> None:
    files = contents(
        warehouse_of(tmp_path / "w.duckdb", daily_charges=[], daily_spend=[], charge_corrections=[])
    )
    assert files["datadog.json"] == b"[]\n"
    assert (
        focus_rows(warehouse_of(tmp_path / "v.duckdb", daily_charges=[], charge_corrections=[])).num_rows == 0
    )
    for name in ("focus.csv", "vantage.csv", "cloudzero.csv"):
        assert files[name].decode() == (GOLDEN_EXPORTS / name).read_text("utf-8").splitlines()[0] + "\n"


def test_export_counts_and_logs_what_is_left_out(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    left_out = LeftOutCosts()
    with caplog.at_level(logging.INFO, "flows"):
        list(exports(warehouse, SQL, set(PRESETS), left_out))
    assert left_out == LeftOutCosts(4, 3, {Preset.CLOUDZERO: 2, Preset.DATADOG: 2, Preset.VANTAGE: 0})
    assert caplog.messages == [
        "4 recordings without a price are not in focus.",
        "3 recordings with a price but no currency are not in focus.",
        "cloudzero.csv accepts only USD: 2 charges in other currencies were left out.",
        "datadog.json accepts only USD: 2 charges in other currencies were left out.",
    ]


def test_export_warns_about_a_file_too_large_for_its_system(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (charge,) = (row for row in GIVEN["marts.daily_charges"] if row["source"] == "Conference")
    many = warehouse_of(
        tmp_path / "w.duckdb",
        daily_charges=[charge | {"source": f"source {n}"} for n in range(3)],
        charge_corrections=[],
    )
    with duckdb.connect(str(many.path)) as connection:
        connection.execute(
            "insert into marts.daily_charges select charge_date + n::integer, * exclude (charge_date, n) "
            "from marts.daily_charges, range(1, 5001) as more(n)"
        )
    with caplog.at_level(logging.WARNING, "flows"):
        list(exports(many, SQL, {Preset.VANTAGE}, LeftOutCosts()))
    logged = [message for message in caplog.messages if message.startswith("vantage.csv")]
    assert logged[0] == "vantage.csv has 15,003 rows, but the limit is 10,000. Load it in parts."
    assert logged[1].endswith("bytes, but the limit is 2,000,000. Load it in parts.")


# FOCUS 1.2: the columns of feature level Mandatory, in specification/columns of the FOCUS_Spec repository.
MANDATORY = (
    "BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd BillingPeriodStart ChargeCategory "
    "ChargeClass ChargeDescription ChargePeriodEnd ChargePeriodStart ContractedCost EffectiveCost InvoiceIssuerName "
    "ListCost PricingQuantity PricingUnit ProviderName PublisherName ServiceCategory ServiceName"
).split()
MAY_BE_NULL = {"ChargeClass", "x_Channels"}
CONSUMED = {"ConsumedQuantity", "ConsumedUnit"}
DECIMALS = (
    "BilledCost EffectiveCost ListCost ContractedCost ConsumedQuantity PricingQuantity"  # NumericFormat
).split()
INSTANTS = "BillingPeriodStart BillingPeriodEnd ChargePeriodStart ChargePeriodEnd".split()  # DateTimeFormat
ALLOWED: dict[str, set[object]] = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {None, "Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
    "PricingUnit": {"Minutes"},  # one of UnitFormat's names of time units
    "ConsumedUnit": {"Seconds"},
    "ServiceCategory": {"Media"},
    "ServiceSubcategory": {"Other (Media)"},  # one of those that belong to Media
}


def next_month(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def faults_of(row: dict[str, Any]) -> set[str]:
    """Return the columns of a charge that break FOCUS 1.2."""
    is_credit = row["ChargeCategory"] == "Credit"
    may_be_null = MAY_BE_NULL | (CONSUMED if is_credit else set())
    faults = {name for name, value in row.items() if value in (None, "") and name not in may_be_null}
    faults |= {name for name, allowed in ALLOWED.items() if row[name] not in allowed and name not in CONSUMED}
    if not is_credit and row["ConsumedUnit"] != "Seconds":
        faults.add("ConsumedUnit")
    is_correction = row["ChargeClass"] == "Correction"
    amounts = {name for name in DECIMALS if row[name] is not None}
    if is_credit and not is_correction:  # whose amounts are the changes
        faults |= {name for name in amounts if (row[name] > 0) != (name == "PricingQuantity")}
    elif not is_correction:
        faults |= {name for name in amounts if row[name] < 0}
    # ConsumedQuantity must be null for any category but Usage.
    if row["ChargeCategory"] != "Usage" and any(row[name] is not None for name in CONSUMED):
        faults.add("ChargeCategory")
    if row["EffectiveCost"] != row["BilledCost"]:
        faults.add("EffectiveCost")
    currency = str(row["BillingCurrency"])
    if not (len(currency) == 3 and currency.isalpha() and currency.isupper()) or currency in {"XXX", "XTS"}:
        faults.add("BillingCurrency")
    start, end = row["ChargePeriodStart"], row["ChargePeriodEnd"]
    if (start.hour, start.minute, start.utcoffset().total_seconds()) != (0, 0, 0):
        faults.add("ChargePeriodStart")
    if (end.date() - start.date()).days != 1 or end.time() != start.time():
        faults.add("ChargePeriodEnd")
    billed, charged = row["BillingPeriodStart"], start.replace(day=1)
    is_billed_then = billed > charged if is_correction else billed == charged
    if not is_billed_then or (billed.day, billed.time()) != (1, start.time()):
        faults.add("BillingPeriodStart")
    if row["BillingPeriodEnd"] != next_month(billed.replace(day=1)):
        faults.add("BillingPeriodEnd")
    tags = json.loads(row["Tags"])
    known = {"source": row["x_Source"]} | ({"channels": str(row["x_Channels"])} if row["x_Channels"] else {})
    return faults | ({"Tags"} if tags != known else set())


def test_focus_has_mandatory_columns_of_the_right_types(warehouse: Warehouse) -> None:
    table = focus_rows(warehouse)
    assert set(MANDATORY) <= set(table.column_names)
    assert all(name.startswith("x_") or (name.isalnum() and name[0].isupper()) for name in table.column_names)
    for field in table.schema:
        expected = (
            pa.decimal128(38, 9)
            if field.name in DECIMALS
            else pa.timestamp("us", "UTC")
            if field.name in INSTANTS
            else {"x_Channels": pa.int8(), "x_Recordings": pa.int64()}.get(field.name, pa.string())
        )
        assert field.type == expected, field.name


def test_focus_columns_are_those_described(warehouse: Warehouse) -> None:
    select = (SQL / "reports" / "focus.sql").read_text("utf-8")
    described = warehouse.table(f"select column_name, column_type from (describe {select})")
    built = dict(zip(described["column_name"].to_pylist(), described["column_type"].to_pylist(), strict=True))
    assert drift("reports.focus", TWIN, built) == []


def test_every_charge_follows_the_focus_rules(warehouse: Warehouse) -> None:
    rows = focus_rows(warehouse).to_pylist()
    assert [row["ChargeCategory"] for row in rows].count("Credit") == 1
    assert [faults_of(row) for row in rows] == [set()] * 9


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *((name, None) for name in TWIN.columns if name not in {*MAY_BE_NULL, *INSTANTS, "Tags"}),
        *((name, "something else") for name in ALLOWED),
        ("BillingCurrency", "XXX"),
        ("BillingCurrency", "usd"),
        ("EffectiveCost", Decimal(7)),
        ("ListCost", Decimal(-1)),
        ("ChargeCategory", "Adjustment"),
        ("ChargeCategory", "Credit"),
        ("ChargeClass", "Correction"),
        ("Tags", '{"source": "another"}'),
        *((name, datetime(2026, 8, 31, 22).astimezone()) for name in INSTANTS),
    ],
)
def test_charge_that_breaks_a_focus_rule_is_detected(
    column: str, value: object, warehouse: Warehouse
) -> None:
    row = focus_rows(warehouse).to_pylist()[0]
    # A correction of a month is billed in a later one.
    noticed_as = "BillingPeriodStart" if (column, value) == ("ChargeClass", "Correction") else column
    assert noticed_as in faults_of(row | {column: value})


def test_export_totals_equal_the_charges_in_each_currency(warehouse: Warehouse) -> None:
    rows = focus_rows(warehouse).to_pylist()
    for currency, total in (("USD", Decimal("0.128456789")), ("EUR", Decimal("12345678901.01"))):
        assert sum(row["BilledCost"] for row in rows if row["BillingCurrency"] == currency) == total


def test_parquet_equals_the_csv_and_keeps_texts_unchanged(
    warehouse: Warehouse,
) -> None:
    files = contents(warehouse)
    in_csv = list(csv.DictReader(io.StringIO(files["focus.csv"].decode(), newline="")))
    in_parquet = focus_rows(warehouse).to_pylist()
    assert in_parquet[7]["SubAccountName"] == '=HYPERLINK("http://x")'
    assert in_csv[7]["SubAccountName"] == "'" + in_parquet[7]["SubAccountName"]
    assert [Decimal(row["BilledCost"]) for row in in_csv] == [row["BilledCost"] for row in in_parquet]
    for name in INSTANTS:
        assert [datetime.fromisoformat(row[name]) for row in in_csv] == [row[name] for row in in_parquet]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_export_defuses_names_that_look_like_formulas(start: str, tmp_path: Path) -> None:
    accounts = [account | {"account_name": f"{start}1+1"} for account in GIVEN["landed.accounts"]]
    files = contents(warehouse_of(tmp_path / "w.duckdb", accounts=accounts))
    numbers = {*DECIMALS, "x_Recordings", "usage/amount", "cost/cost", "cost/on_demand_cost"}
    for name in ("focus.csv", "vantage.csv", "cloudzero.csv"):
        for row in csv.DictReader(io.StringIO(files[name].decode(), newline="")):
            dangerous = {
                key
                for key, cell in row.items()
                if cell.strip().startswith(("=", "+", "-", "@")) and key not in numbers
            }
            assert dangerous == set(), name


def test_day_plus_corrections_equals_what_is_known_in_every_file(warehouse: Warehouse) -> None:
    """The systems have no billing period, so a day must be right with or without separate corrections."""
    files = contents(warehouse)
    charged: dict[str, Decimal] = defaultdict(Decimal)
    for given in GIVEN["marts.daily_charges"]:
        if given["currency"] == "USD":
            charged[str(given["charge_date"])] += Decimal(str(given["cost"]))
    found: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for name, day, cost in (
        ("focus", "ChargePeriodStart", "BilledCost"),
        ("vantage", "ChargePeriodStart", "BilledCost"),
        ("cloudzero", "time/usage_start", "cost/cost"),
    ):
        for row in csv.DictReader(io.StringIO(files[f"{name}.csv"].decode(), newline="")):
            if row.get("BillingCurrency", "USD") == "USD":
                found[name][row[day][:10]] += Decimal(row[cost])
    for item in json.loads(files["datadog.json"], parse_float=Decimal):
        found["datadog"][item["ChargePeriodStart"]] += item["BilledCost"]
    charged["2026-08-30"] = Decimal(0)  # its charge was cancelled
    assert found == dict.fromkeys(("focus", "vantage", "cloudzero", "datadog"), charged)


def test_datadog_properties_are_ordered_short_and_not_empty(tmp_path: Path) -> None:
    charges = [row | {"source": "s" * 5_000} for row in GIVEN["marts.daily_charges"]]
    loaded = json.loads(
        contents(warehouse_of(tmp_path / "w.duckdb", daily_charges=charges, charge_corrections=[]))[
            "datadog.json"
        ],
        parse_float=Decimal,
    )
    assert len(loaded) == 4
    for item in loaded:
        assert list(item) == [
            *("ProviderName", "ChargeDescription", "ChargePeriodStart", "ChargePeriodEnd", "BilledCost"),
            *("BillingCurrency", "Tags"),
        ]
        assert date.fromisoformat(item["ChargePeriodStart"]) == date.fromisoformat(item["ChargePeriodEnd"])
        assert isinstance(item["BilledCost"], Decimal)
        texts = [value for value in (*item.values(), *item["Tags"].values()) if isinstance(value, str)]
        assert all(0 < len(text) <= 1_000 for text in texts)
        assert item["BillingCurrency"] == "USD"


def test_cloudzero_gets_one_value_of_each_tag_for_a_resource(warehouse: Warehouse) -> None:
    rows = list(csv.DictReader(io.StringIO(contents(warehouse)["cloudzero.csv"].decode(), newline="")))
    tags: dict[str, set[tuple[str, ...]]] = {}
    for row in rows:
        assert row["resource/id"].count("/") == 1
        assert ":" not in row["resource/id"]
        tags.setdefault(row["resource/id"], set()).add(
            tuple(cell for name, cell in row.items() if name.startswith("resource/tag:"))
        )
    assert {len(values) for values in tags.values()} == {1}


def test_every_preset_has_its_select() -> None:
    assert {path.stem for path in (SQL / "presets").glob("*.sql")} == set(PRESETS) == set(Preset)
