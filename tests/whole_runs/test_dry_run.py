"""`recspend ingest --dry-run`: which days would be read, why, and with how many requests. Nothing is landed."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from flows.command import main as cli
from flows.emulator import Emulator, Recording, open_recordings, serve
from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform, planned
from tests.support.runs.ledger_runs import accesses_of, context_for
from tests.support.runs.watched import TODAY, epoch, evenly, is_page_request, page_requests, recording

Row = tuple[date, date, str, int]
INGEST = RunRequest("ingest")
COLUMNS = ["account", "first_day", "last_day", "reason", "recordings", "requests", "read_on"]
LATER = TODAY + timedelta(hours=1)


def context_at(now: datetime, emulator: Emulator, data_dir: Path, **settings: Any) -> RunContext:
    steps = count()  # next() on it is atomic: all workers call it
    settings = {"settle_each_run_days": settings.get("settle_days", 90)} | settings
    return replace(
        context_for(accesses_of(emulator), data_dir, **settings),
        clock=lambda: now + timedelta(milliseconds=next(steps)),
    )


def plan(context: RunContext, request: RunRequest = INGEST) -> list[Row]:
    """Return the rows of the plan that are read today, without the account."""
    return [row[:-1] for row in whole_plan(context, request) if row[-1] == context.clock().date()]


def whole_plan(context: RunContext, request: RunRequest = INGEST) -> list[tuple[Any, ...]]:
    """Return all rows of the plan, without the account, if no recording is asked for by itself."""
    table = planned(context, request)
    assert table.column_names == COLUMNS
    assert table["recordings"].null_count == len(table)
    table = table.drop_columns(["recordings"])
    assert set(table["account"].to_pylist()) <= {access.name for access in context.accounts or ()}
    return [tuple(row.values())[1:] for row in table.to_pylist()]


def september(day: int) -> date:
    return date(2026, 9, day)


def a_day(day: date, number: int, first_sequence: int, **facts: Any) -> list[Recording]:
    return [
        recording(first_sequence + each.sequence, each.created_at, **facts)
        for each in evenly(day, day, number)
    ]


def settled(first: date, last: date) -> list[Recording]:
    """Return one recording for each day."""
    days = (last - first).days + 1
    return [recording(number, epoch(first + timedelta(days=number))) for number in range(days)]


def test_plan_of_a_new_account_is_every_day_by_quarters(
    tmp_path: Path,
) -> None:
    made = settled(date(2026, 2, 20), september(29))
    with serve(open_recordings(made, tmp_path / "rendered")) as emulator:
        rows = plan(context_at(TODAY, emulator, tmp_path / "data"))
        assert [request for request in emulator.requests if is_page_request(request.target)] == []
        perform(context_at(TODAY, emulator, tmp_path / "data"), INGEST)
        assert len(page_requests(emulator)) == sum(row[3] for row in rows)
    assert rows[0][0] in [date(2026, 2, day) for day in (18, 19, 20)]
    assert [row[1:] for row in rows] == [
        (date(2026, 3, 31), "not covered", 1),
        (date(2026, 6, 30), "not covered", 1),
        (september(30), "not covered", 1),
    ]
    assert [row[0] for row in rows[1:]] == [date(2026, 4, 1), date(2026, 7, 1)]


def test_dry_run_lands_nothing(tmp_path: Path) -> None:
    with serve(open_recordings(settled(september(1), september(29)), tmp_path / "rendered")) as emulator:
        plan(context_at(TODAY, emulator, tmp_path / "data"))
    assert {path.name for path in (tmp_path / "data").iterdir()} == {".locks", "state"}


@pytest.fixture
def read(tmp_path: Path) -> Iterator[tuple[Emulator, Path]]:
    """Read September of an account: one recording a day, without a price on the 10th and the 11th."""
    made = settled(september(1), september(30))
    for place in (9, 10):
        made[place] = replace(made[place], price=None)
    with serve(open_recordings(made, tmp_path / "rendered")) as emulator:
        data_dir = tmp_path / "data"
        perform(context_at(TODAY, emulator, data_dir), RunRequest("ingest", september(1)))
        perform(context_at(TODAY, emulator, data_dir), RunRequest("normalize"))
        yield emulator, data_dir


LOOK_BACK: Row = (september(28), september(30), "look back", 1)
# A half of the month with few recordings costs no more than a day of it.
UNSETTLED: Row = (september(1), september(16), "unsettled", 1)


def test_plan_after_a_run_is_newest_and_unsettled_days(
    read: tuple[Emulator, Path],
) -> None:
    emulator, data_dir = read
    assert plan(context_at(LATER, emulator, data_dir), RunRequest("ingest", september(1))) == [
        UNSETTLED,
        LOOK_BACK,
    ]
    # A plan without dates finds the first day, and stores it.
    before = len(emulator.requests)
    rows = plan(context_at(LATER, emulator, data_dir))
    assert rows in ([UNSETTLED, LOOK_BACK], [(rows[0][0], date(2026, 8, 31), "not covered", 1), *rows[1:]])
    assert len(emulator.requests) > before
    before = len(emulator.requests)
    assert plan(context_at(LATER, emulator, data_dir)) == rows
    assert len(emulator.requests) == before


def test_plan_follows_lookback_and_settle_days(read: tuple[Emulator, Path]) -> None:
    emulator, data_dir = read
    context = context_at(TODAY, emulator, data_dir, lookback_days=0, settle_days=20)
    assert plan(context, RunRequest("ingest", september(1))) == [UNSETTLED]
    context = context_at(TODAY, emulator, data_dir, lookback_days=1, settle_days=0)
    assert plan(context, RunRequest("ingest", september(1))) == [
        (september(30), september(30), "look back", 1)
    ]


def test_plan_says_when_waiting_days_are_read(read: tuple[Emulator, Path]) -> None:
    emulator, data_dir = read
    at = partial(context_at, emulator=emulator, data_dir=data_dir, settle_each_run_days=3, lookback_days=0)
    asked = RunRequest("ingest", september(1), september(29))
    # Tomorrow the 11th is still younger than 21 days, and read once a day. The 10th is read once a week.
    assert whole_plan(at(LATER, settle_daily_days=21), asked) == [
        (september(11), september(11), "unsettled", 1, date(2026, 10, 1)),
        (september(10), september(10), "unsettled", 1, date(2026, 10, 7)),
    ]
    tomorrow = whole_plan(at(TODAY + timedelta(days=1), settle_daily_days=21), asked)
    assert [row[-1] for row in tomorrow] == [date(2026, 10, 1), date(2026, 10, 7)]
    next_week = whole_plan(at(TODAY + timedelta(days=7)), asked)
    assert next_week == [(september(1), september(16), "unsettled", 1, date(2026, 10, 7))]


def test_plan_gives_the_reason_of_repeated_and_audited_days(read: tuple[Emulator, Path]) -> None:
    emulator, data_dir = read
    again = RunRequest("ingest", september(5), september(9), again=True)
    assert plan(context_at(TODAY, emulator, data_dir), again) == [
        (september(5), september(9), "asked again", 1)
    ]
    audit = RunRequest("ingest", september(1), audit_days=2)
    assert plan(context_at(TODAY, emulator, data_dir), audit) == [
        (september(1), september(16), "audit", 1),  # with the unsettled days
        LOOK_BACK,
    ]


def test_plan_includes_days_since_the_last_run(read: tuple[Emulator, Path]) -> None:
    emulator, data_dir = read
    later = TODAY + timedelta(days=10)
    month = september(1), september(30)
    new: list[Row] = [(date(2026, 10, 1), date(2026, 10, 10), "not covered", 1)]
    context = context_at(later, emulator, data_dir, audit_requests=0)
    assert plan(context, RunRequest("ingest", september(1))) == [(*month, "unsettled", 1), *new]
    # By default, deletions are looked for on all days that have recordings, unless the last day is given.
    asked = RunRequest("ingest", september(1))
    assert plan(context_at(later, emulator, data_dir), asked) == [
        (*month, "audit", 1),
        *new,
    ]
    asked = RunRequest("ingest", september(1), september(29))
    assert plan(context_at(later, emulator, data_dir), asked) == [UNSETTLED]


def test_plan_matches_what_is_read(read: tuple[Emulator, Path]) -> None:
    emulator, data_dir = read
    rows = plan(context_at(TODAY, emulator, data_dir), RunRequest("ingest", september(1)))
    before = len(emulator.requests)
    perform(context_at(TODAY, emulator, data_dir), RunRequest("ingest", september(1)))
    assert len(page_requests(emulator, before)) == len(emulator.requests) - before == len(rows)


@pytest.fixture
def dense(tmp_path: Path) -> Iterator[tuple[Emulator, Path]]:
    """Serve an account with 12,000 recordings on the 3rd, and 2,500, 1,200 and 300 on the newest days."""
    made: list[Recording] = []
    for day, number in ((3, 12_000), (28, 2500), (29, 1200), (30, 300)):
        made += a_day(september(day), number, len(made))
    with serve(open_recordings(made, tmp_path / "rendered")) as emulator:
        data_dir = tmp_path / "data"
        asked = RunRequest("ingest", september(1), september(30))
        perform(context_at(TODAY, emulator, data_dir), asked)
        perform(context_at(TODAY, emulator, data_dir), RunRequest("normalize"))
        yield emulator, data_dir


@pytest.mark.slow
def test_plan_estimates_dense_days_by_their_pages(dense: tuple[Emulator, Path]) -> None:
    emulator, data_dir = dense
    assert plan(context_at(LATER, emulator, data_dir), RunRequest("ingest", september(1))) == [
        (september(28), september(28), "look back", 3),
        (september(29), september(29), "look back", 2),
        (september(30), september(30), "look back", 1),
    ]
    again = RunRequest("ingest", september(3), september(3), again=True)
    context = context_at(LATER, emulator, data_dir)
    assert plan(context, again) == [(september(3), september(3), "asked again", 12)]
    before = len(emulator.requests)
    perform(context, again)
    # Idle workers take hours of the day, and the last page of each is not full.
    assert 12 <= len(page_requests(emulator, before)) <= 18
    before = len(emulator.requests)
    perform(context_at(LATER, emulator, data_dir), RunRequest("ingest", september(1)))
    assert len(page_requests(emulator, before)) == 6


@pytest.mark.slow
def test_plan_expects_empty_days_to_stay_empty(dense: tuple[Emulator, Path]) -> None:
    emulator, data_dir = dense
    again = RunRequest("ingest", september(10), september(20), again=True)
    assert plan(context_at(LATER, emulator, data_dir), again) == [
        (september(10), september(20), "asked again", 1)
    ]


@pytest.mark.slow
def test_plan_estimate_is_close_when_windows_are_split(
    dense: tuple[Emulator, Path],
) -> None:
    emulator, data_dir = dense
    again = RunRequest("ingest", september(1), september(30), again=True)
    (row,) = plan(context_at(LATER, emulator, data_dir), again)
    before = len(emulator.requests)
    perform(context_at(LATER, emulator, data_dir), again)
    assert row == (september(1), september(30), "asked again", 16)
    # No request is for days that are known to be empty. Idle workers take what is left of the others.
    assert 16 <= len(page_requests(emulator, before)) <= 2 * row[3]
    summary = perform(context_at(LATER, emulator, data_dir), RunRequest("normalize"))
    assert (summary.new, summary.changed, summary.deleted) == (0, 0, 0)


Recspend = Callable[..., tuple[int, str, str]]


@pytest.fixture
def recspend(
    read: tuple[Emulator, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    no_settings: None,
) -> Recspend:
    """Run the command on the account whose September was read; return exit code, stdout and stderr."""
    emulator, data_dir = read
    (access,) = accesses_of(emulator)
    monkeypatch.chdir(data_dir.parent)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("RECSPEND_DATA_DIR", str(data_dir))
    monkeypatch.setenv("RECSPEND_BASE_URL", emulator.base_url)
    monkeypatch.setenv("RECSPEND_ACCOUNT_SID", access.account_sid)
    monkeypatch.setenv("RECSPEND_ACCOUNT_NAME", "support")
    monkeypatch.setenv("RECSPEND_API_TOKEN", access.token)
    monkeypatch.setenv("RECSPEND_SETTLE_DAYS", "0")
    monkeypatch.setenv("RECSPEND_LOOKBACK_DAYS", "0")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["recspend", "ingest", "--dry-run", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0 if code is None else 1), output.out, output.err

    return call


def test_dry_run_prints_the_plan_as_json(recspend: Recspend) -> None:
    code, out, _ = recspend("--json", "--from", "2026-08-30", "--to", "2026-09-02")
    row = {"account": "support", "first_day": "2026-08-30", "last_day": "2026-08-31", "requests": 1}
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert (code, json.loads(out)) == (
        0,
        [row | {"reason": "not covered", "recordings": None, "read_on": today}],
    )
    code, out, _ = recspend("--json", "--from", "2026-09-02", "--to", "2026-09-03", "--again")
    row |= {"first_day": "2026-09-02", "last_day": "2026-09-03"}
    assert (code, json.loads(out)) == (
        0,
        [row | {"reason": "asked again", "recordings": None, "read_on": today}],
    )


def test_dry_run_prints_an_empty_plan(recspend: Recspend) -> None:
    assert recspend("--json", "--from", "2026-09-02", "--to", "2026-09-03")[:2] == (0, "[]\n")


def test_dry_run_prints_the_plan_as_a_table(recspend: Recspend) -> None:
    code, out, _ = recspend("--from", "2026-08-30", "--to", "2026-09-02")
    words = [line.split() for line in out.splitlines()]
    assert code == 0
    assert words[0] == COLUMNS
    assert words[2][:-1] == ["support", "2026-08-30", "2026-08-31", "not", "covered", "-", "1"]


def test_dry_run_reports_a_refused_token(
    recspend: Recspend, read: tuple[Emulator, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (read[1] / "state").rename(read[1] / "forgotten")
    monkeypatch.setenv("RECSPEND_API_TOKEN", "PT-wrong")
    code, out, err = recspend("--json")
    assert (code, out) == (3, "")
    assert "refuses the credentials (401)" in err
