"""Damage every kind of file in every way, kill every stage, fill the disk; print what the next run makes of it.

With `--write`, the tables become `flows/emulator/OUTCOMES.md`.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

from tests.support import TOP
from tests.support.docs import table
from tests.support.faults.console import recspend
from tests.support.faults.full_disk import filled
from tests.support.faults.kills import STAGES, killed, started
from tests.support.faults.kinds import DAMAGES, files_of
from tests.support.faults.outcome import Outcome, Rows, examine, marts
from tests.support.faults.scene import Scene, quick_builds, scene
from tests.support.runs.living_runs import clock_of, instant, ledger_facts, warehouse_facts

_FREE_KB = (16, 60, 120, 200, 300, 600, 1_000, 3_000, 6_000, 12_000, 24_000, 40_000)
PAGE = TOP / "flows" / "emulator" / "OUTCOMES.md"
_HEAD = """\
# What happens when something is lost

Each kind of file of a data folder was damaged in each way, each stage was killed at random moments, and the disk was
full at many places. Then came the next run. Its tables were compared with the emulator's ledger, recording by
recording, and with those of a run without damage, mart by mart. `make bench-faults` measures it and writes this page.

- **equal**: the run succeeded, and every table is right. What was damaged was rebuilt, fetched again, or not needed.
- **says**: the run stopped with one sentence that names the file and what to do. Once the file is restored, the next
  run is equal.

Anything else would be a fault of ours: a traceback, or a wrong figure without a word.

Raw pages are only read to rebuild the lake: a damaged one is named by `recspend normalize --rebuild`, `explain` and
`check --full`. What the user wrote cannot be compared with anything: a row that is missing from a reference file is not
noticed. Nor is a closed month whose whole folder in `statements/` was removed; keep a backup of it.
"""


def main() -> None:
    """Read the command line, do all of it, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="how often stages are killed, in total")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(TOP)}")
    given = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        with quick_builds(), scene(place / "scene") as made_up:
            plain = _undisturbed(made_up, place, is_interrupted=False)
            parts = [
                _damages(made_up, place, plain),
                _kills(made_up, place, given.kills, random.Random(given.seed)),
                _full_disks(made_up, place),
            ]
    finally:
        shutil.rmtree(place)
    text = "\n".join([_HEAD, *parts])
    print(text)
    if given.write:
        PAGE.write_text(text.rstrip() + "\n", encoding="utf-8")


def _undisturbed(made_up: Scene, place: Path, *, is_interrupted: bool) -> dict[str, Rows]:
    data_dir = made_up.copied(place / "undisturbed", is_interrupted=is_interrupted)
    said = recspend("run", environment=made_up.environment(data_dir), clock=clock_of(made_up.source.ledger))
    if said.code:
        raise RuntimeError(said.errors)
    return marts(data_dir)


def _damages(made_up: Scene, place: Path, plain: dict[str, Rows]) -> str:
    whole = made_up.copied(place / "whole", is_interrupted=True)
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
            _say(f"{kind.name}, {damage}: {found.word} {found.said.error} {found.differing}")
            cells.append(_cell(found))
        rows.append([kind.name, *cells])
    return f"## Damaged files\n\n{table(['a file of this kind', *DAMAGES], rows)}\n"


def _damage(name: Path, damage: str, data_dir: Path) -> None:
    DAMAGES[damage](data_dir / name)


def _restore(whole: Path, name: Path, data_dir: Path) -> None:
    if (data_dir / name).is_dir():
        shutil.rmtree(data_dir / name)
    (data_dir / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(whole / name, data_dir / name)


def _cell(found: Outcome) -> str:
    others = [name for name, said in found.read.items() if said.is_unexpected]
    return found.word + (f" ({', '.join(others)})" if others else "")


def _kills(made_up: Scene, place: Path, number: int, moments: random.Random) -> str:
    now, data_dir = instant(made_up.source.ledger.now), place / "data"
    rows = []
    for stage, what in STAGES.items():
        made_up.copied(data_dir)
        what.prepare(data_dir)
        began = time.monotonic()
        started(stage, made_up, data_dir, now).join()
        whole = time.monotonic() - began
        found: Counter[str] = Counter()
        for _ in range(number // len(STAGES)):
            made_up.copied(data_dir)
            what.prepare(data_dir)
            found["killed"] += killed(stage, made_up, data_dir, now, moments.uniform(0, whole))
            found[_after(made_up, data_dir)] += 1
        _say(f"{stage}: {dict(found)}")
        rows.append(
            [
                f"`{stage}`",
                str(found["killed"]),
                str(found["equal"]),
                str(found.total() - found["killed"] - found["equal"]),
            ]
        )
    return f"## Killed stages\n\n{table(['stage', 'killed while at work', 'equal', 'otherwise'], rows)}\n"


def _after(made_up: Scene, data_dir: Path) -> str:
    """Run, and say whether the recordings are those of the ledger."""
    ledger = made_up.source.ledger
    said = recspend("run", environment=made_up.environment(data_dir), clock=clock_of(ledger))
    if said.is_unexpected or said.error:
        return said.error or "unexpected"
    return "equal" if warehouse_facts(data_dir) == ledger_facts(ledger) else "wrong"


def _full_disks(made_up: Scene, place: Path) -> str:
    rows = [
        [
            f"{each.free_kb:,} KB",
            "fits" if not each.said.error else "unexpected" if each.said.is_unexpected else "says",
            "equal" if each.is_right_with_room else "wrong",
        ]
        for each in filled(made_up, place, _FREE_KB)
    ]
    if not rows:
        return "## Full disk\n\nNot measured: this user may not mount a file system.\n"
    return f"## Full disk\n\n{table(['free at the start', 'the run', 'the next, with room'], rows)}\n"


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
