"""Pages that an earlier version landed and that nobody could read now: the rest of the data folder is normalized."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from flows.model.coverage import coverage
from flows.model.second_look.comparison import compare_all, compare_sample
from flows.normalize.normalize import normalize_account
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from tests.support.samples.transforms import ACCOUNT, page_body, recording
from transforms.pages.bounds import MOST_RECORDS
from transforms.values.windows import Window

WINDOW = Window(date(2018, 9, 1), date(2018, 9, 30))
AT = datetime(2018, 12, 1, tzinfo=UTC)
DEEP = "[" * 100_000 + "]" * 100_000
GOOD = (recording('"a"'), recording('"b"'))


def land(data_dir: Path, at: datetime, *bodies: bytes) -> None:
    raw = RawPages(data_dir)
    writer = raw.writer(raw.begin(ACCOUNT, WINDOW, at))
    for number, body in enumerate(bodies):
        writer.add(f"https://example.com/{number}", body, 1)
    writer.complete(at)


def rejects(data_dir: Path) -> list[tuple[str, str]]:
    return [(row["field"], row["reason"]) for row in Lake(data_dir).rejects(ACCOUNT).to_pylist()]


def sids_kept(data_dir: Path) -> set[str]:
    rows = Lake(data_dir).read(ACCOUNT, "2018-09").to_pylist()
    return {row["recording_sid"] for row in rows if row["deleted_at"] is None}


@pytest.mark.parametrize(
    ("body", "reject"),
    [
        (
            page_body(*[recording('"x"')] * (MOST_RECORDS + 1)),
            ("page", "is not read: it has 50,001 records, more than 50,000"),
        ),
        (page_body(b"1," * 3_000_000 + b"1"), ("page", "is not read: it has more than 3,000,000 values")),
        (
            page_body(recording('"c"', source=f'"{"x" * 10_000_000}"')),
            ("source", "has more than 10,000 characters"),
        ),
        (page_body(DEEP.encode()), ("record", "is not a JSON object in UTF-8")),
    ],
    ids=["records", "values", "text", "depth"],
)
def test_landed_page_nobody_can_read_is_a_reject(
    body: bytes, reject: tuple[str, str], tmp_path: Path
) -> None:
    land(tmp_path, AT, page_body(*GOOD))
    assert normalize_account(tmp_path, ACCOUNT).new == 2
    # The recordings of a page that is not read are not deleted.
    land(tmp_path, AT + timedelta(days=1), *([body] if reject[0] == "page" else [page_body(*GOOD), body]))
    summary = normalize_account(tmp_path, ACCOUNT)
    assert (summary.deleted, summary.rejected, rejects(tmp_path)) == (0, 1, [reject])
    assert sids_kept(tmp_path) == {"a", "b"}
    covered = coverage(tmp_path, [ACCOUNT])
    for compared in (compare_all(tmp_path, covered), compare_sample(tmp_path, covered)):
        assert [row for row in compared if row["differing"]] == []
    # Once the days are read again, the reject is gone.
    land(tmp_path, AT + timedelta(days=2), page_body(*GOOD))
    assert normalize_account(tmp_path, ACCOUNT).rejected == 0
    assert normalize_account(tmp_path, ACCOUNT, rebuild=True).new == 0
    assert (rejects(tmp_path), sids_kept(tmp_path)) == ([], {"a", "b"})
