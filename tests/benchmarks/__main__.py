"""Run the benchmarks, print the table and keep it in `build/benchmarks.md`."""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from flows.emulator import Source

from .child import ROOT
from .landed import cache_folder, landed, ledger
from .memory import peaks
from .speed import race
from .table import Setting, markdown


def main() -> None:
    """Read the command line, measure, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 recordings, 2 rounds, no million")
    parser.add_argument("--rounds", type=int, help="rounds of the comparison (default: 5, quick: 2)")
    parser.add_argument(
        "--build", type=Path, default=ROOT / "build", metavar="DIR", help="where table and cache go"
    )
    given = parser.parse_args()
    recordings, rounds, sizes = (
        (20_000, 2, (5_000, 20_000)) if given.quick else (200_000, 5, (100_000, 1_000_000))
    )
    table = run(given.build.resolve(), recordings, given.rounds or rounds, sizes)
    path = given.build / "benchmarks.md"
    path.write_text(table, encoding="utf-8")
    print(table)
    print(f"Written to {path}")


def run(build: Path, recordings: int, rounds: int, sizes: tuple[int, int]) -> str:
    """Measure speed and memory; the table."""
    cache = cache_folder(build)
    say(f"landing {recordings:,} recordings, unless they are there")
    source = ledger(recordings, cache)
    pages = landed(source, recordings, cache)
    workplace = Path(tempfile.mkdtemp(prefix="run-", dir=cache))
    try:
        races = race(pages, workplace, rounds, right_answer(source), say)
        small, large = (peaks(size, cache, workplace, say) for size in sizes)
    finally:
        shutil.rmtree(workplace)
    return markdown(Setting(recordings, json_bytes(pages), rounds, machine()), races, small, large)


def right_answer(source: Source) -> tuple[int, str]:
    """Recordings and cost, as the ledger itself adds them up."""
    cells = source.totals()["cells"]
    cost = sum((Decimal(cell["cost"] or 0) for cell in cells), Decimal(0))
    return sum(cell["recordings"] for cell in cells), f"{cost.normalize():f}"


def json_bytes(pages: Path) -> int:
    """Bytes of all landed pages before compression, from the manifests."""
    manifests = [json.loads(path.read_bytes()) for path in pages.glob("raw/*/*/*/manifest.json")]
    return sum(page["bytes"] for manifest in manifests for page in manifest["pages"])


def machine() -> str:
    """The machine in words."""
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def say(line: str) -> None:
    """Tell how far it is, apart from the table."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
