"""Killed with SIGKILL anywhere: no half-written file is visible, and the next run ends with the same tables."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.emulator import Emulator, Parameters, open_ledger, serve
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.stage import utc_now
from flows.stores.lake.lake import Lake
from flows.stores.raw.frames import decompress
from flows.stores.raw.raw_pages import RawPages
from tests.support.faults.kills import STAGES, killed
from tests.support.faults.scene import quick_builds, quick_runs, scene
from tests.support.faults.served import kill_served
from tests.support.runs.ledger_runs import (
    accesses_of,
    context_for,
    environment_of,
    ledger_cells,
    run_against,
    warehouse_cells,
)
from tests.support.runs.living_runs import instant, ledger_facts, warehouse_facts
from tests.support.runs.watched import PageKey, days_landed, page_key, page_requests, window_of_key
from tests.support.samples.raw import lines
from transforms.pages.records import read_envelope
from transforms.values.windows import Window, days_of

COMMAND = [sys.executable, "-c", "from flows.command.main import main; main()"]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    ledger = open_ledger(Parameters(11, 9000, 1), tmp_path_factory.mktemp("rendered"))
    with serve(ledger, latency_ms=15) as running:
        yield running


def start(
    emulator: Emulator, data_dir: Path, *arguments: str, command: str = "run", **settings: str
) -> "subprocess.Popen[bytes]":
    access = accesses_of(emulator)[0]
    return subprocess.Popen(
        [*COMMAND, command, *arguments],
        env=environment_of(access, data_dir) | settings,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def kill_when(process: "subprocess.Popen[bytes]", data_dir: Path, pattern: str) -> None:
    """Kill the run as soon as a file of that name exists. Fails if the run ended by itself."""
    while process.poll() is None:
        with suppress(FileNotFoundError):  # a fetch ends while its folder is looked into
            if next(data_dir.glob(pattern), None):
                process.send_signal(signal.SIGKILL)
                break
        time.sleep(0.0005)
    assert process.wait() == -signal.SIGKILL, f"the run ended before {pattern} was seen"


def assert_nothing_is_torn(data_dir: Path) -> None:
    """Check that every file under its final name is complete."""
    for path in data_dir.glob("recordings/**/recordings.parquet"):
        pq.ParquetFile(path).read()
    if (data_dir / "warehouse.duckdb").exists():
        with duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True) as connection:
            connection.execute("select count(*) from marts.fct_recordings").fetchall()
    for path in data_dir.glob("reports/*.csv"):
        text = path.read_text()
        assert text.endswith("\n")
        assert len({len(row) for row in csv.reader(text.splitlines())}) == 1


@pytest.mark.parametrize(
    ("stage", "pattern"),
    [
        pytest.param("ingest", "raw/*/under_way/*/*/page-00001", marks=pytest.mark.slow),
        pytest.param("model", "warehouse.duckdb.partial", marks=pytest.mark.slow),
        pytest.param(
            "normalize",
            "lake/*/2026-08-*.parquet*",
            marks=pytest.mark.slow,
        ),
        pytest.param("report", "reports/*.csv*", marks=pytest.mark.slow),
    ],
)
def test_killed_run_is_finished_by_the_next(
    stage: str, pattern: str, emulator: Emulator, tmp_path: Path
) -> None:
    kill_when(start(emulator, tmp_path), tmp_path, pattern)
    assert_nothing_is_torn(tmp_path)
    assert start(emulator, tmp_path).wait() == 0, stage
    assert_nothing_is_torn(tmp_path)
    assert warehouse_cells(tmp_path) == ledger_cells(emulator.totals())


@pytest.mark.slow
def test_fetch_continues_after_the_last_landed_page(emulator: Emulator, tmp_path: Path) -> None:
    days = ("--from", "2026-07-01", "--to", "2026-07-31")
    kill_when(start(emulator, tmp_path, *days), tmp_path, "raw/*/under_way/*/*/page-00001")
    asked = len(emulator.requests)
    assert start(emulator, tmp_path, *days).wait() == 0
    (line,) = [line for name, line in lines(tmp_path).items() if "/2026-07-01_2026-07-31/" in name]
    pages = line["pages"]
    assert len(pages) >= 3
    # The two pages landed before the kill are not requested again, nor is the window fetched a second time. The pages
    # in progress may be counted late: an idle worker may have taken half of the window.
    assert len(emulator.requests) - asked <= len(pages) - 2 + 2


@pytest.mark.slow
def test_lake_is_repaired_after_a_kill_between_two_months(emulator: Emulator, tmp_path: Path) -> None:
    assert start(emulator, tmp_path, "--from", "2026-07-01", "--to", "2026-07-31").wait() == 0
    kill_when(start(emulator, tmp_path), tmp_path, "recordings/*/created_month=2026-08/recordings.parquet")
    assert start(emulator, tmp_path).wait() == 0
    assert warehouse_cells(tmp_path) == ledger_cells(emulator.totals())


@pytest.mark.slow
def test_killed_upgrade_is_finished_without_the_api(emulator: Emulator, tmp_path: Path) -> None:
    run_against(emulator, tmp_path)
    (tmp_path / "format.json").unlink()
    months = sorted(tmp_path.glob("recordings/*/*/recordings.parquet"))
    for path in months:  # as if a column had not been added yet
        pq.write_table(pq.ParquetFile(path).read().drop_columns("uri"), path)
    asked = len(emulator.requests)
    kill_when(
        start(emulator, tmp_path, command="normalize"),
        tmp_path,
        "lake/*/2026-08-*.parquet*",
    )
    assert not (tmp_path / "format.json").exists()
    assert start(emulator, tmp_path, command="normalize").wait() == 0
    assert (tmp_path / "format.json").exists()
    assert all("uri" in pq.read_schema(path).names for path in months)
    assert_nothing_is_torn(tmp_path)
    assert warehouse_cells(tmp_path) == ledger_cells(emulator.totals())
    assert len(emulator.requests) == asked


@pytest.mark.slow
def test_run_killed_at_random_moments_ends_with_the_same_tables(emulator: Emulator, tmp_path: Path) -> None:
    began = time.monotonic()
    run_against(emulator, tmp_path / "undisturbed")
    whole = time.monotonic() - began + 1.0  # a separate process also has to start
    moments = random.Random(4)
    for _ in range(20):
        process = start(emulator, tmp_path / "killed")
        time.sleep(moments.uniform(0, whole))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert_nothing_is_torn(tmp_path / "killed")
    assert start(emulator, tmp_path / "killed").wait() == 0
    assert warehouse_cells(tmp_path / "killed") == warehouse_cells(tmp_path / "undisturbed")


WORKERS = 4
MONTHS = Window(date(2025, 8, 1), date(2026, 9, 30))


def ingest(emulator: Emulator, data_dir: Path) -> "subprocess.Popen[bytes]":
    """Four workers over fourteen months; no day is read again because it is recent."""
    settings = {"RECSPEND_CONCURRENCY": str(WORKERS), "RECSPEND_LOOKBACK_DAYS": "0"}
    chosen = ("--from", str(MONTHS.first), "--to", str(MONTHS.last))
    return start(emulator, data_dir, *chosen, command="ingest", **settings)


class Pages:
    """The pages in a data folder. Each is read once, and must be complete."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._known: dict[Path, PageKey] = {}

    def keys(self) -> set[PageKey]:
        """Return the key of each page. Fails if a page disappeared."""
        noted = _noted(self._data_dir)
        paths = {path for path in self._data_dir.glob("raw/*/pages/*.json.zst") if path.name[:64] in noted}
        assert self._known.keys() <= paths
        for path in paths - self._known.keys():
            body = decompress(path.read_bytes())
            read_envelope(body)
            self._known[path] = page_key(json.loads(body.partition(b',"first_page_uri"')[0] + b"}")["uri"])
        return set(self._known.values())


def quiet(emulator: Emulator, since: int) -> list[PageKey]:
    """Return the pages requested since then, once requests in progress have been answered and no more arrive."""
    time.sleep(0.1)
    return page_requests(emulator, since)


def _noted(data_dir: Path) -> set[str]:
    """Return the pages that a fetch or the journal has: one that was only stored is still under way."""
    of_journal = (page[0] for line in lines(data_dir).values() for page in line["pages"])
    texts = [path.read_bytes() for path in data_dir.glob("raw/*/under_way/*/*/page-*")]
    return {*of_journal, *(json.loads(text)[0] for text in texts if text.endswith(b"]"))}


def kill_at_some_moment(
    process: "subprocess.Popen[bytes]", emulator: Emulator, moments: random.Random
) -> None:
    """Kill it once it has requested a few pages and part of the time of another has passed, or earlier."""
    answered = len(emulator.request_log) + moments.randint(0, 10)
    latest = time.monotonic() + (moments.uniform(0, 1) if moments.random() < 0.1 else 60)
    while len(emulator.request_log) <= answered and time.monotonic() < latest and process.poll() is None:
        time.sleep(0.001)
    time.sleep(moments.uniform(0, 0.015))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run ended by itself"


def cut_away(asked: list[PageKey], data_dir: Path) -> set[PageKey]:
    """Return first pages of windows that have no landing any more because they were split."""
    known = RawPages(data_dir)
    landings = [each for sid in known.accounts() for each in (*known.readable(sid), *known.unfinished(sid))]
    folders = {f"{each.window.first}_{each.window.last}" for each in landings}
    windows = {key: window_of_key(key) for key in asked if not key[3]}
    return {key for key, window in windows.items() if f"{window.first}_{window.last}" not in folders}


def lake_of(data_dir: Path, account_sid: str) -> pa.Table:
    """Return every recording of every month by sid, without the columns on when and from which page it was read."""
    lake = Lake(data_dir)
    table = pa.concat_tables([lake.read(account_sid, month) for month in lake.months(account_sid)])
    return table.sort_by("recording_sid").drop_columns(["first_seen_at", "first_priced_at", "raw_page"])


@pytest.mark.slow
def test_ingest_killed_at_random_moments_repeats_no_landed_page(tmp_path: Path) -> None:
    ledger = open_ledger(Parameters(12, 400_000, 1), tmp_path / "rendered")
    moments, killed, whole = random.Random(5), tmp_path / "killed", tmp_path / "undisturbed"
    with serve(ledger, latency_ms=15) as emulator:
        (access,) = accesses_of(emulator)
        assert ingest(emulator, whole).wait() == 0
        undisturbed, began = len(page_requests(emulator)), len(emulator.requests)
        pages, made_progress = Pages(killed), 0
        for _ in range(50):
            landed, since = pages.keys(), len(emulator.requests)
            kill_at_some_moment(ingest(emulator, killed), emulator, moments)
            asked = quiet(emulator, since)
            assert landed & set(asked) == set()
            # Each worker may have been requesting a page while the previous one was being written; and a page that
            # shows that its window should be split is not kept.
            lost = set(asked) - pages.keys() - cut_away(asked, killed)
            assert len(lost) <= 2 * WORKERS
            made_progress += len(pages.keys()) > len(landed)
        landed, since = pages.keys(), len(emulator.requests)
        assert ingest(emulator, killed).wait() == 0
        last = quiet(emulator, since)
        assert landed & set(last) == set()
        repeated = len(page_requests(emulator, began)) - undisturbed
        totals = ledger_cells(emulator.totals())
    assert made_progress > 20
    assert 0 < len(last) < undisturbed
    assert repeated <= 50 * 2 * WORKERS
    for data_dir in (whole, killed):
        perform(context_for([access], data_dir), RunRequest("normalize"))
        perform(context_for([access], data_dir), RunRequest("model"))
        assert warehouse_cells(data_dir) == totals
        assert days_landed(data_dir, access.account_sid) == days_of(MONTHS)
    assert lake_of(killed, access.account_sid).equals(lake_of(whole, access.account_sid))


@pytest.mark.parametrize("sent", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
@pytest.mark.parametrize("flags", [[], pytest.param(["--prefect"], marks=pytest.mark.slow)], ids=str)
def test_stopped_run_waits_for_no_response_and_leaves_nothing(
    sent: signal.Signals, flags: list[str], tmp_path: Path
) -> None:
    ledger = open_ledger(Parameters(11, 100, 1), tmp_path / "rendered")
    with serve(ledger, latency_ms=60_000) as slow:
        environment = environment_of(accesses_of(slow)[0], tmp_path / "data")
        environment["PREFECT_HOME"] = str(tmp_path / "prefect")
        process = subprocess.Popen(
            [*COMMAND, "run", *flags],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            while not slow.most_at_once:
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(sent)
            # Any process it left running would hold this open.
            _, output = process.communicate(timeout=120)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 128 + sent
    assert "Stopped. Everything fetched so far is kept, and the next run continues from there." in output
    assert "Traceback" not in output


@pytest.mark.slow
def test_every_killed_stage_is_finished_by_the_next_run(tmp_path: Path) -> None:
    moments = random.Random(7)
    with quick_builds(), scene(tmp_path / "scene") as made_up:
        ledger, data_dir = made_up.source.ledger, tmp_path / "data"
        for stage in [*STAGES] * 3:
            made_up.copied(data_dir)
            STAGES[stage].prepare(data_dir)
            killed(stage, made_up, data_dir, instant(ledger.now), moments.uniform(0, 2))
            with STAGES[stage].around():
                perform(made_up.context(data_dir), RunRequest())
            assert warehouse_facts(data_dir) == ledger_facts(ledger), stage


@pytest.mark.slow
def test_killed_serve_is_finished_by_the_next_run(tmp_path: Path) -> None:
    with quick_runs(), scene(tmp_path / "scene") as made_up:
        data_dir = made_up.copied(tmp_path / "data")
        assert kill_served(made_up, data_dir, tmp_path / "prefect", 0.5)
        perform(replace(made_up.context(data_dir), clock=utc_now), RunRequest())
        assert warehouse_facts(data_dir) == ledger_facts(made_up.source.ledger)
