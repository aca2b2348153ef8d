"""Look up single recordings in the files of an account's months."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from flows.stores.lake.lake_files import unreadable
from transforms.values.dates import INSTANT


def rows_with(
    files: Sequence[Path], sids: Collection[str], columns: Sequence[str], first: datetime, last: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the recordings with these sids (in lower case) that were created from `first` to `last` (UTC).

    Raises DamagedLakeError if a file cannot be read.
    """
    wanted = pa.array(sids, pa.string())
    for table in _tables(files, columns, first, last):
        yield from table.filter(pc.is_in(pc.utf8_lower(table["recording_sid"]), value_set=wanted)).to_pylist()


def rows_between(
    files: Sequence[Path], columns: Sequence[str], first: datetime, before: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the recordings that were created from `first` to just before `before` (UTC). Raises as `rows_with`."""
    for table in _tables(files, columns, first, before):
        yield from table.filter(pc.less(table["created_at"], pa.scalar(before, INSTANT))).to_pylist()


def _tables(
    files: Sequence[Path], columns: Sequence[str], first: datetime, last: datetime
) -> Iterator[pa.Table]:
    created_at = pc.field("created_at")
    condition = (created_at >= pa.scalar(first, INSTANT)) & (created_at <= pa.scalar(last, INSTANT))
    for file in files:
        try:
            found = ds.dataset(file, format="parquet").to_table(columns=list(columns), filter=condition)
        except (OSError, ValueError, pa.ArrowException) as error:
            if isinstance(error, PermissionError | IsADirectoryError):
                raise  # it may be right, and rebuilding it would not help
            raise unreadable(file) from None
        yield found
