"""What one account found out about its API is taken over by others, if they can miss nothing by it."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from flows.emulator import Emulator, Recording, open_recordings, serve
from flows.ingest.dialects import Dialects
from flows.ingest.ingest import ingest_account
from flows.normalize.normalize import normalize_account
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.watched import recording
from transforms.ingest.request import IngestRequest

ACCOUNTS = [f"5a3c0c2e-0000-4000-8000-00000000000{number}" for number in (1, 2)]
TODAY = datetime(2026, 9, 30, 12, tzinfo=UTC)
DIALECTS = ["instant-inclusive", "instant-exclusive", "day-inclusive", "day-exclusive"]
DAYS, OF_A_DAY = 12, 4


def recordings(account_sid: str) -> list[Recording]:
    """Make some for each of the newest days; of every third day in its first second and in its last."""
    midnights = [
        int((TODAY - timedelta(days=number)).replace(hour=0).timestamp()) for number in range(1, DAYS + 1)
    ]
    instants = [
        midnight + at
        for number, midnight in enumerate(midnights)
        for at in ((0, 1, 40_000, 86_399) if number % 3 == 0 else (5, 6, 40_000, 70_000))
    ]
    return [recording(sequence, instant, account_sid) for sequence, instant in enumerate(instants)]


def read(emulator: Emulator, data_dir: Path, dialects: Dialects) -> None:
    (access,) = accesses_of(emulator)
    at = TODAY
    for first in (None, date(2026, 9, 20)):  # the second run asks for days that the first one read
        summary = ingest_account(
            access,
            data_dir,
            IngestRequest(first=first, again=first is not None),
            clock=lambda at=at: at,  # type: ignore[misc]
            dialects=dialects,
        )
        assert summary.failed == {}
        at += timedelta(hours=1)


def probes(emulator: Emulator) -> int:
    queries = [parse_qs(urlsplit(request.target).query) for request in emulator.requests]
    return sum(query["PageSize"] == ["1"] and "DateCreated>" in query for query in queries)


@pytest.mark.parametrize("real", DIALECTS)
@pytest.mark.parametrize("found", DIALECTS)
def test_account_misses_nothing_by_what_another_one_found(found: str, real: str, tmp_path: Path) -> None:
    """The API compares dates in another way for the second account, which no API is known to do."""
    dialects, port, asked = Dialects(), 0, []
    for account_sid, dialect in zip(ACCOUNTS, (found, real), strict=True):
        source = open_recordings(recordings(account_sid), tmp_path / f"rendered-{account_sid}")
        with serve(source, dialect=dialect, port=port) as emulator:
            port = int(emulator.base_url.rpartition(":")[2])
            read(emulator, tmp_path / "data", dialects)
            asked.append(probes(emulator))
        normalize_account(tmp_path / "data", account_sid)
        assert Lake(tmp_path / "data").rows(account_sid) == DAYS * OF_A_DAY
        assert RawPages(tmp_path / "data").unfinished(account_sid) == []
    if found == real:
        assert asked == ([1, 1] if found == "day-inclusive" else [1, 0])
