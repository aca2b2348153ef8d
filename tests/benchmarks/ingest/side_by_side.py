"""Read many accounts of the emulator side by side, by recspend or by a bare client. Runs as a process.

The only argument is JSON: way (`recspend` or `bare`), base_url, accounts (sid and token), at_once, data_dir,
created_on, and filters (for each list), which only the bare client has to be given.

The bare client is what is left if nothing is decided and nothing is kept: a `requests` session for each account that
follows `next_page_uri` through windows it already knows, and parses the JSON.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from tests.benchmarks.ingest.ways import PAGE_SIZE


def main() -> None:
    """Read all accounts, and print the requests, the rows, and the seconds without the start."""
    task = json.loads(sys.argv[1])
    way = recspend if task["way"] == "recspend" else bare
    began, cpu = time.perf_counter(), time.process_time()
    asked, rows = way(task)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"requests": asked, "rows": rows, "seconds": seconds, "cpu_seconds": cpu_seconds}))


def recspend(task: dict[str, Any]) -> tuple[int, int]:
    """Read them as `recspend ingest` does."""
    from flows.ingest.accounts import ingest_accounts
    from flows.ingest.dialects import Dialects
    from flows.ingest.ingest import ingest_account
    from flows.stores.api.access import AccountAccess

    created_on = date.fromisoformat(task["created_on"])
    accounts = [
        AccountAccess(sid, sid, task["base_url"], sid, token, "signalwire", "", created_on)
        for sid, token in task["accounts"]
    ]
    read = partial(ingest_account, data_dir=Path(task["data_dir"]), dialects=Dialects())
    summary = ingest_accounts(accounts, read, task["at_once"])
    if summary.failed:
        raise RuntimeError(str(summary.failed))
    return summary.requests, summary.rows


def bare(task: dict[str, Any]) -> tuple[int, int]:
    """Read them by a bare client."""
    with ThreadPoolExecutor(task["at_once"]) as threads:
        read = list(threads.map(partial(_bare, task), task["accounts"]))
    return sum(asked for asked, _ in read), sum(rows for _, rows in read)


def _bare(task: dict[str, Any], account: tuple[str, str]) -> tuple[int, int]:
    sid, token = account
    asked = rows = 0
    with requests.Session() as session:
        session.auth = (sid, token)
        for filters in task["filters"]:
            url = f"{task['base_url']}/api/laml/2010-04-01/Accounts/{sid}/Recordings.json"
            parameters: dict[str, Any] | None = {**filters, "PageSize": PAGE_SIZE}
            while url:
                response = session.get(url, params=parameters, timeout=60)
                response.raise_for_status()
                page = json.loads(response.content)
                asked += 1
                rows += len(page["recordings"])
                following = page["next_page_uri"]
                url, parameters = following and urljoin(url, following), None
    return asked, rows


if __name__ == "__main__":
    main()
