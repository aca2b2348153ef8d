"""One Parquet file per account, replaced whole and only when its rows change."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.stores.whole_files import replaced_whole
from transforms.errors import DataError


class AccountTable:
    """`<name>/account_sid=<sid>/<name>.parquet` below a folder, with the columns of a schema."""

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self._folder = folder / name
        self._file = f"{name}.parquet"
        self._schema = schema

    def read(self, account_sid: str) -> pa.Table:
        """The account's rows, none when there is no file. Raises DataError when the file cannot be read."""
        return read_parquet(self._path(account_sid), self._schema)

    def write(self, account_sid: str, rows: pa.Table) -> None:
        """Put the account's rows in place, unless they are there already."""
        path = self._path(account_sid)
        if not rows.num_rows:
            path.unlink(missing_ok=True)
            return
        if holds(path, rows):
            return
        with replaced_whole(path) as beside:
            pq.write_table(rows, beside, compression="zstd")

    def is_current(self, account_sid: str) -> bool:
        """Whether the account's file, if there is one, has just the columns of the schema."""
        path = self._path(account_sid)
        return not path.exists() or has_columns(path, self._schema)

    def accounts(self) -> list[str]:
        """Sids of all accounts that have a file."""
        files = self._folder.glob(f"account_sid=*/{self._file}")
        return sorted(file.parent.name.partition("=")[2] for file in files)

    def _path(self, account_sid: str) -> Path:
        return self._folder / f"account_sid={account_sid}" / self._file


def read_parquet(path: Path, schema: pa.Schema) -> pa.Table:
    """The rows of a file in the columns of the schema, none when there is no file.

    Raises DataError when the file cannot be read.
    """
    if not path.exists():
        return schema.empty_table()
    try:
        return pq.ParquetFile(path).read(columns=schema.names).cast(schema)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(
            f"{path} cannot be read ({type(error).__name__}). Run `recspend normalize --rebuild` to build it anew."
        ) from None


def holds(path: Path, rows: pa.Table) -> bool:
    """Whether a file holds these rows and no other columns; one that cannot be read does not."""
    try:
        return bool(read_parquet(path, rows.schema).equals(rows)) and has_columns(path, rows.schema)
    except DataError:
        return False


def has_columns(path: Path, schema: pa.Schema) -> bool:
    """Whether a file has just these columns, in this order and of these types; one that cannot be read does not."""
    try:
        found = pq.read_schema(path)
    except (OSError, ValueError, pa.ArrowException):
        return False
    return (found.names, found.types) == (schema.names, schema.types)
