"""Raw pages for the benchmarks that start with them: a ledger that the real ingest lands once."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from flows.emulator import Source
from tests.benchmarks.measure.child import ROOT, measure, served
from tests.benchmarks.measure.task import Task

# Any of our code may change how pages are landed, and landing them again takes only seconds.
_MADE_BY = ("flows", "transforms")


def cache_folder(build: Path) -> Path:
    """Return the folder for landed pages, below `build`. Pages that other versions of the code landed are removed."""
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
    """Return a data folder with the raw pages of a ledger. It is moved into place only once it is complete."""
    folder = cache / f"landed-{recordings}"
    if not folder.exists():
        temporary = Path(tempfile.mkdtemp(prefix=".landing-", dir=cache))
        with served(source) as access:
            measure(Task("ingest", temporary, access=access))
        temporary.rename(folder)
    return folder
