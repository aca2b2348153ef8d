from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from msgspec import structs

from flows.normalize.history import History
from flows.stores.lake.commit import Commit, LakeFile
from flows.stores.lake.lake import Lake
from tests.support.samples.stores import ACCOUNT
from tests.support.samples.transforms import utc
from transforms.normalize.corrections import CORRECTION_SCHEMA
from transforms.normalize.history import IN_ORDER

SEEN = utc(2026, 8, 9)


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setattr("flows.normalize.history.ROWS_PER_FILE", 4)
    return Lake(tmp_path)


def corrections(generation: int, *sids: str, price: str = "0.01") -> pa.Table:
    rows = [
        {
            "account_sid": ACCOUNT,
            "recording_sid": sid,
            "created_at": utc(2026, 7, 1),
            "seen_at": SEEN + timedelta(hours=generation),
            "price_before": None,
            "price_after": Decimal(price),
            "currency_before": "USD",
            "currency_after": "USD",
            "raw_page_before": "old",
            "raw_page_after": "new",
        }
        for sid in sids
    ]
    return pa.Table.from_pylist(rows, CORRECTION_SCHEMA)


def after(
    lake: Lake, files: list[LakeFile], *parts: pa.Table, settled: pa.Table | None = None
) -> list[LakeFile]:
    """Return the files after a generation that found these parts."""
    history = History(lake, ACCOUNT, "corrections", files)
    for part in parts:
        history.add(part)
    if settled is not None:
        history.settle(settled)
    return history.end()


def rows(lake: Lake, files: list[LakeFile]) -> list[tuple[int, str, Decimal]]:
    table = lake.read_table(ACCOUNT, "corrections", files).sort_by(IN_ORDER)
    return [
        ((row["seen_at"] - SEEN) // timedelta(hours=1), row["recording_sid"], row["price_after"])
        for row in table.to_pylist()
    ]


def test_what_is_found_is_kept_in_files_of_limited_size(lake: Lake) -> None:
    files = after(lake, [], corrections(0, "A", "B", "C"), corrections(0, "D", "E", "F"), corrections(0, "G"))
    assert [file.rows for file in files] == [4, 3]
    assert rows(lake, files) == [(0, sid, Decimal("0.01")) for sid in "ABCDEFG"]


def test_only_the_newest_file_is_written_again_while_it_has_room(lake: Lake) -> None:
    first = after(lake, [], corrections(0, *"ABCDEF"))
    second = after(lake, first, corrections(1, "A"))
    assert ([file.rows for file in second], second[0]) == ([4, 3], first[0])
    third = after(lake, second, corrections(2, "A", "B"))
    assert ([file.rows for file in third], third[:2]) == ([4, 3, 2], second)
    found = [(0, *"ABCDEF"), (1, "A"), (2, "A", "B")]
    assert rows(lake, third) == [
        (generation, sid, Decimal("0.01")) for generation, *sids in found for sid in sids
    ]


def test_generation_that_found_nothing_changes_no_file(lake: Lake) -> None:
    files = after(lake, [], corrections(0, "A"))
    assert after(lake, files) == after(lake, files, CORRECTION_SCHEMA.empty_table()) == files
    assert after(lake, []) == []


def test_what_is_settled_counts_instead_of_what_parts_found(lake: Lake) -> None:
    before = after(lake, [], corrections(0, *"ABCDE"))
    files = after(lake, before, corrections(1, *"ABCDEF"), settled=corrections(1, "B", "X", price="0.02"))
    expected = {sid: Decimal("0.01") for sid in "ABCDEF"} | {"B": Decimal("0.02"), "X": Decimal("0.02")}
    assert rows(lake, files) == [
        *((0, sid, Decimal("0.01")) for sid in "ABCDE"),
        *((1, sid, price) for sid, price in expected.items()),
    ]


def test_all_files_are_shown(lake: Lake) -> None:
    files = after(lake, [], corrections(0, *"ABCDEF"))
    lake.replace(ACCOUNT, structs.replace(Commit(), tables={"corrections": files}))
    folder = lake.folder.parent / "corrections" / f"account_sid={ACCOUNT}"
    assert sorted(path.name for path in folder.iterdir()) == ["corrections-02.parquet", "corrections.parquet"]
    assert lake.corrections(ACCOUNT).num_rows == 6
