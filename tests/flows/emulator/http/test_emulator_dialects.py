from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.emulator import DIALECTS, Emulator, Source, open_living, open_recordings, serve
from flows.emulator.http.queries import EmulatedDialect, created_between, dialect_of
from tests.support.servers.emulator_client import RECORDING, get, list_path, recordings

DAY = 86_400
MIDNIGHT = 1_790_640_000  # 2026-09-29T00:00:00Z
FILTERS = ("instant-inclusive", "instant-exclusive", "day-inclusive", "day-exclusive")
# On both sides of each bound that is requested below, and on the bound.
CREATED = sorted({MIDNIGHT + day * DAY + s for day in (-1, 0, 1) for s in (-1, 0, 1, 43_199, 43_200, 43_201)})
BOUNDS = {
    "2026-09-29": MIDNIGHT,
    "2026-09-29T12:00:00Z": MIDNIGHT + 43_200,
    "2026-09-29T23:30:00-02:00": MIDNIGHT + DAY + 5_400,  # the next day in UTC
    "Tue, 29 Sep 2026 12:00:00 +0000": MIDNIGHT + 43_200,
}


def ledger(folder: Path | None) -> Source:
    made = [replace(RECORDING, sequence=n, created_at=created) for n, created in enumerate(CREATED)]
    return open_living(made) if folder is None else open_recordings(made, folder)


@pytest.fixture(scope="module", params=["living", "rendered"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Source:
    is_living = request.param == "living"
    return ledger(None if is_living else tmp_path_factory.mktemp("dialects") / "ledger")


@pytest.fixture(scope="module", params=FILTERS)
def speaking(request: pytest.FixtureRequest, source: Source) -> Iterator[tuple[str, Emulator]]:
    with serve(source, dialect=request.param) as running:
        yield request.param, running


def listed(running: Emulator, **query: str) -> list[int]:
    """Return the creation dates that are listed."""
    found = recordings(running, running.accounts[0], urlencode({"PageSize": 5, **query}))
    return sorted(
        int(datetime.strptime(record["date_created"], "%a, %d %b %Y %H:%M:%S %z").timestamp())
        for record in found
    )


def expected(name: str, is_after: bool) -> Callable[[int, int], bool]:
    def compare(created: int, bound: int) -> bool:
        if name.startswith("day"):
            created, bound = created // DAY, bound // DAY
        if created == bound:
            return name.endswith("inclusive")
        return (created > bound) == is_after

    return compare


@pytest.mark.parametrize("value", BOUNDS)
def test_dialect_decides_what_is_listed_around_a_bound(speaking: tuple[str, Emulator], value: str) -> None:
    name, running = speaking
    after, before = expected(name, True), expected(name, False)
    bound = BOUNDS[value]
    assert listed(running, **{"DateCreated>": value}) == [c for c in CREATED if after(c, bound)]
    assert listed(running, **{"DateCreated<": value}) == [c for c in CREATED if before(c, bound)]
    both = listed(running, **{"DateCreated>": "2026-09-28", "DateCreated<": value})
    assert both == [c for c in CREATED if after(c, MIDNIGHT - DAY) and before(c, bound)]


def test_every_dialect_lists_the_same_whole_day(speaking: tuple[str, Emulator]) -> None:
    name, running = speaking
    day = [created for created in CREATED if created // DAY == MIDNIGHT // DAY]
    assert listed(running, DateCreated="2026-09-29") == day
    instant = [MIDNIGHT + 43_200] if name.startswith("instant") else day
    assert listed(running, DateCreated="2026-09-29T12:00:00Z") == instant


@pytest.mark.parametrize(
    ("dialect", "accepted"),
    [
        ((), {"2026-09-29", "2026-09-29T12:00:00Z", "Tue, 29 Sep 2026 12:00:00 GMT"}),
        ("iso-only", {"2026-09-29T12:00:00Z"}),
        ("date-only", {"2026-09-29"}),
        (["rfc2822-only", "day-exclusive"], {"Tue, 29 Sep 2026 12:00:00 GMT"}),
    ],
)
def test_dialect_accepts_its_date_forms(source: Source, dialect: str | list[str], accepted: set[str]) -> None:
    with serve(source, dialect=dialect) as running:
        account = running.accounts[0]
        for value in ("2026-09-29", "2026-09-29T12:00:00Z", "Tue, 29 Sep 2026 12:00:00 GMT"):
            for name in ("DateCreated", "DateCreated<", "DateCreated>"):
                reply = get(running, f"{list_path(account)}?{urlencode({name: value})}", account)
                code = 200 if reply.status == 200 else reply.json()["code"]
                assert (reply.status, code) == ((200, 200) if value in accepted else (400, 20001))


def test_dialect_refuses_unknown_or_contradicting_names(source: Source) -> None:
    with pytest.raises(ValueError, match=r"'klingon' is not a dialect\. Choose from: date-only, "):
        serve(source, dialect="klingon").__enter__()
    for names in (("day-inclusive", "day-exclusive"), ("iso-only", "date-only")):
        with pytest.raises(ValueError, match="contradict each other"):
            dialect_of(names)


def test_default_dialect_is_the_first_filter_dialect() -> None:
    assert dialect_of(()) == dialect_of(("instant-inclusive",)) == EmulatedDialect()
    assert len({repr(dialect_of((name,))) for name in DIALECTS}) == len(DIALECTS)


@given(
    bound=st.integers(0, 2**32),
    fraction=st.sampled_from(["", ".5"]),
    created=st.integers(0, 2**32),
    near=st.integers(-2, 2),
)
def test_dialect_includes_or_excludes_bounds(bound: int, fraction: str, created: int, near: int) -> None:
    """Exclusive bounds list a recording on at most one side of an instant, inclusive bounds on at least one."""
    text = f"{datetime.fromtimestamp(bound, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"
    created = created if near == 0 else bound + near
    for name in FILTERS:
        dialect = dialect_of((name,))
        first, _ = created_between({"DateCreated>": text}, dialect)
        _, last = created_between({"DateCreated<": text}, dialect)
        sides = (created >= first) + (created <= last)
        assert sides <= 1 if name.endswith("exclusive") else sides >= 1
