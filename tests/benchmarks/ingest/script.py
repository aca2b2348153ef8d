"""The plain script: a requests session that follows `next_page_uri`, then the usual DataFrame. Runs as a process.

The only argument is JSON: url and params of the first page, user and token, and the Parquet file to write. Without a
url it only starts, so that the start can be measured.
"""

import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from tests.benchmarks.pages.usual import write_recordings


def main() -> None:
    """Read all pages and write one Parquet file."""
    task = json.loads(sys.argv[1])
    if task["url"]:
        write_recordings(recordings(task), Path(task["path"]))


def recordings(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the recordings of all pages, one page after the other."""
    session = requests.Session()
    session.auth = (task["user"], task["token"])
    url, params = task["url"], task["params"]
    while url:
        response = session.get(url, params=params, timeout=60)
        response.raise_for_status()
        page = response.json(parse_float=Decimal)
        yield from page["recordings"]
        following = page["next_page_uri"]
        url, params = following and urljoin(url, following), None


if __name__ == "__main__":
    main()
