"""How much memory DuckDB may use: what is set, or a share of what the machine or the container has."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows.stores.warehouse.machine import group_memory, workers
from transforms.errors import ConfigError

if TYPE_CHECKING:  # every command loads the settings and with them this module; few need DuckDB
    import duckdb

SETTING = "memory_limit_mb"
SHARE_PERCENT = 25
SMALLEST_MB, LARGEST_MB = 256, 4096
_ADDRESSES_MB = 2_000
"""Addresses that a small run needs on two cores. Allocators reserve most of them and never use them."""
# What DuckDB's documentation recommends at least; with less, its threads alone fill the memory.
_MB_A_THREAD = 125

_given: dict[str, int] = {}


def give_memory(megabytes: int | None) -> None:
    """Set how much memory (in MB) all further connections of this process may use; None: a share of what there is."""
    _given.clear()
    if megabytes is not None:
        _given["MB"] = megabytes


def limit_memory(connection: "duckdb.DuckDBPyConnection", parts: int = 1) -> int:
    """Limit the memory of a connection, and its threads to the cores and what the memory is enough for.

    parts: how many connections share both at the same time. Returns the limit in MB.

    DuckDB knows how much memory there is, and the limit of its own control group (its source); one of a group further
    out counts as well.
    """
    from flows.stores.warehouse.sql_files import query  # noqa: PLC0415

    connection.execute(f"set memory_limit = '{SHARE_PERCENT}%'")
    ((share,),) = connection.execute(query("model/memory")).fetchall()
    allowed = group_memory()
    if allowed is not None:
        share = min(share, allowed * SHARE_PERCENT // 100)
    megabytes: int = _given.get("MB") or max(SMALLEST_MB, min(share // 1_000_000, LARGEST_MB))
    megabytes = max(megabytes // parts, 1)
    connection.execute(f"set memory_limit = '{megabytes}MB'")
    connection.execute(f"set threads = {max(1, min(workers() // parts, megabytes // _MB_A_THREAD))}")
    return megabytes


def refuse_few_addresses() -> None:
    """Raise ConfigError if the process may not reserve enough addresses (`ulimit -v`).

    Below that, Arrow or DuckDB end the process with a signal, and nobody learns why.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    megabytes = limit >> 20
    if limit != resource.RLIM_INFINITY and megabytes < _ADDRESSES_MB:
        raise ConfigError(
            f"This process is limited to {megabytes:,} MB of addresses (ulimit -v), and needs at least "
            f"{_ADDRESSES_MB:,} MB, although it uses far less memory. Raise that limit. To limit memory, use a "
            "container or a control group, and memory_limit_mb."
        )


@contextmanager
def enough_memory(what: str) -> Iterator[None]:
    """Run the block, which needs memory for `what`. Raises ConfigError with what to set if it is too little."""
    import duckdb  # noqa: PLC0415

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        first_line = str(error).partition("\n")[0]
        raise ConfigError(
            f"DuckDB had too little memory for {what}: {first_line}. Raise {SETTING} "
            f"(RECSPEND_{SETTING.upper()}), and make sure that the disk has room for what does not fit into memory."
        ) from None
