"""The ledgers that the benchmarks read. Each has one account and is rendered once into a folder."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from flows.emulator import Account, Parameters, Recording, Source
from flows.emulator.ledger.generator import LAST_DAY, account_sid, recordings
from flows.emulator.resources.api import _source
from flows.emulator.resources.rendered import render_once, source_hash

MONTH = (date(2026, 9, 1), date(2026, 9, 30))
"""First and last day of the month that `month_ledger` fills."""

CREATED_ON = date(2026, 7, 2)
"""The day before the first recording of a small generated account."""

_DAY_SECONDS = 86_400
_LAST_OF_MONTH = (MONTH[1] - date(1970, 1, 1)).days
Change = Callable[[Iterator[Recording]], Iterable[Recording]]


def open_rendered(folder: Path) -> Source:
    """Open the rendered ledger of a folder, so that it can be served."""
    # The public functions render a ledger when they open it. Only the benchmarks open one that is already rendered.
    return _source(folder)


def right_answer(source: Source) -> tuple[int, str]:
    """Return recordings and cost as the ledger itself adds them up."""
    cells = source.totals()["cells"]
    cost = sum((Decimal(cell["cost"] or 0) for cell in cells), Decimal(0))
    return sum(cell["recordings"] for cell in cells), f"{cost.normalize():f}"


def generated_ledger(count: int, ledgers: Path) -> Path:
    """Render a generated ledger: about 1,000 recordings a day, the newest on 2026-09-30. Returns its folder."""
    return _rendered(f"generated-{count}", count, lambda generated: generated, ledgers)


def month_ledger(count: int, ledgers: Path) -> Path:
    """Render the generated recordings moved into one month, evenly over its days. Returns its folder."""
    return _rendered(f"month-{count}", count, _squeezed, ledgers)


def skewed_ledger(count: int, ledgers: Path) -> Path:
    """Render the generated recordings moved into one month, a tenth of them on its middle day. Returns its folder."""
    return _rendered(f"skewed-{count}", count, lambda generated: _skewed(_squeezed(generated)), ledgers)


def accounts_ledger(accounts: int, each: int, ledgers: Path) -> Path:
    """Render generated accounts, all their recordings completed and priced. Returns the folder."""
    folder = ledgers / f"accounts-{accounts}-{each}-{_made_by()}"
    parameters = Parameters(seed=1, recordings=accounts * each, accounts=accounts)
    render_once(
        folder,
        (
            (
                Account(f"account-{index}", account_sid(1, index), f"PT{index}"),
                map(_settled, recordings(parameters, index)),
            )
            for index in range(accounts)
        ),
    )
    return folder


def settled_ledger(count: int, last_day: date, ledgers: Path) -> Path:
    """Render the generated recordings moved to end on `last_day`, all completed and priced. Returns its folder."""
    shift = (last_day - LAST_DAY).days

    def settled(generated: Iterator[Recording]) -> Iterator[Recording]:
        return (_settled(_moved(recording, shift)) for recording in generated)

    return _rendered(f"settled-{count}-{last_day}", count, settled, ledgers)


def ledgers_folder(build: Path, today: date) -> Path:
    """Return the folder of the ledgers, below `build`.

    Ledgers that were rendered by other code are removed, as are settled ledgers that end on neither `today` nor the
    generator's last day.
    """
    folder = build / "benchmarks" / "ledgers"
    folder.mkdir(parents=True, exist_ok=True)
    for other in folder.iterdir():
        is_settled = other.name.startswith("settled-")
        is_of_today = f"-{today}-" in other.name or f"-{LAST_DAY}-" in other.name
        if not other.name.endswith(_made_by()) or (is_settled and not is_of_today):
            shutil.rmtree(other, ignore_errors=True)
    return folder


def _rendered(name: str, count: int, change: Change, ledgers: Path) -> Path:
    folder = ledgers / f"{name}-{_made_by()}"
    parameters = Parameters(seed=1, recordings=count, accounts=1)
    account = Account("benchmark", account_sid(parameters.seed, 0), "PTbenchmark")
    render_once(folder, [(account, change(recordings(parameters, 0)))])
    return folder


def _made_by() -> str:
    """Return a short hash of the code that determines the bytes of a ledger."""
    return blake2b(source_hash().encode() + Path(__file__).read_bytes(), digest_size=6).hexdigest()


def _squeezed(generated: Iterator[Recording]) -> list[Recording]:
    """Distribute the days evenly over the month, keeping the time of day. Input and output are newest first."""
    by_day = [list(group) for _, group in groupby(generated, key=lambda recording: _day(recording))]
    days = (MONTH[1] - MONTH[0]).days + 1
    moved = [
        _moved(recording, _LAST_OF_MONTH - index * days // len(by_day) - _day(recording))
        for index, group in enumerate(by_day)
        for recording in group
    ]
    return sorted(moved, key=attrgetter("created_at", "sequence"), reverse=True)


def _skewed(month: list[Recording]) -> list[Recording]:
    """Move recordings of all days of a month to its middle day, until that has a tenth of them."""
    middle = _LAST_OF_MONTH - 15
    moved = [
        _moved(each, middle - _day(each)) if index % 14 == 0 else each for index, each in enumerate(month)
    ]
    return sorted(moved, key=attrgetter("created_at", "sequence"), reverse=True)


def _day(recording: Recording) -> int:
    return recording.created_at // _DAY_SECONDS


def _moved(recording: Recording, days: int) -> Recording:
    seconds = days * _DAY_SECONDS
    return replace(
        recording,
        created_at=recording.created_at + seconds,
        updated_at=recording.updated_at + seconds,
        started_at=None if recording.started_at is None else recording.started_at + seconds,
        ended_at=None if recording.ended_at is None else recording.ended_at + seconds,
    )


def _settled(recording: Recording) -> Recording:
    """Return the recording in a final state, after which nothing about it changes."""
    if recording.status == "completed" and recording.price is not None:
        return recording
    duration_seconds = recording.duration_seconds or 60
    return replace(
        recording,
        status="completed",
        duration_seconds=duration_seconds,
        ended_at=recording.ended_at or recording.created_at + duration_seconds,
        price=Decimal("0.0050"),
        currency="USD",
        error_code=None,
    )
