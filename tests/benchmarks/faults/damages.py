"""What each damage to each kind of file makes of the next run."""

import shutil
from functools import partial
from pathlib import Path

from tests.benchmarks.faults.progress import say
from tests.support.docs import table
from tests.support.faults.console import recspend
from tests.support.faults.kinds import DAMAGES, files_of
from tests.support.faults.outcome import Outcome, Rows, examine, marts
from tests.support.faults.scene import Scene
from tests.support.runs.living_runs import clock_of


def damaged_files(made_up: Scene, place: Path) -> str:
    """Damage a file of each kind in each way; return the outcomes as a table."""
    whole = made_up.copied(place / "whole", is_interrupted=True)
    plain = _undisturbed(made_up, place, is_interrupted=False)
    interrupted = _undisturbed(made_up, place, is_interrupted=True)
    rows = []
    for kind, files in files_of(whole).items():
        if not files:
            continue
        name = files[len(files) // 2].relative_to(whole)
        cells = []
        for damage in DAMAGES:
            found = examine(
                made_up,
                partial(_damage, name, damage),
                interrupted if kind.is_unfinished else plain,
                place,
                restored=partial(_restore, whole, name),
                is_interrupted=kind.is_unfinished,
            )
            say(f"{kind.name}, {damage}: {found.word} {found.said.error} {found.differing}")
            cells.append(_cell(found))
        rows.append([kind.name, *cells])
    return table(["a file of this kind", *DAMAGES], rows)


def _undisturbed(made_up: Scene, place: Path, *, is_interrupted: bool) -> dict[str, Rows]:
    data_dir = made_up.copied(place / "undisturbed", is_interrupted=is_interrupted)
    said = recspend("run", environment=made_up.environment(data_dir), clock=clock_of(made_up.source.ledger))
    if said.code:
        raise RuntimeError(said.errors)
    return marts(data_dir)


def _damage(name: Path, damage: str, data_dir: Path) -> None:
    DAMAGES[damage](data_dir / name)


def _restore(whole: Path, name: Path, data_dir: Path) -> None:
    if (data_dir / name).is_dir():
        shutil.rmtree(data_dir / name)
    (data_dir / name).unlink(missing_ok=True)  # it may not be writable
    (data_dir / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(whole / name, data_dir / name)


def _cell(found: Outcome) -> str:
    others = [name for name, said in found.read.items() if said.is_unexpected]
    return found.word + (f" ({', '.join(others)})" if others else "")
