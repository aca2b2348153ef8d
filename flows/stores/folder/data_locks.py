"""The locks of a data folder: what may happen in it at the same time, and who is at work.

`.lock`: everyone who works in the folder has it, together; who changes all of it, such as an upgrade, has it alone.
`.locks/account_sid=<sid>.lock`: who reads an account or brings its lake up to date. `.locks/warehouse.lock`:
who builds the tables, until everything made of them is done. `.locks/run=<id>.lock`: one for each process that is
at work, so that others can name it.

A process that waits for an account or for the tables has no other lock than `.lock`, and the locks for an instant
(`briefly`) come last: so no two processes wait for each other.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows.stores.folder.lock import (
    Holder,
    holder_of,
    in_turn,
    is_held,
    nothing,
    one_process,
    read_holder,
    together,
)
from transforms.values.windows import STAMP

_ACCOUNT, _RUN = "account_sid=", "run="
_BRIEFLY_SECONDS = 60
_ELSEWHERE = "Wait until it ends, or use another folder with RECSPEND_DATA_DIR."


class DataLocks:
    """The locks of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._all = data_dir / ".lock"
        self._folder = data_dir / ".locks"
        self._warehouse = self._folder / "warehouse.lock"

    def shared(self, seconds: float = 0) -> AbstractContextManager[None]:
        """Work in the folder for the block, together with others.

        Raises BusyError if one process still has the folder alone after this many seconds.
        """
        return together(self._all, f"Another run is writing to {self._data_dir}", _ELSEWHERE, seconds)

    def alone(self, seconds: float = 0) -> AbstractContextManager[None]:
        """Have the folder alone for the block. Raises BusyError if anyone is still at work after this many seconds."""
        busy = f"Another run is writing to {self._data_dir}"
        return one_process(self._all, busy, _ELSEWHERE, seconds, holders=self.at_work)

    def account(
        self,
        account_sid: str,
        name: str,
        cure: str,
        seconds: float = 0,
        *,
        before_try: Callable[[], None] = nothing,
    ) -> AbstractContextManager[None]:
        """Have an account for the block: its raw pages, its lake and what is known of it.

        name: what a message calls it. cure: what a message says to do. before_try: as for `one_process`. Raises
        BusyError if another process still has the account after this many seconds.
        """
        return one_process(
            self._account(account_sid),
            f"Account {name}: another run is working on it",
            cure,
            seconds,
            before_try=before_try,
        )

    def account_holder(self, account_sid: str) -> Holder | None:
        """Return the process that has an account now."""
        return holder_of(self._account(account_sid))

    def warehouse(self, seconds: float = 0) -> AbstractContextManager[None]:
        """Have the tables and everything made of them for the block. Meanwhile no file of the lake is removed.

        Raises BusyError if another process still has them after this many seconds.
        """
        busy = f"Another run is building the tables in {self._data_dir}"
        return one_process(self._warehouse, busy, _ELSEWHERE, seconds)

    def warehouse_holder(self) -> Holder | None:
        """Return the process that builds the tables now, or makes something of them."""
        return holder_of(self._warehouse)

    def briefly(self, what: str) -> AbstractContextManager[None]:
        """Have a small file of all runs for the block, to change it; others wait."""
        return in_turn(self._folder / f"{what}.lock", _BRIEFLY_SECONDS)

    # Who is at work

    @contextmanager
    def at_work_here(self) -> Iterator[datetime]:
        """Show for the block that this process is at work. Yields the instant it began (UTC)."""
        with ExitStack() as shown:
            with self.briefly("runs_at_work"):
                for path in self._runs():
                    if not is_held(path):
                        path.unlink(missing_ok=True)  # its process was killed
                began = datetime.now(UTC)
                while self._run(began).exists():
                    began += timedelta(microseconds=1)
                shown.enter_context(one_process(self._run(began), "", ""))
            shown.callback(self._run(began).unlink, missing_ok=True)
            yield began

    def at_work(self) -> list[Holder]:
        """Return the processes that are at work in the folder now, also those of older versions."""
        found = {held for path in self._runs() if (held := holder_of(path))}
        if is_held(self._all) and (alone := read_holder(self._all)):
            found.add(alone)
        return sorted(found, key=lambda held: (held.since, held.process))

    def has_others(self) -> bool:
        """Check whether any other process is at work in the folder."""
        return any(held.process != os.getpid() for held in self.at_work())

    def is_at_work(self, began: datetime) -> bool:
        """Check whether the process that began at this instant is still at work, or one of an older version is."""
        return is_held(self._run(began)) or is_held(self._all)

    def accounts_at_work(self) -> dict[str, Holder]:
        """Return the accounts that a process has now, by sid."""
        return {
            path.stem.removeprefix(_ACCOUNT): held
            for path in sorted(self._folder.glob(f"{_ACCOUNT}*.lock"))
            if (held := holder_of(path))
        }

    def _account(self, account_sid: str) -> Path:
        return self._folder / f"{_ACCOUNT}{account_sid}.lock"

    def _runs(self) -> list[Path]:
        return sorted(self._folder.glob(f"{_RUN}*.lock"))

    def _run(self, began: datetime) -> Path:
        return self._folder / f"{_RUN}{began:{STAMP}}.lock"
