"""Raw pages for the benchmarks that begin with them: a ledger, landed once by the real ingest and kept."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from flows.emulator import Source
from tests.benchmarks.measure.child import ROOT, measure, served
from tests.benchmarks.measure.task import Task

# Any of our code may decide where pages land, and landing them again takes seconds.
_MADE_BY = ("flows", "transforms")


def cache_folder(build: Path) -> Path:
    """The folder of what is landed, below `build`; what an older emulator or ingest landed is removed."""
    digest = hashlib.blake2b(digest_size=6)
    for name in _MADE_BY:
        for file in sorted((ROOT / name).rglob("*.py")):
            digest.update(file.read_bytes())
    folder = build / "benchmarks" / digest.hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    for other in folder.parent.iterdir():
        if other != folder and other.name != "ledgers" and not other.name.startswith("run-"):
            shutil.rmtree(other, ignore_errors=True)
    return folder


def landed(source: Source, recordings: int, cache: Path) -> Path:
    """A data folder with the raw pages of a ledger; it appears all at once, so a broken-off landing is never used."""
    folder = cache / f"landed-{recordings}"
    if not folder.exists():
        beside = Path(tempfile.mkdtemp(prefix=".landing-", dir=cache))
        with served(source) as access:
            measure(Task("ingest", beside, access=access))
        beside.rename(folder)
    return folder
