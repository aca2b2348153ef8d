"""The floor: simdjson parses each page without using the result, and the lake's Parquet is written from ready tables.

The difference to ours is the cost of interpreting the records.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import simdjson

from flows.stores.lake.lake import Lake
from tests.benchmarks.measure.task import Task
from tests.benchmarks.pages.page_files import bodies


def prepare(task: Task) -> Callable[[], None]:
    """Prepare to parse the landed pages and to write the tables of `task.lake` to `out` with the same writer."""
    assert task.landed is not None
    assert task.lake is not None
    reference, out = Lake(task.lake), Lake(task.out)
    (account_sid,) = reference.accounts()
    tables = {month: reference.read(account_sid, month) for month in reference.months(account_sid)}
    pages = bodies(task.landed, in_memory=task.in_memory)
    return lambda: parse_and_write(pages(), out, account_sid, tables)


def parse_and_write(pages: Iterable[bytes], lake: Lake, account_sid: str, tables: Mapping[str, Any]) -> None:
    """Parse all pages, then write the tables (month → LAKE_SCHEMA)."""
    parser = simdjson.Parser()
    for page in pages:
        parser.parse(page)
    for month, table in tables.items():
        lake.write(account_sid, month, table)
