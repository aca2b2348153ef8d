"""What a generation adds to an account's corrections or changes: written while it is folded, in files of limited size.

Only the newest file is written again, as long as it has room; so what was found before costs nothing.
"""

from collections.abc import Sequence

import pyarrow as pa

from flows.normalize.parts import ROWS_PER_FILE
from flows.stores.lake.commit import LakeFile
from flows.stores.lake.lake import Lake
from transforms.normalize.history import once_per_fetch


class History:
    """The corrections or the changes of one account. name: of the table. files: those it has so far."""

    def __init__(self, lake: Lake, account_sid: str, name: str, files: Sequence[LakeFile]) -> None:
        self._lake = lake
        self._account_sid = account_sid
        self._name = name
        self._before = list(files)
        self._written: list[LakeFile] = []
        self._waiting: list[pa.Table] = []

    def add(self, rows: pa.Table) -> None:
        """Add what was found in a part."""
        self._waiting.append(rows)
        while sum(each.num_rows for each in self._waiting) >= ROWS_PER_FILE:
            waiting = pa.concat_tables(self._waiting)
            self._written.append(self._write(waiting.slice(0, ROWS_PER_FILE)))
            self._waiting = [waiting.slice(ROWS_PER_FILE)]

    def settle(self, rows: pa.Table) -> None:
        """Add what was found by comparing parts. It counts instead of what the parts found of the same recordings."""
        if rows.num_rows:
            written = self._lake.read_table(self._account_sid, self._name, self._written)
            found = pa.concat_tables([written, *self._waiting, rows])
            self._written, self._waiting = [], []
            self.add(once_per_fetch(found))

    def end(self) -> list[LakeFile]:
        """Write what waits, and return the files of all that was ever found."""
        rows = pa.concat_tables(self._waiting) if self._waiting else None
        if rows is not None and rows.num_rows:
            last = self._before[-1:] if self._before and not self._written else []
            if last and last[0].rows + rows.num_rows <= ROWS_PER_FILE:
                known = self._lake.read_table(self._account_sid, self._name, last)
                self._before, rows = self._before[:-1], pa.concat_tables([known, rows])
            self._written.append(self._write(rows))
        return [*self._before, *self._written]

    def _write(self, rows: pa.Table) -> LakeFile:
        return self._lake.write_table(self._account_sid, self._name, once_per_fetch(rows))
