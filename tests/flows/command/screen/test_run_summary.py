"""What a run ends with on the screen."""

from typing import Literal

from flows.command.screen.run_summary import check_lines, remarks, stage_line
from flows.ingest.ingest import IngestSummary
from flows.run.summary import RunSummary
from flows.stores.warehouse.checks import CheckResult
from tests.support.samples.summaries import summary_of
from transforms.model.models import Check
from transforms.pages.oddities import Oddities, Oddity


def found(severity: Literal["fail", "warn"], rows: int) -> CheckResult:
    check = Check("keys_are_unique", "keys_are_unique.sql", "select 1", severity, "Rows would count twice.")
    return CheckResult(check, rows, ["sid=RE1"] * min(rows, 1))


def test_remarks_say_where_to_look() -> None:
    summary = summary_of(
        failed={"sales": "The API [b]refuses[/b]."},
        holes=1200,
        rejected=1,
        unpriced=2,
        checks=[found("fail", 2), found("warn", 0)],
        oddities=Oddities({("source", "Fax"): Oddity(3, "RE1", "Fax")}),
    )
    assert [line.plain for line in remarks(summary)] == [
        "The API [b]refuses[/b].",
        '1,200 days of accounts are missing. See: recspend query "from ops.coverage where not is_covered"',
        '1 record could not be understood and is in no figure. See: recspend query "from ops.rejects"',
        "2 recordings have no price yet; the cost will rise as prices arrive.",
        "Check keys_are_unique found 2 rows. Rows would count twice. First: sid=RE1",
        "Because of what the checks found, the reports were not changed.",
        "Unexpected: source 'Fax' in 3 rows (such as RE1).",
    ]


def test_remarks_of_a_run_without_findings() -> None:
    assert remarks(RunSummary()) == []


def test_check_lines_begin_with_the_result() -> None:
    results = [found("fail", 0), found("warn", 1), found("fail", 1)]
    assert [line.plain for line in check_lines(results)] == [
        "passed  keys_are_unique",
        "warns   Check keys_are_unique found 1 row. Rows would count twice. First: sid=RE1",
        "failed  Check keys_are_unique found 1 row. Rows would count twice. First: sid=RE1",
    ]


def test_stage_line_separates_thousands() -> None:
    summary = RunSummary(IngestSummary(requests=12345, rows=10), seconds={"ingest": 0.84})
    assert stage_line(summary).plain == "12,345 requests, 0 retries, 0 pages, 10 rows (ingest 0.8 s)"


def test_stage_line_has_single_recordings_if_there_are_any() -> None:
    summary = RunSummary(IngestSummary(requests=3, pages=1, rows=50, singles=2))
    assert stage_line(summary).plain == "3 requests, 0 retries, 1 pages, 50 rows, 2 single recordings"
