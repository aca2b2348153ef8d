"""The comparison with the bill: runs against an emulator that charges for its own ledger, with planted differences.

The planted amounts are worked out by hand. The date is in September 2026, and the ledger has three days.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import pytest

from flows.emulator import Emulator, Parameters, Recording, open_ledger, open_living, serve
from flows.ingest.plan import Plan
from flows.run.request import RunRequest
from flows.run.summary import RunSummary
from flows.stores.lake.usage_records import UsageRecords, raw_usage
from flows.stores.raw.landing import LandingWriter
from tests.support.runs.ledger_runs import accesses_of, rows_of
from tests.support.runs.living_runs import WHOLE_RUN, clock_of, epoch_of, made, run_by
from transforms.errors import DataError
from transforms.values.windows import Window

pytestmark = pytest.mark.builds("marts.reconciliation", "marts.daily_spend")

ACCOUNT = "AC3c0c2e00004000800000000000000001"
TODAY = date(2026, 9, 14)
CENT = Decimal("0.01")
SECOND, THIRD, FOURTH = date(2026, 9, 2), date(2026, 9, 3), date(2026, 9, 4)


def recording(sequence: int, day: date, minutes: int, price: str | None, **facts: Any) -> Recording:
    """Make a recording of this many started minutes; the highest sequence is the latest of its day."""
    return made(
        ACCOUNT,
        sequence,
        epoch_of(day, 9 * 3600 + sequence),
        duration_seconds=minutes * 60 - 1,
        price=None if price is None else Decimal(price),
        **facts,
    )


# Mono minutes cost 0.0025, stereo minutes 0.005; one recording of each day is free.
LEDGER = [
    recording(0, SECOND, 2, "0.005"),
    recording(1, SECOND, 3, "0"),
    recording(2, SECOND, 4, "0.02"),
    recording(3, THIRD, 1, "0"),
    recording(4, THIRD, 7, "0.035"),
    recording(5, THIRD, 3, "0.0075"),
    recording(6, FOURTH, 1, "0.0025"),
    recording(7, FOURTH, 1, "0"),
    recording(8, FOURTH, 6, "0.03"),
]
SETTINGS: Mapping[str, Any] = {
    "bill_tolerance_amount": Decimal(0),
    "account_sid": ACCOUNT,
    "provider": "twilio",
}
NO_TOLERANCE: Mapping[str, Any] = {"bill_tolerance_amount": Decimal(0)}
PARTS = ("only_ours_amount", "only_theirs_amount", "quantity_amount", "rate_amount", "unpriced_amount")


@contextmanager
def charging(ledger: Sequence[Recording], *faults: str) -> Iterator[Emulator]:
    with serve(open_living(ledger, accounts=[ACCOUNT], now=epoch_of(TODAY, 3600)), faults=faults) as emulator:
        yield emulator


def run(emulator: Emulator, data_dir: Path, request: RunRequest = WHOLE_RUN, **settings: Any) -> RunSummary:
    accounts = [replace(access, provider="twilio") for access in accesses_of(emulator)]
    return run_by(clock_of(emulator.ledger), accounts, data_dir, request, **{**SETTINGS, **settings})


def reconciliation(data_dir: Path) -> list[dict[str, Any]]:
    """Return the table, after checking that the parts of each row add up."""
    rows = rows_of(data_dir, "select * from marts.reconciliation order by against, period_start, currency")
    for row in rows:
        if row["difference"] is not None:
            assert sum(row[part] for part in PARTS) == row["difference"]
            assert row["difference"] == row["their_cost"] - (row["our_cost"] or 0)
    return rows


def by_day(rows: Sequence[Mapping[str, Any]], *names: str) -> dict[date, tuple[Any, ...]]:
    return {row["period_start"]: tuple(row[name] for name in names) for row in rows}


def usage_requests(emulator: Emulator) -> list[dict[str, list[str]]]:
    asked = [urlsplit(request.target) for request in emulator.requests]
    return [parse_qs(each.query) for each in asked if "/Usage/" in each.path]


def test_bill_reconciles_every_day_when_nothing_is_planted(tmp_path: Path) -> None:
    with charging(LEDGER) as emulator:
        summary = run(emulator, tmp_path)
    assert summary.warnings == {}
    rows = reconciliation(tmp_path)
    assert by_day(rows, "their_recordings", "their_minutes", "their_cost", "difference", "class") == {
        SECOND: (3, 9, Decimal("0.025"), 0, "none"),
        THIRD: (3, 11, Decimal("0.0425"), 0, "none"),
        FOURTH: (3, 8, Decimal("0.0325"), 0, "none"),
    }
    assert {
        (row["against"], row["is_comparable"], row["is_within_tolerance"], row["note"]) for row in rows
    } == {("usage records", True, True, None)}
    assert rows_of(tmp_path, "select * from ops.checks where name = 'bill_differs' and not is_passed") == []
    days = rows_of(tmp_path, "select * from landed.account_days order by day")
    assert [row["day"].day for row in days] in ([*range(1, 15)], [*range(31, 32), *range(1, 15)])
    assert {row["day"] for row in days if not row["is_covered"]} == {TODAY}
    assert {row["has_usage_list"] for row in days} == {True}


@pytest.mark.parametrize(
    ("fault", "name", "amount"),
    [
        # The newest recording of the fourth is counted twice: six stereo minutes.
        ("usage-extra", "only theirs", "0.03"),
        ("usage-missing", "only ours", "-0.03"),
        # One more minute of it.
        ("usage-minutes", "quantity", "0.005"),
        # Half of 0.0325 on top.
        ("usage-price", "rate", "0.01625"),
    ],
)
def test_planted_difference_is_found_with_its_amount(
    fault: str, name: str, amount: str, tmp_path: Path
) -> None:
    with charging(LEDGER, fault) as emulator:
        summary = run(emulator, tmp_path)
    rows = reconciliation(tmp_path)
    assert by_day(rows, "difference", "class", "is_within_tolerance") == {
        SECOND: (0, "none", True),
        THIRD: (0, "none", True),
        FOURTH: (Decimal(amount), name, False),
    }
    part = f"{name.replace(' ', '_')}_amount"
    assert {each: rows[-1][each] for each in PARTS} == {**dict.fromkeys(PARTS, 0), part: Decimal(amount)}
    assert [result.check.name for result in summary.checks if not result.is_passed] == ["bill_differs"]
    assert summary.exit_code == 0


def test_differences_planted_together_are_told_apart(tmp_path: Path) -> None:
    with charging(LEDGER, "usage-minutes", "usage-extra", "usage-missing") as emulator:
        run(emulator, tmp_path)
    assert by_day(reconciliation(tmp_path), "difference", "class") == {
        # One more mono minute is billed for the newest one that is not free: six minutes at 0.005.
        SECOND: (Decimal("0.005"), "quantity"),
        THIRD: (Decimal("-0.0075"), "only ours"),
        FOURTH: (Decimal("0.03"), "only theirs"),
    }


def test_bill_reconciles_in_another_reporting_time_zone(tmp_path: Path) -> None:
    source = open_ledger(Parameters(seed=6, recordings=900, accounts=2), tmp_path / "rendered")
    with serve(source) as emulator:
        accounts = [replace(access, provider="twilio") for access in accesses_of(emulator)]
        living = open_living([], now=epoch_of(date(2026, 10, 3)))
        run_by(
            clock_of(living.ledger),
            accounts,
            tmp_path / "data",
            reporting_timezone="Asia/Tokyo",
            **NO_TOLERANCE,
        )
    rows = reconciliation(tmp_path / "data")
    assert {row["account_sid"] for row in rows} == {account.account_sid for account in source.accounts}
    assert sum(row["our_recordings"] for row in rows) == 900
    # Unpriced recordings are counted but not charged, so there is no difference.
    assert sum(row["our_unpriced"] for row in rows) > 30
    assert {(row["difference"], row["class"], row["is_comparable"]) for row in rows} == {(0, "none", True)}
    assert {row["our_recordings"] - row["their_recordings"] for row in rows} == {0}


@pytest.mark.slow
def test_difference_within_tolerance_is_shown_without_a_warning(tmp_path: Path) -> None:
    with charging(LEDGER, "usage-minutes") as emulator:
        summary = run(emulator, tmp_path, bill_tolerance_amount=Decimal("0.005"))
        assert by_day(reconciliation(tmp_path), "difference", "is_within_tolerance")[FOURTH] == (
            Decimal("0.005"),
            True,
        )
        assert [result for result in summary.checks if not result.is_passed] == []
        # 0.005 of 0.0375 is two fifteenths.
        run(emulator, tmp_path, bill_tolerance_share=Decimal("0.14"))
        assert by_day(reconciliation(tmp_path), "is_within_tolerance")[FOURTH] == (True,)
        run(emulator, tmp_path, bill_tolerance_share=Decimal("0.13"))
        assert by_day(reconciliation(tmp_path), "is_within_tolerance")[FOURTH] == (False,)


def test_charges_for_unpriced_recordings_are_a_part_of_their_own(
    tmp_path: Path,
) -> None:
    late = recording(9, SECOND, 5, "0.0125")
    with charging([*LEDGER, late]) as emulator:
        run(emulator, tmp_path)
        charged = usage_text(tmp_path)
    with charging([*LEDGER, replace(late, price=None, currency=None)]) as emulator:
        data_dir = tmp_path / "late"
        shutil.copytree(tmp_path / "raw_usage", data_dir / "raw_usage")
        run(emulator, data_dir, usage_records=False)
        assert usage_text(data_dir) == charged
    (row,) = [row for row in reconciliation(data_dir) if row["period_start"] == SECOND]
    assert (row["our_recordings"], row["our_unpriced"], row["their_recordings"]) == (4, 1, 4)
    assert (row["class"], row["unpriced_amount"]) == ("unpriced", Decimal("0.0125"))
    assert (row["note"], row["is_comparable"]) == ("recordings without a price: 1", True)


def usage_text(data_dir: Path) -> list[dict[str, Any]]:
    return rows_of(data_dir, "select * exclude (raw_page) from landed.usage_records order by usage_date")


def test_usage_is_requested_for_open_days_of_one_account(tmp_path: Path) -> None:
    with charging(LEDGER) as emulator:
        run(emulator, tmp_path, settle_days=5)
        (asked,) = usage_requests(emulator)
        assert asked == {
            "Category": ["recordings"],
            # The first day is located to within a day or two; today is not over.
            "StartDate": asked["StartDate"],
            "EndDate": ["2026-09-13"],
            "IncludeSubaccounts": ["false"],
            "PageSize": ["1000"],
        }
        assert "2026-08-31" <= asked["StartDate"][0] <= "2026-09-02"
        run(emulator, tmp_path, settle_days=5, settle_each_run_days=5)
        again = usage_requests(emulator)[1]
        # The 9th is five days old, the 10th four.
        assert (again["StartDate"], again["EndDate"]) == (["2026-09-10"], ["2026-09-13"])
        run(emulator, tmp_path, RunRequest(first=SECOND, last=THIRD, again=True), settle_days=5)
        again = usage_requests(emulator)[2]
        assert (again["StartDate"], again["EndDate"]) == (["2026-09-02"], ["2026-09-03"])
        run(emulator, tmp_path, settle_days=5, usage_records=False)
        assert len(usage_requests(emulator)) == 3
    assert len(reconciliation(tmp_path)) == 3


def test_usage_is_never_requested_from_signalwire(tmp_path: Path) -> None:
    with charging(LEDGER) as emulator:
        run_by(clock_of(emulator.ledger), accesses_of(emulator), tmp_path)
        assert usage_requests(emulator) == []
    assert not (tmp_path / "raw_usage").exists()
    assert not (tmp_path / "usage_records").exists()
    assert reconciliation(tmp_path) == []


def test_refused_usage_list_warns_and_recordings_are_still_read(tmp_path: Path) -> None:
    with charging(LEDGER, "usage-refused") as emulator:
        summary = run(emulator, tmp_path)
    assert (summary.failed, summary.exit_code, summary.new) == ({}, 0, len(LEDGER))
    (warning,) = summary.warnings.values()
    assert warning.startswith("The recordings were read, but the Usage Records were not. Account ")
    assert "refuses the credentials (403)" in warning
    assert summary.as_object()["warnings"] == summary.warnings
    rows = reconciliation(tmp_path)
    assert by_day(
        rows, "difference", "class", "is_comparable", "is_within_tolerance", "note"
    ) == dict.fromkeys((SECOND, THIRD, FOURTH), (None, None, False, None, "no usage record read yet"))
    assert [(row["our_recordings"], row["their_cost"]) for row in rows] == [(3, None)] * 3


def test_corrected_usage_gets_a_new_page_and_unchanged_does_not(tmp_path: Path) -> None:
    with charging(LEDGER) as emulator:
        run(emulator, tmp_path)
        pages = by_raw_page(tmp_path)
        before = rows_of(tmp_path, "select * from landed.usage_records order by all")
        run(emulator, tmp_path)
        assert rows_of(tmp_path, "select * from landed.usage_records order by all") == before
        emulator.ledger.change(LEDGER[4].sid, price=Decimal("0.07"))
        run(emulator, tmp_path, settle_each_run_days=90)
    after = by_raw_page(tmp_path)
    assert after[SECOND] == pages[SECOND]
    assert after[THIRD] > pages[THIRD]
    (row,) = rows_of(tmp_path, "select * from landed.usage_records where usage_date = '2026-09-03'")
    assert (row["price"], row["recordings"], row["minutes"], row["currency"]) == (
        Decimal("0.0775"),
        3,
        11,
        "USD",
    )
    # The lake has the old price, because its day was not read again: a difference in rate.
    assert by_day(reconciliation(tmp_path), "rate_amount")[THIRD] == (Decimal("0.035"),)


def by_raw_page(data_dir: Path) -> dict[date, str]:
    rows = rows_of(data_dir, "select usage_date, raw_page from landed.usage_records")
    return {row["usage_date"]: row["raw_page"] for row in rows}


def test_coverage_gaps_and_the_running_day_are_not_compared(tmp_path: Path) -> None:
    today = replace(recording(20, TODAY, 1, "0.0025"), created_at=epoch_of(TODAY, 60))
    with charging([*LEDGER, today]) as emulator:
        run(emulator, tmp_path, RunRequest(first=SECOND, last=SECOND))
        run(emulator, tmp_path, RunRequest(first=FOURTH))
        # The usage of the third is read, but not its recordings.
        with patch("flows.ingest.ingest.plan_account", lambda *_: Plan({}, Window(THIRD, THIRD))):
            run(emulator, tmp_path, RunRequest(first=THIRD, last=THIRD))
    rows = reconciliation(tmp_path)
    assert by_day(
        rows, "our_recordings", "their_recordings", "is_comparable", "is_within_tolerance", "note"
    ) == {
        SECOND: (3, 3, True, True, None),
        THIRD: (0, 3, False, None, "days not read whole: 1"),
        FOURTH: (3, 3, True, True, None),
        TODAY: (1, None, False, None, "no usage record read yet"),
    }


class Killed(BaseException):
    """End the process, as far as Python can simulate it."""


def test_next_run_finishes_usage_of_a_killed_run(tmp_path: Path) -> None:
    def killed(*_: object) -> None:
        raise Killed

    with charging(LEDGER) as emulator:
        for method in ("add", "complete"):
            wrapped = getattr(LandingWriter, method)

            def only_usage(writer: LandingWriter, *given: Any, wrapped: Any = wrapped) -> Any:
                return killed() if writer._landing.root == "raw_usage" else wrapped(writer, *given)

            with patch.object(LandingWriter, method, only_usage), pytest.raises(Killed):
                run(emulator, tmp_path)
            assert len(raw_usage(tmp_path).unfinished(ACCOUNT)) == 1
            assert UsageRecords(tmp_path).read(ACCOUNT).num_rows == 0
        with patch("flows.stores.lake.usage_records.write_if_changed", killed), pytest.raises(Killed):
            run(emulator, tmp_path)
        assert UsageRecords(tmp_path).read(ACCOUNT).num_rows > 0
        summary = run(emulator, tmp_path)
    assert summary.exit_code == 0
    assert raw_usage(tmp_path).unfinished(ACCOUNT) == []
    assert by_day(reconciliation(tmp_path), "difference") == dict.fromkeys((SECOND, THIRD, FOURTH), (0,))


def test_usage_is_rebuilt_from_raw_pages(tmp_path: Path) -> None:
    with charging(LEDGER, "usage-price") as emulator:
        run(emulator, tmp_path)
        ledger = emulator.ledger
    before = rows_of(tmp_path, "select * from landed.usage_records order by all")
    assert len(before) > 3
    shutil.rmtree(tmp_path / "usage_records")
    run_by(clock_of(ledger), [], tmp_path, RunRequest("normalize", rebuild=True))
    run_by(clock_of(ledger), [], tmp_path, RunRequest("model"))
    assert rows_of(tmp_path, "select * from landed.usage_records order by all") == before
    (page,) = (tmp_path / "raw_usage").rglob("*.json.zst")
    page.write_bytes(page.read_bytes()[:-1])
    with pytest.raises(DataError, match="is not the page that was received"):
        run_by(clock_of(ledger), [], tmp_path, RunRequest("normalize", rebuild=True))


def test_invoice_is_compared_with_its_month(tmp_path: Path) -> None:
    reference = tmp_path / "reference" / "invoices.csv"
    reference.parent.mkdir()
    lines = [
        "account_sid,month,category,quantity,amount,currency",
        # 28 minutes and 0.1: half a cent is rounded, and three more minutes are billed.
        f"{ACCOUNT},2026-09,recordings,31,0.11,USD",
        f"{ACCOUNT},2026-09,transcriptions,31,7,USD",
        f"{ACCOUNT},2026-08,recordings,2,0.01,USD",
    ]
    reference.write_text("\n".join(lines))
    source = open_living(LEDGER, accounts=[ACCOUNT], now=epoch_of(date(2026, 10, 2)))
    with serve(source) as emulator:
        run_by(clock_of(source.ledger), accesses_of(emulator), tmp_path, **NO_TOLERANCE)
    august, september = reconciliation(tmp_path)
    assert (september["against"], september["period_start"]) == ("invoice", date(2026, 9, 1))
    assert (september["our_minutes"], september["our_cost"]) == (28, Decimal("0.1"))
    assert (september["their_recordings"], september["their_minutes"]) == (None, 31)
    assert (september["class"], september["quantity_amount"]) == ("quantity", Decimal("0.01"))
    assert (september["is_comparable"], september["note"]) == (True, None)
    assert (august["class"], august["only_theirs_amount"]) == ("only theirs", CENT)
    assert (august["is_comparable"], august["is_within_tolerance"]) == (False, None)
    assert august["note"] in (
        "days not read whole: 31",
        "days not read whole: 29",
        "days not read whole: 30",
    )
