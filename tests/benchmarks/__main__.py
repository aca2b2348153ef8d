"""Run the benchmarks, print the tables and write them to `build/benchmarks.md`."""

import argparse
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.ingest.conditions import Rounds
from tests.benchmarks.measure.child import ROOT
from tests.benchmarks.pages.table import heading
from tests.benchmarks.parts import FULL, PARTS, QUICK, Bench, Sizes


def main() -> None:
    """Read the command line, measure, and write the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        epilog="Parts: " + "; ".join(f"{name}: {part.__doc__}" for name, part in PARTS.items()),
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        default=list(PARTS),
        metavar="PART",
        help="run only these parts, listed below",
    )
    parser.add_argument("--quick", action="store_true", help="use 20,000 recordings and fewer rounds")
    parser.add_argument(
        "--rounds", type=int, help="rounds of pages and of prefect (default: 5, quick: 2 and 1)"
    )
    parser.add_argument(
        "--ingest-rounds",
        nargs=3,
        type=int,
        metavar=("OURS", "SCRIPT", "DLT"),
        help="rounds of ingest; 0 skips script or dlt (default: 3 2 1, quick: 1 1 1)",
    )
    parser.add_argument(
        "--dlt-recordings", type=int, metavar="N", help="recordings that dlt reads without latency"
    )
    parser.add_argument(
        "--lanes",
        dest="concurrency",
        type=int,
        default=8,
        metavar="N",
        help="concurrent requests (default: 8)",
    )
    parser.add_argument(
        "--build", type=Path, default=ROOT / "build", metavar="DIR", help="folder for tables and ledgers"
    )
    given = parser.parse_args()
    if given.ingest_rounds and given.ingest_rounds[0] < 1:
        parser.error("--ingest-rounds: OURS must be at least 1")
    path = given.build / "benchmarks.md"
    tables = run(given.build.resolve(), given.only, sizes_of(given), given.concurrency)
    path.write_text(tables, encoding="utf-8")
    print(tables)
    print(f"Written to {path}")


def sizes_of(given: argparse.Namespace) -> Sizes:
    """Return the sizes that the command line asks for."""
    sizes = QUICK if given.quick else FULL
    return replace(
        sizes,
        rounds=given.rounds or sizes.rounds,
        flow_rounds=given.rounds or sizes.flow_rounds,
        ingest_rounds=Rounds(*given.ingest_rounds) if given.ingest_rounds else sizes.ingest_rounds,
        dlt_recordings=given.dlt_recordings or sizes.dlt_recordings,
    )


def run(build: Path, only: list[str], sizes: Sizes, concurrency: int) -> str:
    """Measure these parts, in the order of `PARTS`, and return their tables."""
    kept = build / "benchmarks"
    kept.mkdir(parents=True, exist_ok=True)
    for leftover in kept.glob("run-*"):  # of a run that was killed
        shutil.rmtree(leftover)
    work_dir = Path(tempfile.mkdtemp(prefix="run-", dir=kept))
    bench = Bench(build, work_dir, sizes, concurrency, say)
    try:
        return "\n".join([heading(), *(measure(bench) for name, measure in PARTS.items() if name in only)])
    finally:
        shutil.rmtree(work_dir)


def say(line: str) -> None:
    """Show progress on standard error, separate from the tables."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
