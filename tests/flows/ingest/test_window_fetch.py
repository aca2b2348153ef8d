"""Windows that are cut while they are fetched, by days and by hours, with runs that are killed on the way."""

import base64
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from itertools import count, cycle
from pathlib import Path
from types import MappingProxyType
from unittest import mock
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.emulator import LivingSource, Recording, open_living
from flows.emulator.http.messages import HttpRequest
from flows.emulator.http.queries import EmulatedDialect, dialect_of
from flows.ingest.ingest import unfinished
from flows.ingest.parts import Destination
from flows.ingest.window_fetch import WindowFetch
from flows.stores.api.access import AccountAccess
from flows.stores.api.client import RecordingsApi
from flows.stores.api.pager import Pager
from flows.stores.api.responses import RECORDINGS, ApiList
from flows.stores.raw.raw_pages import RawPages
from tests.support.runs.watched import ACCOUNT, TODAY, recording, text_of
from transforms.errors import FilterChangedError
from transforms.ingest.dialect import Dialect
from transforms.ingest.plan import windows_of
from transforms.pages.recordings import created_instants
from transforms.pages.records import Envelope, read_envelope, read_records
from transforms.values.windows import Window, days_of

WINDOW = Window(date(2026, 8, 1), date(2026, 8, 4))
SECONDS = int((WINDOW.created_before - WINDOW.created_from).total_seconds())
FILTERS = ("instant-inclusive", "instant-exclusive", "day-inclusive", "day-exclusive")


class DirectApi(RecordingsApi):
    """The API of a ledger without a server in between, with small pages. asked: the URLs it was asked for."""

    def __init__(self, source: LivingSource, size: int, dialect: EmulatedDialect) -> None:
        (account,) = source.accounts
        token = account.api_token
        super().__init__(
            AccountAccess("sales", ACCOUNT, "http://127.0.0.1", ACCOUNT, token, "signalwire", "the test")
        )
        self._source, self._size, self._emulated = source, size, dialect
        self._credentials = "Basic " + base64.b64encode(f"{ACCOUNT}:{token}".encode()).decode()
        self.asked: list[str] = []

    def pager(self, parameters: Mapping[str, str], page_size: int = 0, window: Window | None = None) -> Pager:
        return super().pager(parameters, page_size or self._size, window)

    def fetch(self, url: str, listed: ApiList = RECORDINGS) -> tuple[bytes, Envelope]:
        self.asked.append(url)
        target = f"{urlsplit(url).path}?{urlsplit(url).query}"
        body = text_of(self._source.answer(HttpRequest(target, self._credentials, self._emulated)))
        return body, read_envelope(body)


class KilledError(Exception):
    """The run is killed."""


@contextmanager
def killed_at(step: int | None) -> Iterator[None]:
    """Kill what runs in the block just before its change number `step` to the names on the disk (from 0)."""
    steps = count()

    def or_killed(change: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object, **options: object) -> object:
            if step is not None and next(steps) >= step:
                raise KilledError
            return change(*args, **options)

        return wrapped

    with ExitStack() as patches:
        for owner, name in ((Path, "replace"), (Path, "mkdir"), (Path, "unlink"), (shutil, "rmtree")):
            patches.enter_context(mock.patch.object(owner, name, or_killed(getattr(owner, name))))
        yield


def run(
    data_dir: Path,
    api: DirectApi,
    dialect: Dialect,
    cuts: Iterator[int],
    now: datetime,
    known: Mapping[date, int] = MappingProxyType({}),
) -> None:
    """Fetch what is unfinished, then the days not covered, page by page. `cuts` says which fetch is next, and cut.

    known: how many recordings the days are said to have.
    """
    ticks = count()
    raw = RawPages(data_dir)

    def clock() -> datetime:
        return now + timedelta(milliseconds=next(ticks))

    with ThreadPoolExecutor(1) as saving:
        to = Destination(ACCOUNT, raw, saving, clock, dialect, known)
        for plan in (
            lambda: unfinished(data_dir, ACCOUNT, clock()),
            lambda: windows_of(set(days_of(WINDOW)) - raw.covered(ACCOUNT).keys()),
        ):
            fetches = [fetch for target in plan() for fetch in WindowFetch.of(to, target)]
            while fetches:
                choice = next(cuts)
                fetch = fetches[choice // 3 % len(fetches)]
                part = fetch.cut() if choice % 3 == 0 else None
                if part is not None:
                    fetches.append(part)
                if fetch.step(api).is_last:
                    fetches.remove(fetch)


def listed_in(raw: RawPages, window: Window) -> dict[Window, set[str]]:
    """Return the recordings of its own days that each complete landing lists."""
    found: dict[Window, set[str]] = {}
    for landing in raw.complete(ACCOUNT):
        records = [each for page in raw.pages(landing) for each in read_records(page.body).records]
        created = zip(records, created_instants(records), strict=True)
        span = landing.window
        found[span] = {each.sid for each, at in created if span.created_from <= at < span.created_before}
    return found


def made(seconds: list[int]) -> list[Recording]:
    start = int(WINDOW.created_from.timestamp())
    return [recording(number, start + second) for number, second in enumerate(seconds)]


BUSY = st.integers(SECONDS // 2, SECONDS // 2 + 5_000)


@given(
    seconds=st.lists(st.integers(0, SECONDS - 1) | BUSY, max_size=80),
    size=st.integers(2, 4),
    filter_name=st.sampled_from(FILTERS),
    cuts=st.lists(st.integers(0, 60), min_size=1, max_size=40),
    kills=st.lists(st.integers(0, 120), max_size=4),
    # Right or wrong: they only say where to cut.
    known=st.dictionaries(st.sampled_from(days_of(WINDOW)), st.just(0) | st.integers(0, 100_000)),
)
def test_cut_and_killed_fetches_list_every_recording_of_each_day(
    seconds: list[int], size: int, filter_name: str, cuts: list[int], kills: list[int], known: dict[date, int]
) -> None:
    recordings = made(seconds)
    source = open_living(recordings, accounts=[ACCOUNT], now=int(TODAY.timestamp()))
    dialect = Dialect("iso", filter_name)  # type: ignore[arg-type]
    api = DirectApi(source, size, dialect_of([filter_name]))
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        for number, step in enumerate([*kills, None]):
            with suppress(KilledError), killed_at(step):
                run(data_dir, api, dialect, cycle(cuts), TODAY + timedelta(hours=number), known)
        raw = RawPages(data_dir)
        by_landing = listed_in(raw, WINDOW)
        assert sorted(day for window in by_landing for day in days_of(window)) == days_of(WINDOW)
        ledger = {each.sid: datetime.fromtimestamp(each.created_at, UTC) for each in recordings}
        for window, listed in by_landing.items():
            assert listed == {
                sid for sid, at in ledger.items() if window.created_from <= at < window.created_before
            }
        assert raw.unfinished(ACCOUNT) == []
        # Nothing is asked twice but what was under way: the page being saved, and the one asked for meanwhile.
        assert len(api.asked) - len(set(api.asked)) <= 2 * len(kills)


@given(
    seconds=st.lists(BUSY, min_size=20, max_size=80),
    size=st.integers(2, 4),
    filter_name=st.sampled_from(FILTERS),
    cuts=st.lists(st.integers(0, 60), min_size=1, max_size=40),
)
def test_api_that_no_longer_compares_instants_leaves_no_gap(
    seconds: list[int], size: int, filter_name: str, cuts: list[int]
) -> None:
    recordings = made(seconds)
    source = open_living(recordings, now=int(TODAY.timestamp()))
    api = DirectApi(source, size, dialect_of([filter_name]))
    with tempfile.TemporaryDirectory() as folder:
        with suppress(FilterChangedError):
            run(Path(folder), api, Dialect("iso", "instant-inclusive"), cycle(cuts), TODAY)
        for window, listed in listed_in(RawPages(Path(folder)), WINDOW).items():
            first, before = window.created_from.timestamp(), window.created_before.timestamp()
            assert listed == {each.sid for each in recordings if first <= each.created_at < before}


def test_changed_filter_is_an_error_and_keeps_the_pages(tmp_path: Path) -> None:
    recordings = made([SECONDS // 2 + 10 * number for number in range(60)])
    source = open_living(recordings, now=int(TODAY.timestamp()))
    api = DirectApi(source, 2, dialect_of(["day-exclusive"]))
    with pytest.raises(FilterChangedError, match="no longer filters by the time of day"):
        run(tmp_path, api, Dialect("iso", "instant-inclusive"), cycle([0, 3, 6]), TODAY)
    raw = RawPages(tmp_path)
    assert {sid for listed in listed_in(raw, WINDOW).values() for sid in listed} == set()
    (abandoned,) = [each for each in raw.readable(ACCOUNT) if not each.is_whole and raw.manifest(each).rows]
    assert abandoned.window.last == WINDOW.last
    run(tmp_path, api, Dialect("iso", "day-exclusive"), cycle([0, 3, 6]), TODAY + timedelta(hours=1))
    assert sum(map(len, listed_in(raw, WINDOW).values())) == 60


def test_busy_day_is_cut_by_hours_if_the_api_compares_instants(tmp_path: Path) -> None:
    seconds = [SECONDS // 2 + 10 * number for number in range(60)]
    source = open_living(made(seconds), now=int(TODAY.timestamp()))
    api = DirectApi(source, 2, dialect_of(["instant-inclusive"]))
    run(tmp_path, api, Dialect("iso", "instant-inclusive"), cycle([0, 3, 6]), TODAY)
    assert len({url for url in api.asked if "PageToken" not in url}) > 4
    assert len(listed_in(RawPages(tmp_path), WINDOW)) < 4


@pytest.mark.parametrize("filter_name", ["day-inclusive", "day-exclusive"])
def test_busy_day_is_one_list_if_the_api_compares_days(tmp_path: Path, filter_name: str) -> None:
    seconds = [SECONDS // 2 + 10 * number for number in range(60)]
    source = open_living(made(seconds), now=int(TODAY.timestamp()))
    api = DirectApi(source, 2, dialect_of([filter_name]))
    run(tmp_path, api, Dialect("iso", filter_name), cycle([0, 3, 6]), TODAY)  # type: ignore[arg-type]
    firsts = [url for url in api.asked if "PageToken" not in url]
    assert len(firsts) == len(RawPages(tmp_path).complete(ACCOUNT))
