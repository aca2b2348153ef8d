"""Raw pages as formats 1 to 3 kept them: each landing in a folder of its own, with its pages and a manifest.

`<root>/account_sid=<sid>/<first>_<last>/<fetched at>/page-00000.json.zst …, manifest.json` (or `abandoned.json`)
"""

import shutil
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import msgspec

from flows.stores.raw.frames import decompress
from flows.stores.raw.journal import LandedPage, Manifest, encoded
from flows.stores.raw.page_files import PageFiles
from flows.stores.raw.under_way import Fetching, UnderWay
from flows.stores.whole_files import flush_folder, put_in_place, write_whole
from transforms.errors import DataError
from transforms.pages.records import read_envelope
from transforms.values.windows import Window, read_stamp

_MANIFEST, _ABANDONED = "manifest.json", "abandoned.json"


class _OldPage(msgspec.Struct):
    url: str
    file: str
    sha256: str
    bytes: int
    rows: int


class _OldManifest(msgspec.Struct):
    first: date
    last: date
    fetched_at: datetime
    completed_at: datetime
    pages: list[_OldPage]


def bring_into_layout(root: Path) -> None:
    """Move the pages of all accounts below a root (`raw`) into the current layout. Nothing is copied.

    If it is killed at any point, calling it again ends the same. The journal is renamed into place when all pages are,
    and only then the old folders go.

    Raises:
        DataError: A manifest cannot be read.
    """
    for account in sorted(root.glob("account_sid=*")):
        if not (account / "journal").exists():
            _move(account)
        for window in account.glob("*_*"):
            if window.name != "under_way":
                shutil.rmtree(window)


def _move(account: Path) -> None:
    files, lines = PageFiles(account), list[Manifest]()
    for folder in sorted(account.glob("*_*/*Z")):
        lines += _moved(folder, files)
    files.flush()
    if lines:
        _write_journal(account, sorted(lines, key=lambda line: (line.completed_at, line.fetched_at)))


def _moved(folder: Path, files: PageFiles) -> Iterator[Manifest]:
    is_whole = not (folder / _ABANDONED).exists()
    path = folder / (_MANIFEST if is_whole else _ABANDONED)
    if not path.exists():
        _keep_under_way(folder, files)
        return
    old = _read(path)
    for page in old.pages:
        _move_page(folder / page.file, files, page)
    pages = [LandedPage(page.sha256, page.bytes, page.rows) for page in old.pages]
    url = old.pages[0].url if old.pages else ""
    yield Manifest(old.first, old.last, old.fetched_at, old.completed_at, is_whole, url, pages)


def _move_page(path: Path, files: PageFiles, page: _OldPage) -> None:
    # Of two files of the same page, one may be damaged.
    if path.exists() and files.read(page.sha256, page.bytes) is None:
        target = files.own_path(page.sha256)
        target.parent.mkdir(exist_ok=True)
        path.replace(target)


def _keep_under_way(folder: Path, files: PageFiles) -> None:
    first, _, last = folder.parent.name.partition("_")
    window = Window(date.fromisoformat(first), date.fromisoformat(last))
    fetch = Fetching(window, read_stamp(folder.name))
    under_way = UnderWay(folder.parents[1])
    under_way.begin(fetch)
    for number, path in enumerate(sorted(folder.glob("page-*.json.zst"))):
        try:
            body = decompress(path.read_bytes())
            rows = read_envelope(body).rows
        except (DataError, OSError):
            return  # this page and all after it are fetched again
        under_way.note(fetch, number, LandedPage(files.keep(body), len(body), rows))


def _write_journal(account: Path, lines: list[Manifest]) -> None:
    whole = account / "journal.whole"
    shutil.rmtree(whole, ignore_errors=True)
    months: dict[str, list[Manifest]] = {}
    month = ""
    for line in lines:
        month = max(month, f"{max(line.fetched_at, line.completed_at):%Y-%m}")
        months.setdefault(month, []).append(line)
    for name, of_month in months.items():
        write_whole(whole / f"{name}.jsonl", b"".join(map(encoded, of_month)))
    flush_folder(whole)
    put_in_place(whole, account / "journal")


def _read(path: Path) -> _OldManifest:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_OldManifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} is not a valid manifest ({error}). Restore it from a backup, or delete its folder to fetch it "
            "again."
        ) from None
