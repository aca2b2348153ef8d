"""Damage files of every kind, kill every stage, fill the disk, deny runs what they need; print what follows.

With `--write`, the tables become those of `flows/emulator/OUTCOMES.md`.
"""

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.benchmarks.faults.damages import damaged_files
from tests.benchmarks.faults.denied import denials, full_disks
from tests.benchmarks.faults.kills import killed_stages
from tests.support import TOP
from tests.support.faults.denied import NOT_ALL_POWERFUL, is_all_powerful, is_foreign_possible
from tests.support.faults.scene import Scene, quick_builds, scene

PAGE = TOP / "flows" / "emulator" / "OUTCOMES.md"
PARTS = {
    "damages": "Damaged files",
    "kills": "Killed stages",
    "disks": "Full disk",
    "denials": "Denied runs",
}
_HEAD = """\
# What happens when something is lost

Each kind of file of a data folder was damaged in each way, each stage was killed at random moments, the disk was full
at many places, and runs were denied what they need. Then came the next run. Its tables were compared with the
emulator's ledger, recording by recording, and, for damaged files, with those of a run without damage, mart by mart.
`make bench-faults` measures it and writes this page.

- **equal**: the run succeeded, and every table is right. What was damaged was rebuilt, fetched again, or not needed.
- **says**: the run stopped with one sentence that names the file and what to do. Once the file is restored, the next
  run is equal.

Anything else would be a fault of ours: a traceback, the words of a library, or a wrong figure without a word. Commands
that are entered before the next run (`status`, `doctor`, `query`, `explain`, `check`, `report`, `close`) say it in a
sentence too; one that does not is named in the table.

What is not noticed, and where:

- Raw pages are only read to rebuild the lake: a damaged one is named by `recspend normalize --rebuild`, `explain` and
  `check --full`.
- What the user wrote cannot be compared with anything: a row that is missing from a reference file, or a byte of it
  that became another valid value, is not noticed. Nor is a closed month whose whole folder in `statements/` was
  removed. Keep a backup of both.
- `query` reads the views on the lake as they are. Between the damage and the next run, a flipped bit that leaves a
  month readable may show in a query of `landed.recordings` or of the staging views. The marts are tables of the
  warehouse, whose blocks have checksums.
- With too few addresses (`ulimit -v`), Arrow and DuckDB end the process with a signal, which no program can catch.
  Commands refuse to start with less than 2,000 MB; a run that is ended anyway is finished by the next, as any killed
  run is. A container or a control group limits memory without that.
"""


def main() -> None:
    """Read the command line, do all of it, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="how often stages are killed, in total")
    parser.add_argument("--served-kills", type=int, default=6, help="how often `serve` is killed")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; repeatable")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(TOP)}")
    given = parser.parse_args()
    if is_foreign_possible() and is_all_powerful():
        os.execvp(NOT_ALL_POWERFUL[0], [*NOT_ALL_POWERFUL, sys.executable, "-m", __package__, *sys.argv[1:]])
    moments = random.Random(given.seed)
    measures: Mapping[str, Callable[[Scene, Path], str]] = {
        "damages": damaged_files,
        "kills": lambda made_up, place: killed_stages(
            made_up, place, given.kills, given.served_kills, moments
        ),
        "disks": full_disks,
        "denials": denials,
    }
    place, found = Path(tempfile.mkdtemp(prefix="faults-")), _measured()
    try:
        with quick_builds(), scene(place / "scene") as made_up:
            for part in given.part or PARTS:
                found[part] = measures[part](made_up, place)
    finally:
        shutil.rmtree(place)
    sections = [f"## {title}\n\n{found[part]}\n" for part, title in PARTS.items() if part in found]
    text = "\n".join([_HEAD, *sections])
    print(text)
    if given.write:
        PAGE.write_text(text, encoding="utf-8")


def _measured() -> dict[str, str]:
    """Return the tables of the page, by part: those that are not measured now stay."""
    page = PAGE.read_text("utf-8") if PAGE.exists() else ""
    sections = dict(re.findall(r"^## (.+)\n\n((?:.+\n)+)", page, re.MULTILINE))
    return {part: sections[title].strip() for part, title in PARTS.items() if title in sections}


if __name__ == "__main__":
    main()
