"""What a run sends to the Prefect UI, without a server; the run does not depend on it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from flows.emulator import Emulator, Parameters, open_ledger, serve
from flows.pipeline import artifacts
from flows.pipeline.artifacts import Artifacts
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.stage import silent
from tests.support.runs.ledger_runs import accesses_of, context_for, rows_of
from tests.support.samples.attacks import ATTACK, acting
from tests.support.samples.summaries import summary_of
from transforms.report.run_page import NOTHING, literal


@dataclass
class Server:
    """Collects artifacts by key and the percentages shown; collects nothing if the server is unreachable."""

    is_away: bool = False
    asked: int = 0
    made: dict[str, Any] = field(default_factory=dict)
    percentages: list[float] = field(default_factory=list)

    def answer(self) -> None:
        self.asked += 1
        if self.is_away:
            raise ConnectionError("of a server with a PT-token in its address")

    def markdown(self, markdown: str, key: str, description: str) -> None:
        self.answer()
        self.made[key] = markdown

    def table(self, table: list[dict[str, Any]], key: str, description: str) -> None:
        self.answer()
        self.made[key] = (description, json.loads(json.dumps(table)))

    def progress(self, progress: float, key: str, description: str) -> UUID:
        self.answer()
        self.made[key] = description
        self.percentages.append(progress)
        return uuid4()

    def update(self, artifact: UUID, progress: float, description: str) -> None:
        self.answer()
        self.percentages.append(progress)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(artifacts, "create_markdown_artifact", server.markdown)
    monkeypatch.setattr(artifacts, "create_table_artifact", server.table)
    monkeypatch.setattr(artifacts, "create_progress_artifact", server.progress)
    monkeypatch.setattr(artifacts, "update_progress_artifact", server.update)
    return server


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with serve(open_ledger(Parameters(3, 200, 2), tmp_path_factory.mktemp("rendered"))) as running:
        yield running


def test_artifacts_show_the_figures_of_a_run_and_no_secret(
    emulator: Emulator, tmp_path: Path, server: Server
) -> None:
    context, shown = context_for(accesses_of(emulator), tmp_path), Artifacts()
    summary = perform(context, RunRequest("run"))
    shown.show(context, RunRequest("run"), summary)
    assert server.made.keys() == {"recspend-run", "recspend-spend-by-account", "recspend-spend-by-source"}
    page = server.made["recspend-run"]
    for currency, cost in (summary.cost or {}).items():
        assert currency in page
        assert f"{Decimal(cost).normalize():,f}" in page
    assert f"| {summary.requests:,} |" in page
    for name in ("support", "sales", "focus.parquet", literal(str(tmp_path / "reports"))):
        assert name in page
    assert all(access.token not in json.dumps(server.made) for access in accesses_of(emulator))


@pytest.mark.slow
def test_artifact_tables_show_the_newest_month(emulator: Emulator, tmp_path: Path, server: Server) -> None:
    context = context_for(accesses_of(emulator), tmp_path)
    Artifacts().show(context, RunRequest("run"), perform(context, RunRequest("run")))
    rows = rows_of(
        tmp_path,
        """
        select account_name, currency, count(*) as recordings, sum(cost) as cost, strftime(usage_date, '%Y-%m') as month
        from marts.fct_recordings
        where month = (select max(strftime(usage_date, '%Y-%m')) from marts.fct_recordings)
        group by all
        """,
    )
    description, table = server.made["recspend-spend-by-account"]
    assert description == f"Spend by account in {rows[0]['month']}. Currencies are never added up."
    found = {
        (
            row["account"],
            row["currency"],
            int(row["recordings"].replace(",", "")),
            None if row["cost"] == NOTHING else Decimal(row["cost"].replace(",", "")),
        )
        for row in table
    }
    assert found == {(row["account_name"], row["currency"], row["recordings"], row["cost"]) for row in rows}


def test_artifacts_escape_html_and_acting_characters(
    emulator: Emulator, tmp_path: Path, server: Server
) -> None:
    context = context_for(accesses_of(emulator), tmp_path)
    context = replace(context, names=dict.fromkeys(context.names, f"<img src=x onerror=alert(1)>{ATTACK}"))
    shown, request = Artifacts(), RunRequest("run")
    shown.show(context, request, perform(context, request))
    shown.show(context, request, summary_of(failed={ATTACK: ATTACK}, warnings={ATTACK: ATTACK}))
    shown.with_progress(silent)(f"ingest {ATTACK}", 1, 2)
    assert acting(server.made) == set()
    assert "<img" not in json.dumps(server.made)
    assert "&lt;img src=x onerror=alert(1)&gt;\\\\u001b" in json.dumps(
        server.made["recspend-spend-by-account"]
    )


def test_stage_without_a_warehouse_shows_only_its_own_work(
    emulator: Emulator, tmp_path: Path, server: Server
) -> None:
    context = context_for(accesses_of(emulator), tmp_path)
    Artifacts().show(context, RunRequest("ingest"), perform(context, RunRequest("ingest")))
    assert server.made.keys() == {"recspend-ingest"}
    assert "Cost" not in server.made["recspend-ingest"]
    assert "Figures" in server.made["recspend-ingest"]


def test_artifact_lists_problems_first(emulator: Emulator, tmp_path: Path, server: Server) -> None:
    summary = summary_of(
        failed={"support": "The API refuses."}, warnings={"sales": "No Usage Records."}, rejected=2, holes=3
    )
    context = context_for(accesses_of(emulator), tmp_path)
    perform(context, RunRequest("run"))
    Artifacts().show(context, RunRequest("run"), summary)
    said = [line for line in server.made["recspend-run"].splitlines() if line.startswith("- ")]
    assert said[:2] == ["- The API refuses.", "- No Usage Records."]
    assert len(said) == 4


def test_progress_is_passed_on_and_shown_in_few_steps(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = count(0.0, 0.1)  # each day takes a tenth of a second or slightly more
    monkeypatch.setattr(artifacts, "monotonic", lambda: next(seconds))
    heard: list[tuple[str, int, int | None]] = []

    def listen(stage: str, done: int, total: int | None = None) -> None:
        heard.append((stage, done, total))

    report = Artifacts().with_progress(listen)
    for done in range(1, 1001):
        report("ingest Sales & co", done, 1000)
    report("normalize support", 1, 2)
    report("ingest idle", 0, 0)
    assert len(heard) == 1002
    (description,) = server.made.values()
    assert description == "Sales &amp; co: 1 of 1000 read."
    assert 5 < server.asked == len(server.percentages) <= 12
    assert server.percentages[-1] == 100
    assert server.percentages == sorted(server.percentages)


def test_fast_progress_does_not_wait_for_the_server(server: Server) -> None:
    report = Artifacts().with_progress(silent)
    for done in range(1, 101):
        report("ingest support", done, 100)
    assert server.percentages == [1, 100]


def test_unreachable_server_is_tried_once_and_stops_nothing(
    emulator: Emulator, tmp_path: Path, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.is_away = True
    shown = Artifacts()
    report = shown.with_progress(silent)
    for done in range(1, 101):
        report("ingest support", done, 100)
    shown.show(context_for([], tmp_path), RunRequest("run"), summary_of(cost={}))
    assert server.asked == 1
    warned = [message for message in caplog.messages if "artifacts" in message]
    assert warned == ["Prefect artifacts were not written: ConnectionError."]


def test_unreadable_warehouse_stops_nothing(tmp_path: Path, server: Server) -> None:
    Artifacts().show(context_for([], tmp_path), RunRequest("run"), summary_of(cost={"USD": "1"}))
    assert server.made == {}
