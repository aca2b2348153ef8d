"""Look up single recordings in the files of an account's months."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from transforms.values.dates import INSTANT


def rows_with(
    files: Sequence[Path], sids: Collection[str], columns: Sequence[str], first: datetime, last: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the recordings with these sids (in lower case) that were created from `first` to `last` (UTC)."""
    wanted = pa.array(sids, pa.string())
    for table in _tables(files, columns, first, last):
        yield from table.filter(pc.is_in(pc.utf8_lower(table["recording_sid"]), value_set=wanted)).to_pylist()


def rows_between(
    files: Sequence[Path], columns: Sequence[str], first: datetime, before: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the recordings that were created from `first` to just before `before` (UTC)."""
    for table in _tables(files, columns, first, before):
        yield from table.filter(pc.less(table["created_at"], pa.scalar(before, INSTANT))).to_pylist()


def _tables(
    files: Sequence[Path], columns: Sequence[str], first: datetime, last: datetime
) -> Iterator[pa.Table]:
    created_at = pc.field("created_at")
    condition = (created_at >= pa.scalar(first, INSTANT)) & (created_at <= pa.scalar(last, INSTANT))
    for file in files:
        yield ds.dataset(file, format="parquet").to_table(columns=list(columns), filter=condition)


def in_several_files(files: Sequence[Path], spill: Path) -> Iterator[tuple[str, list[str]]]:
    """Find recordings that are in more than one file: yields the sid and the months (YYYY-MM).

    spill: a folder for what does not fit into memory.
    """
    if len(files) < 2:
        return
    names = [str(file) for file in files]
    source = "from read_parquet(?, filename = true, hive_partitioning = false)"
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": "64MB",
        "threads": 1,
        "temp_directory": str(spill),
    }
    with duckdb.connect(config=config) as connection:
        # There are hardly ever any, so the cheap query comes first: eight bytes per recording, without file names.
        suspects = connection.execute(
            f"select hash(recording_sid) {source} group by all having count(*) > 1",
            [names],
        ).fetchall()
        if not suspects:
            return
        where = connection.execute(
            f"select recording_sid, list(filename order by filename) {source} "
            "where list_contains(?, hash(recording_sid)) group by recording_sid having count(*) > 1",
            [names, [row[0] for row in suspects]],
        ).fetchall()
    for recording_sid, found in where:
        yield recording_sid, [Path(name).parent.name.partition("=")[2] for name in found]
