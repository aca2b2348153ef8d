"""A figure traced back to the received bytes, by an independent path."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from msgspec.structs import replace

from flows.emulator import Recording, open_living, serve
from flows.model.model import model
from flows.normalize.normalize import normalize_account
from flows.report.explain import Explanation, explain
from flows.run.request import RunRequest
from flows.stores.raw.raw_pages import RawPages
from flows.stores.shipped import shipped
from flows.stores.warehouse.sql_files import read_models
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import ACCOUNTS, clock_of, epoch_of, in_haste, instant, made, run_by
from tests.support.samples.raw import forget, page_path
from tests.support.samples.transforms import ACCOUNT as PAGE_ACCOUNT
from tests.support.samples.transforms import page_body, recording
from transforms.errors import ConfigError
from transforms.model.models import Model, TwinRecordings
from transforms.model.options import ModelOptions
from transforms.values.windows import Window

MODELS = read_models(shipped("sql"))
DAY = date(2026, 9, 14)
RECORDINGS = [
    made(
        ACCOUNTS[number % 2],
        number,
        epoch_of(date(2026, 9, 12 + number % 5), 3600 + number),
        price=None if number % 7 == 0 else Decimal(number).scaleb(-4),
        currency=None if number % 7 == 0 else ["USD", "EUR"][number % 3 == 0],
        source=["DialVerb", "Trunking"][number % 4 == 0],
    )
    for number in range(60)
]


@pytest.fixture(scope="module")
def read_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read twice: some recordings changed in between, so they are in later pages."""
    data_dir = tmp_path_factory.mktemp("data")
    source = open_living(RECORDINGS, now=epoch_of(date(2026, 9, 20)))
    with in_haste(7), serve(source) as emulator:
        request = RunRequest(first=date(2026, 9, 1))
        run_by(clock_of(source.ledger), accesses_of(emulator), data_dir, request)
        for recording in RECORDINGS[:20]:
            if recording.price is not None:
                source.ledger.change(recording.sid, price=recording.price + 1)
        source.ledger.delete(RECORDINGS[22].sid)
        source.ledger.advance(3600)
        run_by(
            clock_of(source.ledger),
            accesses_of(emulator),
            data_dir,
            RunRequest(first=date(2026, 9, 1), again=True),
        )
    return data_dir


@pytest.fixture
def data_dir(read_once: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a copy that a test may damage."""
    shutil.copytree(read_once, tmp_path / "data")
    yield tmp_path / "data"


def truth(recording: Recording) -> Recording:
    """Return the recording as it is since the second pass."""
    is_changed = recording.sequence < 20 and recording.price is not None
    return made(**{**_facts(recording), "price": (recording.price or 0) + 1}) if is_changed else recording


def _facts(recording: Recording) -> dict[str, Any]:
    names = ("account_sid", "sequence", "created_at", "price", "currency", "source")
    return {name: getattr(recording, name) for name in names}


def test_explain_finds_the_recordings_of_the_ledger(read_once: Path) -> None:
    found = explain(read_once, MODELS, "daily_spend", [f"usage_date={DAY}", "source=DialVerb"])
    expected = {
        each.sid: each.price
        for each in map(truth, RECORDINGS)
        if instant(each.created_at).date() == DAY and each.source == "DialVerb"
    }
    rows = found.recordings.to_pylist()
    assert {row["recording_sid"]: row["cost"] for row in rows} == expected
    assert found.problems == []
    costs = {row["currency"]: row["cost"] for row in found.figures.to_pylist()}
    assert costs == {row["currency"]: row["cost"] for row in found.sums.to_pylist()}
    assert sum(cost or 0 for cost in costs.values()) == sum(price or 0 for price in expected.values()) > 1


def test_explain_names_page_place_and_digest_of_each_recording(read_once: Path) -> None:
    found = explain(read_once, MODELS, "spend_by_account", [])
    assert (found.recordings.num_rows, found.problems) == (60, [])
    landings = set()
    for row in found.recordings.to_pylist():
        with pa.CompressedInputStream(
            pa.OSFile(str(page_path(read_once, row["raw_page"]))), "zstd"
        ) as stream:
            body = bytes(stream.read())
        record = json.loads(body, parse_float=Decimal)["recordings"][row["position"]]
        assert hashlib.sha256(body).hexdigest() == row["page_sha256"]
        assert record["sid"] == row["recording_sid"]
        assert (
            abs(Decimal(record["price"])) == row["cost"]
            if row["cost"]
            else record["price"] in (None, "", "0", "0.0000")
        )
        landings.add(row["raw_page"].rpartition("/")[0])
    assert len(landings) > 2
    assert found.pages == len(set(found.recordings["raw_page"].to_pylist()))


@pytest.mark.builds("marts.daily_spend")
def test_explain_finds_a_sid_in_any_spelling(tmp_path: Path) -> None:
    sid, at = "0A1B2C3D-0000-4000-8000-00000000000E", instant(epoch_of(DAY))
    body = page_body(
        recording(f'"{sid}"', price='"a fortune"'),
        recording(f'"{sid}"', price='"-0.004"'),
        recording(f'"{sid.lower()}"', price='"-0.005"'),
    )
    raw = RawPages(tmp_path)
    writer = raw.writer(raw.begin(PAGE_ACCOUNT, Window(date(2018, 9, 1), date(2018, 9, 30)), at))
    writer.add("https://example.com/1", body, 3)
    writer.complete(at)
    normalize_account(tmp_path, PAGE_ACCOUNT)
    model(tmp_path, shipped("sql"), shipped("reference"), ModelOptions(settle_days=7))
    found = explain(tmp_path, MODELS, "daily_spend", [])
    (row,) = found.recordings.to_pylist()
    assert (row["recording_sid"], row["is_verified"]) == (sid.lower(), True)
    assert row["position"] == {Decimal("0.004"): 1, Decimal("0.005"): 2}[row["cost"]]
    assert found.problems == []


def test_explain_reports_a_page_that_does_not_verify(data_dir: Path) -> None:
    before = explain(data_dir, MODELS, "daily_spend", [])
    page = before.recordings["raw_page"][0].as_py()
    on_it = before.recordings["raw_page"].to_pylist().count(page)
    other = next(name for name in before.recordings["raw_page"].to_pylist() if name != page)
    path, others = (page_path(data_dir, name) for name in (page, other))
    for spoil in (lambda path: path.write_bytes(others.read_bytes()), Path.unlink):
        spoil(path)
        found = explain(data_dir, MODELS, "daily_spend", [])
        (problem,) = found.problems
        assert problem.startswith(f"{page} failed verification; {on_it} recordings come from it")
        unverified = [row for row in found.recordings.to_pylist() if not row["is_verified"]]
        assert {row["raw_page"] for row in unverified} == {page}
        assert [(row["position"], row["page_sha256"]) for row in unverified] == [(None, None)] * on_it
    assert forget(data_dir, lambda name: name == page.rpartition("/")[0]) == 1
    assert "is not in the journal" in explain(data_dir, MODELS, "daily_spend", []).problems[0]


@pytest.mark.parametrize(
    ("change", "adds_up", "unlisted"),
    [
        ("cost = cost + 0.000000001, price = price - 0.000000001", False, 1),
        ("currency = 'GBP'", False, 0),  # no figure includes it any more
        ("recording_sid = 'nobody'", True, 1),
    ],
)
def test_explain_reports_a_recording_that_differs_from_its_page(
    change: str, adds_up: bool, unlisted: int, data_dir: Path
) -> None:
    changed(
        data_dir, f"update marts.fct_recordings set {change} where recording_sid = '{RECORDINGS[25].sid}'"
    )
    found = explain(data_dir, MODELS, "daily_spend", [])
    wrong_sum = "The recordings do not add up to the figures of marts.daily_spend."
    assert (wrong_sum in found.problems) != adds_up
    assert sum("has different values for recording" in problem for problem in found.problems) == unlisted
    assert sum(not row["is_verified"] for row in found.recordings.to_pylist()) == unlisted


def changed(data_dir: Path, statement: str) -> None:
    with duckdb.connect(str(data_dir / "warehouse.duckdb")) as connection:
        connection.execute(statement)


def test_explain_reports_a_mart_without_rows(read_once: Path) -> None:
    with pytest.raises(ConfigError, match=r"marts\.adjustments has no rows\."):
        explain(read_once, MODELS, "adjustments", [])


@pytest.mark.parametrize(
    ("mart", "key", "said"),
    [
        ("spend", [], r"There is no mart spend\..* There are .*daily_spend, .*spend_by_source"),
        (
            "daily_spend",
            ["day=2026-09-14"],
            r"is not a key column of marts\.daily_spend\. .* usage_date, account_sid",
        ),
        ("daily_spend", ["source"], "Write column=value with one of usage_date"),
        ("daily_spend", ["source=DialVerb", "source=Trunking"], "source is given twice"),
        ("daily_spend", ["usage_date=2026-09"], r"usage_date=2026-09 is not a date \(use YYYY-MM-DD\)"),
        ("daily_spend", ["channels=two"], "channels=two is not a whole number"),
        ("daily_spend_detail", ["is_short=no"], "is_short=no is not true or false"),
        ("daily_spend_detail", ["rate=cheap"], "rate=cheap is not a number"),
        ("daily_spend", ["source=dialverb"], r"has source=dialverb\. Existing values: DialVerb, Trunking\."),
        ("daily_spend", ["channels="], r"has channels=\. Existing values: 1, 2\."),
        ("daily_spend", ["source=' or 1=1 --"], "has source=' or 1=1 --. Existing values:"),
        (
            "daily_spend",
            ["usage_date=2026-08-01"],
            "has usage_date=2026-08-01. Existing values: 2026-09-12, ",
        ),
        ("spend_by_source", ["month=2026-08"], r"has month=2026-08\. Existing values: 2026-09-01\."),
        (
            "monthly_spend",
            ["month=2026-09", "source=Trunking", "currency=GBP"],
            r"has currency=GBP\. Existing values: EUR, USD, XXX",
        ),
    ],
)
def test_explain_refuses_unknown_figures_and_lists_known_ones(
    mart: str, key: list[str], said: str, read_once: Path
) -> None:
    with pytest.raises(ConfigError, match=said):
        explain(read_once, MODELS, mart, key)


def test_explain_says_why_a_mart_has_no_recordings_of_its_own(read_once: Path) -> None:
    mart = next(model for model in MODELS if model.name == "marts.spend_by_source")
    columns = mart.twin.columns
    for twin, why in (
        (replace(mart.twin, recordings=TwinRecordings(none="it is kept by hand.")), "it is kept by hand"),
        (
            replace(
                mart.twin, columns={"month": columns["month"], "source": columns["source"]}, key=["month"]
            ),
            "no column",
        ),
        (
            replace(mart.twin, key=["quarter"], columns={**columns, "quarter": columns["month"]}),
            "has no quarter",
        ),
    ):
        others = [model for model in MODELS if model is not mart]
        with pytest.raises(ConfigError, match=rf"marts\.spend_by_source has no recordings of its own.*{why}"):
            explain(read_once, [*others, Model(mart.name, mart.file, mart.sql, twin)], "spend_by_source", [])


def test_explain_reports_values_that_never_occur_together(read_once: Path) -> None:
    pairs = {(instant(each.created_at).date(), each.currency or "XXX", each.source) for each in RECORDINGS}
    days, currencies, sources = (sorted({pair[place] for pair in pairs}) for place in range(3))
    day, currency, source = next(
        triple for triple in product(days, currencies, sources) if triple not in pairs
    )
    with pytest.raises(ConfigError, match=f"has all of .* source={source}"):
        key = [f"usage_date={day}", f"currency={currency}", f"source={source}"]
        explain(read_once, MODELS, "daily_spend", key)


def test_explain_accepts_a_single_recording(read_once: Path) -> None:
    found: Explanation = explain(
        read_once, MODELS, "marts.fct_recordings", [f"recording_sid={RECORDINGS[4].sid}"]
    )
    assert (found.recordings.num_rows, found.pages, found.problems) == (1, 1, [])
