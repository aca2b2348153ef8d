"""Reports and extracts of one small ledger, compared with files worked out by hand."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.emulator import Recording, open_living, serve
from flows.report.extract import Extracted, ExtractRequest, extract, mart_rows
from flows.report.formats import FileFormat
from flows.report.report import report
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.stores.shipped import shipped
from tests.support import GOLDEN
from tests.support.runs.ledger_runs import accesses_of, fingerprints, rows_of
from tests.support.runs.living_runs import ACCOUNTS, clock_of, context_by, epoch_of, made
from transforms.errors import ChecksFailedError, ConfigError

SUPPORT, SALES = ACCOUNTS[:2]
NAMES = {SUPPORT: "support", SALES: '=HYPERLINK("http://x"), north'}
SQL = shipped("sql")
GOLDEN_REPORTS = GOLDEN / "reports"
SNAPSHOTS = {"retention_candidates", "spend_trends", "spend_weeks", "unpriced_backlog", "weekday_pattern"}


def recordings() -> Iterator[Recording]:
    """Yield all recordings. Prices are charges as the API gives them, usually negative."""
    given: list[tuple[str, date, str, int, int, str | None, str | None]] = [
        (SUPPORT, date(2026, 8, 31), "DialVerb", 1, 61, "-0.005", "USD"),
        (SUPPORT, date(2026, 9, 1), "DialVerb", 1, 60, "-0.0025", "USD"),
        (SUPPORT, date(2026, 9, 1), "DialVerb", 1, 1, "-0.000000001", "USD"),
        (SUPPORT, date(2026, 9, 30), "Conference", 2, 3600, "-12345678.123456789", "USD"),
        (SUPPORT, date(2026, 9, 30), "DialVerb", 1, 30, None, None),
        (SALES, date(2026, 9, 15), "DialVerb", 2, 90, "0", "USD"),
        (SALES, date(2026, 9, 15), "DialVerb", 2, 59, "-0.01", "EUR"),
    ]
    for sequence, (sid, day, source, channels, seconds, price, currency) in enumerate(given):
        facts: dict[str, Any] = {"source": source, "channels": channels, "duration_seconds": seconds}
        facts |= {"price": None if price is None else Decimal(price), "currency": currency}
        yield made(sid, sequence, epoch_of(day, 43_200), **facts)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    source = open_living(recordings(), now=epoch_of(date(2026, 10, 2), 36_000))
    with serve(source) as emulator:
        accounts = [replace(each, name=NAMES[each.account_sid]) for each in accesses_of(emulator)]
        context = replace(context_by(clock_of(source.ledger), accounts, folder), names=NAMES)
        summary = perform(context, RunRequest("run", date(2026, 8, 1)))
    assert (summary.exit_code, summary.new) == (0, 7)
    return folder


@pytest.fixture(scope="module")
def september(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Extracted:
    """Make the extract of the golden files: one month, all accounts."""
    return extract(
        data_dir, SQL, ExtractRequest("2026-09"), FileFormat.CSV, tmp_path_factory.mktemp("out") / "september"
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def about(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("golden", sorted(GOLDEN_REPORTS.glob("*.csv")), ids=lambda path: path.stem)
def test_extract_of_a_month_equals_the_golden_files(golden: Path, september: Extracted) -> None:
    assert (september.folder / golden.name).read_text("utf-8") == golden.read_text("utf-8")


def test_golden_files_include_every_recording_of_the_month() -> None:
    of_september = [each for each in recordings() if each.created_at >= epoch_of(date(2026, 9, 1))]
    for golden in GOLDEN_REPORTS.glob("*.csv"):
        assert sum(int(row["recordings"]) for row in rows(golden)) == len(of_september)


def test_reports_hold_every_month_and_every_included_mart(data_dir: Path) -> None:
    marts = rows_of(data_dir, "select table_name from information_schema.tables where table_schema = 'marts'")
    written = {path.stem for path in (data_dir / "reports").glob("*.csv")}
    others = {
        path.stem for path in SQL.glob("marts/*/*.yml") if "is_report: false" in path.read_text("utf-8")
    }
    assert "fct_recordings" in others
    assert written == {row["table_name"] for row in marts} - others | {"holes", "focus"}
    months = {row["month"] for row in rows(data_dir / "reports" / "spend_by_source.csv")}
    assert months == {"2026-08-01", "2026-09-01"}


def test_manifest_has_rows_totals_and_digest_of_each_file(september: Extracted) -> None:
    found = about(september.folder)
    assert {name: found[name] for name in ("month", "account_sid", "as_of", "reporting_timezone")} == {
        "month": "2026-09",
        "account_sid": None,
        "as_of": "2026-10-02",
        "reporting_timezone": "UTC",
    }
    files = {each["file"]: each for each in found["files"]}
    assert files.keys() | {"manifest.json"} == {path.name for path in september.folder.iterdir()}
    for name, said in files.items():
        assert (said["bytes"], said["sha256"]) == (
            (september.folder / name).stat().st_size,
            digest(september.folder / name),
        )
        assert said["tables"][0]["rows"] == len(rows(september.folder / name))
    nothing = {"cost_without_minutes": "0.000000000", "credits": "0.000000000"}
    assert files["daily_spend.csv"]["tables"] == [
        {
            "table": "daily_spend",
            "rows": 5,
            "totals": {
                "EUR": {"cost": "0.010000000", **nothing},
                "USD": {"cost": "12345678.125956790", **nothing},
                "XXX": nothing,
            },
        }
    ]


def test_extract_names_the_marts_without_a_month_it_leaves_out(september: Extracted) -> None:
    assert set(september.left_out) == SNAPSHOTS
    assert about(september.folder)["left_out"] == dict(september.left_out)
    assert not SNAPSHOTS & {path.stem for path in september.files}


def test_extract_of_one_account_contains_nothing_of_another(data_dir: Path, tmp_path: Path) -> None:
    written = extract(
        data_dir, SQL, ExtractRequest(None, NAMES[SALES]), FileFormat.PARQUET, tmp_path / "sales"
    )
    assert written.left_out == {"storage_allowances": "its rows cover all accounts together"}
    for path in written.files:
        if path.suffix == ".parquet":
            assert SUPPORT not in path.read_bytes().decode("latin-1"), path.name
            table = pq.read_table(path)
            if "account_sid" in table.column_names:
                assert set(table["account_sid"].to_pylist()) <= {SALES}
    by_source = pq.read_table(tmp_path / "sales" / "spend_by_source.parquet").to_pylist()
    assert [(row["source"], row["currency"], row["recordings"], row["cost"]) for row in by_source] == [
        ("DialVerb", "EUR", 1, Decimal("0.01")),
        ("DialVerb", "USD", 1, Decimal(0)),
    ]
    whole = extract(data_dir, SQL, ExtractRequest(), FileFormat.PARQUET, tmp_path / "whole")
    for name in ("spend_by_source", "spend_by_channels", "spend_by_status", "spend_by_call_kind"):
        assert name in {path.stem for path in written.files}
        assert pq.read_schema(tmp_path / "sales" / f"{name}.parquet") == pq.read_schema(
            tmp_path / "whole" / f"{name}.parquet"
        )
    together = {"storage_allowances.parquet"}
    assert {path.name for path in whole.files} - together == {path.name for path in written.files}


@pytest.mark.parametrize(
    "mart", ["spend_by_source", "spend_by_channels", "spend_by_status", "spend_by_call_kind"]
)
def test_account_extracts_add_up_to_a_mart_without_accounts(data_dir: Path, mart: str) -> None:
    total = {
        column: sum(
            row[column] or 0 for row in mart_rows(data_dir, SQL, mart, ExtractRequest("2026-09")).to_pylist()
        )
        for column in ("recordings", "unpriced_recordings", "billed_minutes", "cost")
    }
    parts = [
        row
        for sid in (SUPPORT, SALES)
        for row in mart_rows(data_dir, SQL, mart, ExtractRequest("2026-09", sid)).to_pylist()
    ]
    assert {column: sum(row[column] or 0 for row in parts) for column in total} == total
    assert total["recordings"] == 6


def test_fact_rows_are_written_when_named_with_cost_in_manifest(data_dir: Path, tmp_path: Path) -> None:
    request = ExtractRequest("2026-08", "support", ["marts.fct_recordings"])
    written = extract(data_dir, SQL, request, FileFormat.CSV, tmp_path / "august")
    assert [path.name for path in written.files] == ["fct_recordings.csv", "manifest.json"]
    (row,) = rows(written.files[0])
    assert (row["usage_date"], row["price_raw"], row["cost"]) == ("2026-08-31", "-0.005", "0.005000000")
    (file,) = about(written.folder)["files"]
    assert file["tables"][0]["totals"] == {"USD": {"cost": "0.005000000"}}


def test_extract_of_a_month_without_recordings_is_empty(data_dir: Path, tmp_path: Path) -> None:
    written = extract(
        data_dir, SQL, ExtractRequest("2026-10", "support"), FileFormat.CSV, tmp_path / "october"
    )
    assert rows(written.folder / "daily_spend.csv") == []
    assert rows(written.folder / "account_days.csv") != [{}]


def test_extract_defaults_to_the_extracts_folder(data_dir: Path) -> None:
    before = fingerprints(data_dir, ["reports"])
    written = extract(data_dir, SQL, ExtractRequest("2026-09", NAMES[SALES]), FileFormat.XLSX)
    assert written.folder == data_dir / "extracts" / f"2026-09_{SALES}"
    assert [path.name for path in written.files] == ["recspend.xlsx", "manifest.json"]
    assert extract(data_dir, SQL, ExtractRequest("2026-09"), FileFormat.XLSX).folder.name == "2026-09"
    assert extract(data_dir, SQL, ExtractRequest(marts=["waste"]), FileFormat.CSV).folder.name == "all"
    assert fingerprints(data_dir, ["reports"]) == before


def test_extract_replaces_only_an_earlier_extract(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    extract(data_dir, SQL, ExtractRequest("2026-09"), FileFormat.CSV, out)
    (out / "notes.txt").write_text("mine")
    again = extract(data_dir, SQL, ExtractRequest("2026-09"), FileFormat.CSV, out)
    assert again.written == 0
    extract(data_dir, SQL, ExtractRequest("2026-09"), FileFormat.XLSX, out)
    assert {path.name for path in out.iterdir()} == {"recspend.xlsx", "manifest.json", "notes.txt"}


@pytest.mark.parametrize("inside", ["reports", ".", "raw", "runs"])
def test_extract_refuses_a_folder_with_other_files(data_dir: Path, inside: str) -> None:
    before = fingerprints(data_dir, ["."])
    with pytest.raises(ConfigError, match="contains files that are not from an extract"):
        extract(data_dir, SQL, ExtractRequest("2026-09"), FileFormat.CSV, data_dir / inside)
    assert fingerprints(data_dir, ["."]) == before


def test_extract_refuses_a_place_it_cannot_replace(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    for out in (Path("/"), Path(), Path("file")):
        with pytest.raises(ConfigError, match="cannot be replaced as a whole"):
            extract(data_dir, SQL, ExtractRequest("2026-09"), FileFormat.CSV, out)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (ExtractRequest("2025-01"), "There is no data for 2025-01. Available: 2026-08, 2026-09, 2026-10."),
        (ExtractRequest("September"), "'September' is not a month"),
        (ExtractRequest("2026-09", "suport"), "Did you mean support?"),
        (ExtractRequest(marts=["spend_by_sorce"]), "Did you mean spend_by_source?"),
        (
            ExtractRequest("2026-09", marts=["unpriced_backlog"]),
            "unpriced_backlog can't be filtered by month: it describes the newest day only. Leave out --month.",
        ),
    ],
)
def test_extract_refuses_unknown_names_and_writes_nothing(
    data_dir: Path, tmp_path: Path, request_: ExtractRequest, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        extract(data_dir, SQL, request_, FileFormat.CSV, tmp_path / "out")
    assert said in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_extract_refuses_figures_with_failed_checks(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise ChecksFailedError("no")

    monkeypatch.setattr("flows.report.extract.refuse_failed", refuse)
    with pytest.raises(ChecksFailedError):
        extract(data_dir, SQL, ExtractRequest("2026-09"), FileFormat.CSV, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_extra_formats_are_kept_up_to_date_until_deleted(data_dir: Path) -> None:
    def given() -> set[str]:
        found = {path.name for path in (data_dir / "reports").iterdir()}
        return found & {"recspend.xlsx", "waste.parquet", "daily_spend.csv"}

    assert given() == {"daily_spend.csv"}
    report(data_dir, SQL, formats=[FileFormat.XLSX], with_page=False)
    assert given() == {"daily_spend.csv", "recspend.xlsx"}
    report(data_dir, SQL, formats=[FileFormat.PARQUET], with_page=False)
    assert report(data_dir, SQL, with_page=False).written == 0
    assert given() == {"daily_spend.csv", "recspend.xlsx", "waste.parquet"}
    for path in [data_dir / "reports" / "recspend.xlsx", *(data_dir / "reports").glob("*.parquet")]:
        if path.name != "focus.parquet":
            path.unlink()
    report(data_dir, SQL, with_page=False)
    assert given() == {"daily_spend.csv"}


def test_mart_rows_equal_the_rows_of_its_file(data_dir: Path, september: Extracted) -> None:
    shown = mart_rows(data_dir, SQL, "daily_spend", ExtractRequest("2026-09"))
    written = rows(september.folder / "daily_spend.csv")
    costs = [Decimal(row["cost"]) if row["cost"] else None for row in written]
    assert shown["cost"].to_pylist() == costs


def test_extract_is_reproducible(data_dir: Path, september: Extracted, tmp_path: Path) -> None:
    again = extract(data_dir, SQL, ExtractRequest("2026-09"), FileFormat.CSV, tmp_path / "again")
    assert {path.name: digest(path) for path in again.files} == {
        path.name: digest(path) for path in september.files
    }


def test_formula_in_an_account_name_is_defused_in_csv_only(data_dir: Path, tmp_path: Path) -> None:
    request = ExtractRequest("2026-09", SALES, ["spend_by_account"])
    folder = tmp_path / "out"
    extract(data_dir, SQL, request, FileFormat.CSV, folder)
    text = (folder / "spend_by_account.csv").read_text("utf-8")
    assert {row["account_name"] for row in csv.DictReader(io.StringIO(text))} == {f"'{NAMES[SALES]}"}
    extract(data_dir, SQL, request, FileFormat.PARQUET, folder)
    assert set(pq.read_table(folder / "spend_by_account.parquet")["account_name"].to_pylist()) == {
        NAMES[SALES]
    }


def test_first_instant_of_the_ledger_is_the_expected_one() -> None:
    assert datetime.fromtimestamp(next(recordings()).created_at, UTC) == datetime(2026, 8, 31, 12, tzinfo=UTC)
