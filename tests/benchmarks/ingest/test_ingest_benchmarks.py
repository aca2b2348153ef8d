import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from flows.emulator.ledger.generator import LAST_DAY
from flows.emulator.resources.rendered import read_books
from tests.benchmarks.ingest.conditions import Rounds
from tests.benchmarks.measure.child import ROOT
from tests.benchmarks.measure.environment import installed
from tests.benchmarks.measure.ledgers import (
    MONTH,
    generated_ledger,
    ledgers_folder,
    month_ledger,
    open_rendered,
    right_answer,
    settled_ledger,
    skewed_ledger,
)
from tests.benchmarks.parts import PARTS, Bench, Sizes

COUNT = 1500


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench with tiny sizes. It includes dlt only if that is already installed."""
    has_dlt = installed("dlt", ROOT / "tests/benchmarks/ingest/dlt.txt", ROOT / "build") is not None
    if has_dlt:
        (tmp_path / "dlt").symlink_to(ROOT / "build" / "dlt")
    sizes = Sizes(
        ingest=COUNT,
        dlt_recordings=1000,
        month=COUNT,
        latency_ms=1,
        stored=COUNT,
        ingest_rounds=Rounds(1, 1, int(has_dlt)),
        skewed=COUNT,
        skewed_latency_ms=1,
        side_by_side=(3, 20, 1),
    )
    work_dir = tmp_path / "work_dir"
    work_dir.mkdir()
    return Bench(tmp_path, work_dir, sizes, concurrency=2, say=lambda line: None)


def days_of(ledger: Path) -> set[date]:
    (book,) = read_books(ledger)
    return {datetime.fromtimestamp(created, UTC).date() for created in book.created}


def rows_of(section: str) -> list[list[str]]:
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("part", ["ingest", "latency"])
def test_ingest_race_has_a_row_for_every_way(bench: Bench, part: str) -> None:
    rows = rows_of(PARTS[part](bench))

    ways = [row[0].partition(":")[0] for row in rows if re.fullmatch(r"[\d,]+", row[1])]
    dlt = bench.sizes.ingest_rounds.dlt * (2 if part == "latency" else 1)
    assert [way.partition(" ")[0] for way in ways] == ["ours", "script", *["dlt"] * dlt]
    ratios = [row for row in rows if row[0].startswith("ours / ")]
    assert len(ratios) == len(ways) - 1
    assert all(float(row[1]) > 0 for row in ratios)


@pytest.mark.slow
def test_skewed_account_is_compared_with_the_ideal(bench: Bench) -> None:
    (row,) = rows_of(PARTS["skewed"](bench))[1:]
    assert int(row[0]) >= 2
    assert row[4].endswith("%")


@pytest.mark.slow
def test_many_accounts_are_compared_with_a_bare_client(bench: Bench) -> None:
    rows = rows_of(PARTS["accounts"](bench))[1:]
    assert [row[:2] for row in rows] == [
        [what, way] for what in ("first run", "nothing new") for way in ("recspend", "bare")
    ]
    assert [float(rows[number][6]) > 0 for number in (0, 2)] == [True, True]


@pytest.mark.slow
def test_run_with_nothing_new_reads_look_back_days_only(bench: Bench) -> None:
    rows = rows_of(PARTS["nothing-new"](bench))

    today = str(datetime.now(UTC).date())
    assert [row[0] for row in rows[1:]] == [str(LAST_DAY), today]
    assert all("look back" in row[2] and "," not in row[2] for row in rows[1:])
    assert int(rows[2][4]) > 0


def test_skewed_ledger_has_a_tenth_on_one_day(tmp_path: Path) -> None:
    (book,) = read_books(skewed_ledger(COUNT, tmp_path))
    days = Counter(datetime.fromtimestamp(created, UTC).date() for created in book.created)
    assert len(days) == 30
    assert days.most_common(1)[0][1] == pytest.approx(COUNT / 10, rel=0.2)
    assert days.most_common(2)[1][1] < COUNT / 15


def test_ledgers_keep_every_recording_when_moved(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    ledgers = ledgers_folder(tmp_path, today)
    generated = right_answer(open_rendered(generated_ledger(COUNT, ledgers)))

    squeezed = month_ledger(COUNT, ledgers)
    assert right_answer(open_rendered(squeezed)) == generated
    first, last = MONTH
    assert days_of(squeezed) == {first + timedelta(days=number) for number in range((last - first).days + 1)}

    settled = settled_ledger(COUNT, today, ledgers)
    cells = open_rendered(settled).totals()["cells"]
    assert sum(cell["recordings"] for cell in cells) == generated[0]
    assert sum(cell["unpriced_recordings"] for cell in cells) == 0
    assert max(days_of(settled)) == today

    assert ledgers_folder(tmp_path, today) == ledgers
    assert len(list(ledgers.iterdir())) == 3
