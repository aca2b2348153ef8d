"""What the benchmarks read: made-up recordings of one account, landed once by the real ingest and kept."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from flows.emulator import Parameters, Source, open_ledger

from .child import ROOT, measure, served
from .task import Task

# What decides the bytes of a ledger and where they land; anything else may change without landing them again.
_MADE_BY = (
    "flows/emulator",
    "flows/stores",
    "flows/ingest.py",
    "transforms/records.py",
    "transforms/windows.py",
)


def cache_folder(build: Path) -> Path:
    """The folder of what is kept between runs, below `build`; what an older emulator or ingest made is removed."""
    digest = hashlib.blake2b(digest_size=6)
    for name in _MADE_BY:
        path = ROOT / name
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    folder = build / "benchmarks" / digest.hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def ledger(recordings: int, cache: Path) -> Source:
    """The emulator's ledger of one account, rendered when it is not there yet."""
    return open_ledger(Parameters(seed=1, recordings=recordings, accounts=1), cache / "ledgers")


def landed(source: Source, recordings: int, cache: Path) -> Path:
    """A data folder with the raw pages of a ledger; it appears all at once, so a broken-off landing is never used."""
    folder = cache / f"landed-{recordings}"
    if not folder.exists():
        beside = Path(tempfile.mkdtemp(prefix=".landing-", dir=cache))
        with served(source) as access:
            measure(Task("ingest", beside, access=access))
        beside.rename(folder)
    return folder
