"""Where raw pages and the lines of landings are on disk, to damage them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.stores.raw.raw_pages import RawPages

Line = dict[str, Any]


def page_path(data_dir: Path, name: str) -> Path:
    """Return the file of a page by the name that the lake has for it."""
    root, account, *_ = name.split("/")
    _, sha256 = RawPages(data_dir, root).page(name)
    return data_dir / root / account / "pages" / f"{sha256}.json.zst"


def name_of(path: Path, line: Line) -> str:
    """Return the name of the landing of a line."""
    stamp = "".join(each for each in line["fetched_at"] if each not in "-:").removesuffix("Z")
    whole, _, micros = stamp.partition(".")
    root, account = path.parts[-4:-2]
    return f"{root}/{account}/{line['first']}_{line['last']}/{whole}.{micros:<06}Z"


def lines(data_dir: Path) -> dict[str, Line]:
    """Return the line of each landing, of all accounts and lists, by its name."""
    return {
        name_of(path, line): line
        for path in sorted(data_dir.glob("raw*/*/journal/*.jsonl"))
        for line in map(json.loads, path.read_text().splitlines())
    }


def forget(data_dir: Path, is_forgotten: Callable[[str], bool]) -> int:
    """Remove the lines of the landings with these names from the journals; return how many."""
    forgotten = 0
    for path in data_dir.glob("raw*/*/journal/*.jsonl"):
        texts = path.read_text().splitlines(keepends=True)
        kept = [text for text in texts if not is_forgotten(name_of(path, json.loads(text)))]
        path.write_text("".join(kept))
        forgotten += len(texts) - len(kept)
    return forgotten
