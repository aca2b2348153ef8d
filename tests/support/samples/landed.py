"""Landings of numbered pages, to pack and to drop, and what is left of them."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.stores.raw.frames import decompress
from flows.stores.raw.raw_pages import RawPages
from tests.support.samples.stores import ACCOUNT, utc
from tests.support.servers.scripted_server import page
from transforms.values.windows import Window

WEEK = timedelta(days=7)
JULY = utc(2026, 7, 10)
SEPTEMBER = utc(2026, 9, 20)


def body(number: int) -> bytes:
    return page({"sid": f"R{number}", "price": "-0.0025"})


def land(data_dir: Path, began: datetime, *pages: int, is_whole: bool = True) -> None:
    """Land these pages within a minute."""
    raw = RawPages(data_dir)
    begun = raw.begin(ACCOUNT, Window(date(2026, 7, 1), date(2026, 7, 2)), began)
    writer = raw.writer(begun)
    for number in pages:
        writer.add("https://example.com/1", body(number), 1)
    (writer.complete if is_whole else writer.abandon)(began + timedelta(minutes=1))


def fetch(data_dir: Path, began: datetime, *pages: int) -> None:
    """Fetch these pages, without an end."""
    raw = RawPages(data_dir)
    writer = raw.writer(raw.begin(ACCOUNT, Window(date(2026, 7, 5), date(2026, 7, 6)), began))
    for number in pages:
        writer.add("https://example.com/1", body(number), 1)


def everything(data_dir: Path) -> tuple[Any, ...]:
    """Return what can be read: landings, each page by its name, and fetches under way with their pages."""
    raw = RawPages(data_dir)
    landings = raw.readable(ACCOUNT)
    names = [each.page_name(n) for each in landings for n in range(len(raw.manifest(each).pages))]
    unfinished = raw.unfinished(ACCOUNT)
    return (
        landings,
        raw.complete(ACCOUNT),
        {name: raw.page(name) for name in names},
        {each: list(raw.writer(each).kept_pages()) for each in unfinished},
        raw.journal(ACCOUNT).end(),
    )


def account_of(data_dir: Path) -> Path:
    return data_dir / "raw" / f"account_sid={ACCOUNT}"


def files(data_dir: Path) -> list[str]:
    """Return the files of the account; a page as its folder."""
    account = account_of(data_dir)
    names = (path.relative_to(account) for path in sorted(account.rglob("*")) if path.is_file())
    return ["pages" if name.parts[0] == "pages" else str(name) for name in names]


def page_file(data_dir: Path, number: int) -> Path:
    (found,) = (
        path for path in account_of(data_dir).glob("pages/*") if decompress(path.read_bytes()) == body(number)
    )
    return found
