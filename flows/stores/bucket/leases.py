"""Leases: which machine works on an account now, so that others do not do the same work.

`leases/<scope>.json` names the holder and the instant at which it ends. It is renewed during the work, and let go
after it by a swap, because a bucket has no conditional removal. A machine that stops for longer than its lease loses
nothing: what keeps the lake right is the swap of the head.
"""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import msgspec

from flows.stores.waiting import retried
from transforms.errors import BusyError, RecspendError

if TYPE_CHECKING:
    from flows.stores.bucket.objects import Bucket, Found

LEASE = timedelta(minutes=2)
RENEWED_EVERY = LEASE / 4
_SECONDS_BETWEEN_TRIES = 1.0
_CURE = "Its new days come with that run or the next."

logger = logging.getLogger(__name__)


class Lease(msgspec.Struct, frozen=True):
    """Who works on something (machine and process; nobody if empty), and the latest instant of that (UTC).

    place: the machine and the data folder.
    """

    holder: str
    until: datetime
    turn: str = ""
    place: str = ""


class Leases:
    """The leases in a bucket.

    data_dir: the folder whose lock on a scope the caller has. A lease of the same folder is then of a process that was
    killed, and is not waited for.
    """

    def __init__(self, bucket: "Bucket", data_dir: Path | None = None) -> None:
        self._bucket = bucket
        self._place = f"{socket.gethostname()} {data_dir.absolute()}" if data_dir else ""

    @contextmanager
    def held(self, scope: str, name: str, seconds: float = 0, cure: str = _CURE) -> Iterator[None]:
        """Have the lease for the block. name: what a message calls it. cure: what a message says to do.

        Raises BusyError if another machine still has it after this many seconds.
        """
        tag = retried(lambda: self._taken(scope, name, cure), BusyError, seconds, _SECONDS_BETWEEN_TRIES)
        renewal = _Renewal(self, scope, tag)
        renewal.start()
        try:
            yield
        finally:
            renewal.end()

    def holder(self, scope: str) -> Lease | None:
        """Return the lease that is in force; None if nobody has one."""
        return _in_force(self._bucket.read(_name(scope)))

    def _taken(self, scope: str, name: str, cure: str) -> str:
        found = self._bucket.read(_name(scope))
        lease = _in_force(found)
        if lease and (not self._place or lease.place != self._place):
            raise BusyError(
                f"{name}: another machine is working on it ({lease.holder}, until "
                f"{lease.until:%H:%M:%S} UTC at the latest). {cure}"
            )
        tag = self.written(scope, _me(), found.tag if found else None)
        if tag is None:
            raise BusyError(f"{name}: another machine has just begun to work on it. {cure}")
        return tag

    def written(self, scope: str, holder: str, tag: str | None) -> str | None:
        """Write a lease in place of the one with this ETag; return the new ETag, None if another machine was faster."""
        lease = Lease(holder, datetime.now(UTC) + LEASE, os.urandom(8).hex(), self._place)
        return self._bucket.swap(_name(scope), msgspec.json.encode(lease), tag)


class _Renewal:
    """Renews a lease until it ends, in a thread of its own."""

    def __init__(self, leases: Leases, scope: str, tag: str) -> None:
        self._leases, self._scope, self._tag = leases, scope, tag
        self._ended = Event()
        self._thread = Thread(target=self._renew, name=f"lease {scope}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Stop renewing, and let the lease go."""
        self._ended.set()
        self._thread.join()
        self._write("")

    def _renew(self) -> None:
        while not self._ended.wait(RENEWED_EVERY.total_seconds()):
            self._write(_me())

    def _write(self, holder: str) -> None:
        if not self._tag:  # another machine has it
            return
        try:
            self._tag = self._leases.written(self._scope, holder, self._tag) or ""
        except RecspendError as error:  # the swap of the head decides
            logger.warning("The lease of %s could not be written: %s", self._scope, error)
        else:
            if not self._tag:
                logger.warning(
                    "Another machine has taken the lease of %s: this one stopped for too long.", self._scope
                )


def _in_force(found: "Found | None") -> Lease | None:
    """Read a lease; one that ran out, or that is damaged, is nobody's."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        lease = msgspec.json.decode(found.body, type=Lease) if found else None
        return lease if lease and lease.holder and lease.until > datetime.now(UTC) else None
    return None


def _me() -> str:
    return f"{socket.gethostname()}, process {os.getpid()}"


def _name(scope: str) -> str:
    return f"leases/{scope}.json"
