"""The exports of a whole run, compared with the emulator's ledger and the FinOps Foundation's validator."""

import csv
import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from flows.emulator import Emulator, Parameters, open_ledger, serve
from flows.report.exports import LeftOutCosts
from flows.report.presets import PRESETS, Preset
from flows.report.report import report
from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform
from flows.settings.settings import Settings
from flows.stores.shipped import shipped
from tests.support import GOLDEN
from tests.support.runs.ledger_runs import (
    accesses_of,
    context_for,
    fingerprints,
    ledger_cells,
    rows_of,
    run_against,
)
from tests.support.servers.emulator_client import fetch_all
from transforms.values.json_text import json_text


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with serve(open_ledger(Parameters(7, 600, 3), tmp_path_factory.mktemp("rendered"))) as running:
        yield running


@pytest.fixture(scope="module")
def data_dir(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a run with a reporting time zone far from UTC."""
    folder = tmp_path_factory.mktemp("data")
    run_against(emulator, folder, reporting_timezone="Pacific/Auckland")
    return folder


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_charges_add_up_to_the_ledger_and_unpriced_are_counted(emulator: Emulator, data_dir: Path) -> None:
    found: Counter[tuple[str, str, str, str]] = Counter()
    recordings: Counter[tuple[str, str, str, str]] = Counter()
    for row in pq.read_table(data_dir / "reports" / "focus.parquet").to_pylist():
        cell = (row["SubAccountId"], row["x_Source"], str(row["x_Channels"]), row["BillingCurrency"])
        found[cell] += row["BilledCost"]
        recordings[cell] += row["x_Recordings"]
    ledger = {
        (*cell[:2], str(cell[2]), cell[3]): said for cell, said in ledger_cells(emulator.totals()).items()
    }
    assert found == {cell: cost for cell, (_, _, _, cost) in ledger.items() if cost is not None}
    assert len(found) > 20
    served = [
        record for account in emulator.source.accounts for record in fetch_all(emulator, account).values()
    ]
    assert recordings.total() == sum(
        each["price"] is not None and each["price_unit"] is not None for each in served
    )
    left_out = report(data_dir, shipped("sql")).left_out
    assert left_out == LeftOutCosts(unpriced=sum(unpriced for _, unpriced, _, _ in ledger.values()))
    assert left_out.unpriced > 0


def test_manifest_has_currency_totals_and_source_of_list_cost(emulator: Emulator, data_dir: Path) -> None:
    said = json.loads((data_dir / "reports" / "manifest.json").read_text("utf-8"))
    (totals,) = (
        table["totals"]
        for file in said["files"]
        for table in file["tables"]
        if file["file"] == "focus.parquet"
    )
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for cell, (_, _, _, cost) in ledger_cells(emulator.totals()).items():
        if cost is not None:
            expected[cell[3]] += cost
    assert {currency: Decimal(costs["BilledCost"]) for currency, costs in totals.items()} == expected
    assert "rate_card.csv" in said["focus"]["ListCost"]


def test_charges_are_dated_in_utc_in_any_reporting_time_zone(data_dir: Path) -> None:
    expected: Counter[datetime] = Counter()
    moved = 0
    for row in rows_of(
        data_dir, "select created_at, usage_date, cost from marts.fct_recordings where cost > 0"
    ):
        created = row["created_at"].astimezone(UTC)
        expected[created.replace(hour=0, minute=0, second=0, microsecond=0)] += row["cost"]
        moved += created.date() != row["usage_date"]
    found: Counter[datetime] = Counter()
    for row in pq.read_table(data_dir / "reports" / "focus.parquet").to_pylist():
        found[row["ChargePeriodStart"]] += row["BilledCost"]
    assert +found == expected
    assert moved > 100


def test_second_report_writes_no_file(data_dir: Path) -> None:
    report(data_dir, shipped("sql"), list(Preset))
    before = fingerprints(data_dir, ["reports"])
    assert {"reports/focus.csv", "reports/focus.parquet", "reports/datadog.json"} <= before.keys()
    summary = report(data_dir, shipped("sql"), list(Preset))
    assert summary.written == 0
    assert fingerprints(data_dir, ["reports"]) == before


@pytest.mark.slow
def test_preset_is_kept_up_to_date_once_requested(emulator: Emulator, tmp_path: Path) -> None:
    def given() -> set[str]:
        return {limits.file for limits in PRESETS.values() if (tmp_path / "reports" / limits.file).exists()}

    context: RunContext = context_for(accesses_of(emulator), tmp_path)
    perform(context, RunRequest("run"))
    assert given() == set()
    perform(context, RunRequest("report", presets=(Preset.VANTAGE,)))
    assert given() == {"vantage.csv"}
    content = (tmp_path / "reports" / "vantage.csv").read_bytes()
    (tmp_path / "reports" / "vantage.csv").write_text("of last week\n")
    summary = perform(context, RunRequest("run"))
    assert (tmp_path / "reports" / "vantage.csv").read_bytes() == content
    assert given() == {"vantage.csv"}
    assert tmp_path / "reports" / "vantage.csv" in summary.reports


@pytest.mark.slow
def test_provider_of_an_account_comes_from_the_settings(emulator: Emulator, tmp_path: Path) -> None:
    support, *_ = accesses_of(emulator)
    own = {
        "name": "support",
        "base_url": support.base_url,
        "account_sid": support.account_sid,
        "token_env": "TOKEN",
        "provider": "signalwire",
    }
    settings = Settings.model_validate({"data_dir": tmp_path, "provider": "twilio", "accounts": [own]})
    perform(replace(context_for(accesses_of(emulator), tmp_path), settings=settings), RunRequest("run"))
    named = {
        (row["SubAccountId"] == support.account_sid, row["ProviderName"], row["BillingAccountType"])
        for row in read_csv(tmp_path / "reports" / "focus.csv")
    }
    assert named == {(True, "SignalWire", "Project"), (False, "Twilio", "Account")}


# Names of focus-validator 1.0.0 for columns that have other names in FOCUS 1.0 to 1.2.
ALIASES = {
    "InvoiceIssuerName": "InvoiceIssuer",
    "ProviderName": "Provider",
    "PublisherName": "Publisher",
}
# Conditional columns that it always requires: there is no value for them.
WITHOUT_CONDITION = {
    *(f"CommitmentDiscount{of}" for of in ("Category", "Id", "Name", "Status", "Type")),
    *("ContractedUnitPrice", "ListUnitPrice", "RegionId", "RegionName"),
    *("ResourceID", "ResourceName", "ResourceType", "SkuId", "SkuPriceId"),
}


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install focus-validator in its own environment and return its command.

    It needs older versions of multimethod and pyarrow than it declares.
    """
    folder = tmp_path_factory.mktemp("validator")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    packages = ["focus-validator==1.0.0", "multimethod<2", "pyarrow<22"]
    done = subprocess.run(
        [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--retries", "1", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(
            f"focus-validator cannot be installed, the package index may be out of reach: {done.stderr}"
        )
    return folder / "bin" / "focus-validator"


def failures(validator: Path, rows: list[dict[str, str]], tmp_path: Path) -> set[str]:
    """Return the failed checks. The exit code is always 0, and the list of currencies is only found in its folder."""
    data_file, found = tmp_path / "focus.csv", tmp_path / "found.xml"
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    data_file.write_text(text.getvalue(), encoding="utf-8")
    (site_packages,) = validator.parents[1].glob("lib/python3*/site-packages")
    arguments = ["--data-file", str(data_file), "--validate-version", "1.0"]
    arguments += ["--output-type", "unittest", "--output-destination", str(found)]
    subprocess.run([validator, *arguments], cwd=site_packages, check=True, capture_output=True)
    cases = list(ET.parse(found).iter("testcase"))
    assert len(cases) > 100
    return {case.attrib["name"].split(" ")[0] for case in cases if len(case)}


@pytest.mark.slow
def test_focus_validator_finds_only_columns_we_cannot_fill(
    validator: Path, data_dir: Path, tmp_path: Path
) -> None:
    golden = GOLDEN / "exports" / "focus.csv"
    rows = [
        {ALIASES.get(name, name): cell for name, cell in row.items()}
        for path in (data_dir / "reports" / "focus.csv", golden)
        for row in read_csv(path)
    ]
    assert len(rows) > 300
    assert {row["ChargeClass"] for row in rows} == {"", "Correction"}
    assert failures(validator, rows, tmp_path) == {f"{name}_Required" for name in WITHOUT_CONDITION}
    filled = [row | dict.fromkeys(WITHOUT_CONDITION, "") for row in rows]
    # This check requires ChargeType, a column of FOCUS 0.5: it fails for any SkuPriceId.
    cannot_pass = {"SkuPriceId_Nullable"}
    assert failures(validator, filled, tmp_path) == cannot_pass
    broken = [
        row | {"BillingCurrency": "$", "ChargeClass": "Mistake", "BilledCost": "much"} for row in filled
    ]
    assert failures(validator, broken, tmp_path) - cannot_pass == {
        "BillingCurrency_IsCurrencyCode",
        "ChargeClass_Enum",
        "BilledCost_IsDecimal",
    }


def test_left_out_costs_are_kept_in_the_manifest() -> None:
    left_out = LeftOutCosts(1, 2, {Preset.VANTAGE: 3})
    text = json_text(left_out)
    assert text == (
        '{"unpriced_recordings": 1, "recordings_without_currency": 2, "charges_in_other_currencies": {"vantage": 3}}'
    )
    assert msgspec.convert(json.loads(text), LeftOutCosts) == left_out
