"""Four times as many recordings in a month take little more memory, also when all of it is read again."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from flows.stores.raw.raw_pages import RawPages
from tests.support import TOP
from tests.support.samples.stores import ACCOUNT
from tests.support.samples.transforms import recording
from tests.support.servers.scripted_server import page
from transforms.values.windows import Window

BEGINNING = datetime(2026, 12, 1, tzinfo=UTC)
DAYS, ROWS_PER_PAGE = 30, 1_000
MOST = 1.5
"""A day is read as a whole, and the allocator keeps more or less of what is free."""
SMALL, LARGE = 250_000, 1_000_000
NORMALIZE = """
import sys
from pathlib import Path
from flows.normalize.normalize import normalize_account
from tests.benchmarks.measure.memory import peak_bytes
rows = normalize_account(Path(sys.argv[1]), sys.argv[2]).rows
print(rows, peak_bytes())
"""
TEMPLATE = recording(
    '"@SID@"',
    account_sid=f'"{ACCOUNT}"',
    date_created='"@CREATED@"',
    date_updated='"@UPDATED@"',
    price='"@PRICE@"',
)


def land_month(data_dir: Path, rows: int, at: datetime, price: str) -> None:
    """Land a month with this many recordings, day by day."""
    raw, of_all = RawPages(data_dir), TEMPLATE.replace(b"@UPDATED@", format_datetime(at).encode())
    of_all = of_all.replace(b"@PRICE@", price.encode())
    for number in range(DAYS):
        day = date(2026, 9, 1) + timedelta(days=number)
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        writer = raw.writer(raw.begin(ACCOUNT, Window(day, day), at + timedelta(seconds=number)))
        for first in range(0, rows // DAYS, ROWS_PER_PAGE):
            records = [
                of_all.replace(
                    b"@SID@", b"RE%02x%08x%022x" % (number, place * 2654435761 % (1 << 32), place)
                ).replace(
                    b"@CREATED@", format_datetime(midnight + timedelta(seconds=place % 86_400)).encode()
                )
                for place in range(first, min(first + ROWS_PER_PAGE, rows // DAYS))
            ]
            body = page().replace(b"[]", b"[" + b",".join(records) + b"]")
            writer.add("https://example.com/1", body, len(records))
        writer.complete(at + timedelta(minutes=1))


def peak(data_dir: Path) -> int:
    """Normalize in a process of its own, and return the most memory it had, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", NORMALIZE, str(data_dir), ACCOUNT], cwd=TOP, check=True, stdout=subprocess.PIPE
    )
    rows, found = map(int, done.stdout.split())
    assert rows
    return found


@pytest.mark.slow
def test_month_that_is_read_again_needs_no_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)
    first, again = {}, {}
    for rows in (SMALL, LARGE):
        land_month(tmp_path / str(rows), rows, BEGINNING, "-0.0025")
        first[rows] = peak(tmp_path / str(rows))
        land_month(tmp_path / str(rows), rows, BEGINNING + timedelta(hours=1), "-0.005")
        again[rows] = peak(tmp_path / str(rows))
    assert first[LARGE] <= MOST * first[SMALL], first
    assert again[LARGE] <= MOST * again[SMALL], again
