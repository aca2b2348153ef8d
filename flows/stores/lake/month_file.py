"""The Parquet file of a month."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.stores.lake.written_files import with_totals
from flows.stores.whole_files import replaced_whole
from transforms.schema import LAKE_SCHEMA

# Dictionary encoding pays off for values that repeat, but not for identifiers.
_DICTIONARY_COLUMNS = [
    "account_sid", "source", "source_raw", "status", "channels", "duration_seconds", "price", "price_raw", "currency",
    "error_code", "media_location", "first_seen_at", "first_priced_at", "deleted_at", "raw_page",
]  # fmt: skip


def write_month(path: Path, recordings: pa.Table, *, is_flushed_later: bool = False) -> None:
    """Write recordings (LAKE_SCHEMA) with their control totals, replacing the file as a whole.

    is_flushed_later: as for `replaced_whole`.
    """
    with replaced_whole(path, is_flushed_later=is_flushed_later) as partial:
        pq.write_table(
            with_totals(recordings.cast(LAKE_SCHEMA)),
            partial,
            compression="zstd",
            compression_level=1,
            use_dictionary=_DICTIONARY_COLUMNS,
            row_group_size=128 * 1024,
        )


def next_to(path: Path) -> Path:
    """Return where a month's next file waits until it replaces this one. Its name does not end in .parquet."""
    return path.with_name(f"{path.name}.next")
