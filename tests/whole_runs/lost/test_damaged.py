"""Any file of a data folder damaged or lost: the next run is right, or says in one sentence which file to restore."""

import shutil
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest

from tests.support.faults.console import recspend
from tests.support.faults.kinds import DAMAGES, KINDS, Kind, files_of
from tests.support.faults.outcome import READERS, Outcome, Rows, examine, marts
from tests.support.faults.scene import Scene, quick_runs, scene
from tests.support.runs.living_runs import clock_of

SAMPLED = {("month of the lake", "cut in half"): "equal"}
_READERS = {name: READERS[name] for name in ("query", "query of the lake")}


@pytest.fixture(autouse=True)
def _only_figures() -> Iterator[None]:
    with quick_runs():
        yield


def undisturbed(made_up: Scene, place: Path, *, is_interrupted: bool) -> dict[str, Rows]:
    """Return the marts after a run without damage."""
    data_dir = made_up.copied(place / "undisturbed", is_interrupted=is_interrupted)
    said = recspend("run", environment=made_up.environment(data_dir), clock=clock_of(made_up.source.ledger))
    assert (said.code, said.error) == (0, "")
    return marts(data_dir)


def outcomes(
    made_up: Scene, place: Path, cases: list[tuple[Kind, str]]
) -> Iterator[tuple[str, str, Path, Outcome]]:
    """Yield the file and what results from a damage to it, for each of these kinds."""
    expected = {
        is_interrupted: undisturbed(made_up, place, is_interrupted=is_interrupted)
        for is_interrupted in {kind.is_unfinished for kind, _ in cases}
    }
    whole = made_up.copied(place / "whole", is_interrupted=True)
    files = files_of(whole)
    for kind, damage in cases:
        name = files[kind][len(files[kind]) // 2].relative_to(whole)
        found = examine(
            made_up,
            partial(damaged, name, damage),
            expected[kind.is_unfinished],
            place,
            _READERS,
            partial(restored, whole, name),
            is_interrupted=kind.is_unfinished,
        )
        yield kind.name, damage, name, found


def damaged(name: Path, damage: str, data_dir: Path) -> None:
    DAMAGES[damage](data_dir / name)


def restored(whole: Path, name: Path, data_dir: Path) -> None:
    if (data_dir / name).is_dir():
        (data_dir / name).rmdir()
    (data_dir / name).unlink(missing_ok=True)
    (data_dir / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(whole / name, data_dir / name)


def is_right_or_said(name: Path, outcome: Outcome) -> bool:
    """Check that the run was right, or named the file in a sentence and was right once it was restored."""
    return outcome.word == "equal" or (outcome.word == "says" and str(name) in outcome.said.error)


def test_sampled_damage_is_repaired_or_reported(tmp_path: Path) -> None:
    cases = [(kind, damage) for kind in KINDS for damage in DAMAGES if (kind.name, damage) in SAMPLED]
    with scene(tmp_path / "scene") as made_up:
        found = list(outcomes(made_up, tmp_path, cases))
    assert {(kind, damage): outcome.word for kind, damage, _, outcome in found} == SAMPLED
    assert all(is_right_or_said(name, outcome) for _, _, name, outcome in found)


@pytest.mark.slow
def test_damage_to_each_kind_is_repaired_or_reported(tmp_path: Path) -> None:
    with scene(tmp_path / "scene") as made_up:
        there = files_of(made_up.copied(tmp_path / "whole", is_interrupted=True))
        cases = list(zip((kind for kind in KINDS if there[kind]), cycle(DAMAGES), strict=False))
        assert len(cases) > 20
        for kind, damage, name, outcome in outcomes(made_up, tmp_path, cases):
            assert is_right_or_said(name, outcome), (kind, damage, outcome.word, outcome.said.error)
