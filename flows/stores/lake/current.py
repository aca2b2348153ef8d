"""Which files are in the lake now: what another engine has to read, instead of listing a folder."""

from collections.abc import Mapping

import pyarrow as pa

from flows.stores.lake.commit import Commit

FILES_SCHEMA = pa.schema(
    [
        ("account_sid", pa.string()),
        ("created_month", pa.string()),
        ("file", pa.string()),
        ("recordings", pa.int64()),
        ("bytes", pa.int64()),
        ("sha256", pa.string()),
    ]
)


def current_files(commits: Mapping[str, Commit], root: str) -> pa.Table:
    """Return the Parquet files of recordings (FILES_SCHEMA), by account and month of creation (UTC).

    commits: account sid → what is in its lake. root: what stands for the data folder in `file`.
    """
    rows = [
        {
            "account_sid": sid,
            "created_month": month,
            "file": f"{root}/lake/account_sid={sid}/{file.name}",
            "recordings": file.rows,
            "bytes": file.bytes,
            "sha256": file.sha256,
        }
        for sid, commit in sorted(commits.items())
        for month, files in sorted(commit.months.items())
        for file in files
    ]
    return pa.Table.from_pylist(rows, FILES_SCHEMA)
