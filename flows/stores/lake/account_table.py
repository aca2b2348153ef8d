"""One Parquet file per account, replaced as a whole and only if its rows change."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.stores.whole_files import replaced_whole
from transforms.errors import DataError


class AccountTable:
    """`<name>/account_sid=<sid>/<name>.parquet` below a folder, with the columns of a schema."""

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self.name = name
        self._folder = folder / name
        self._file = f"{name}.parquet"
        self._schema = schema

    def read(self, account_sid: str) -> pa.Table:
        """Read the account's rows; an empty table if there is no file.

        Raises:
            DataError: The file cannot be read.
        """
        return read_parquet(self.path(account_sid), self._schema)

    def write(self, account_sid: str, rows: pa.Table) -> None:
        """Replace the account's rows, unless they are unchanged. Without rows, remove the file."""
        path = self.path(account_sid)
        if not rows.num_rows:
            path.unlink(missing_ok=True)
            return
        if holds(path, rows):
            return
        with replaced_whole(path) as partial:
            pq.write_table(rows, partial, compression="zstd")

    def is_current(self, account_sid: str) -> bool:
        """Check whether the account's file, if there is one, has exactly the columns of the schema."""
        path = self.path(account_sid)
        return not path.exists() or has_columns(path, self._schema)

    def accounts(self) -> list[str]:
        """List the sids of all accounts that have a file."""
        files = self._folder.glob(f"account_sid=*/{self._file}")
        return sorted(file.parent.name.partition("=")[2] for file in files)

    def path(self, account_sid: str) -> Path:
        """Return the account's file, whether or not it exists."""
        return self._folder / f"account_sid={account_sid}" / self._file


def read_parquet(path: Path, schema: pa.Schema) -> pa.Table:
    """Read the rows of a file in the columns of the schema; an empty table if there is no file.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        return pq.ParquetFile(path).read(columns=schema.names).cast(schema)
    except FileNotFoundError:
        return schema.empty_table()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(path, error) from None


def holds(path: Path, rows: pa.Table) -> bool:
    """Check whether a file has exactly these rows and columns; false if it cannot be read."""
    try:
        return bool(read_parquet(path, rows.schema).equals(rows)) and has_columns(path, rows.schema)
    except DataError:
        return False


def has_columns(path: Path, schema: pa.Schema) -> bool:
    """Check whether a file has exactly these columns, in this order and of these types; false if it cannot be read."""
    try:
        found = pq.read_schema(path)
    except (OSError, ValueError, pa.ArrowException):
        return False
    return (found.names, found.types) == (schema.names, schema.types)


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or "it is damaged"
    return DataError(f"{path} cannot be read ({reason}). Run `recspend normalize --rebuild` to rebuild it.")
