"""The head of each account in the bucket: the one object that says what belongs to it, swapped whole.

`heads/<scope>.json` names every file of an account, or of what all accounts share, with its size and digest. The files
themselves are objects that never change. A reader takes the names from the head and sees all of a step or nothing.
"""

import hashlib
import secrets
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from transforms.errors import BucketError, LostTurnError

if TYPE_CHECKING:
    from flows.stores.bucket.objects import Bucket

_DIGITS = 32


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """A file in the bucket: its sha256 and size, and the time it has in a folder (the lake knows its files by that)."""

    sha256: str
    bytes: int
    written_at_ns: int


class Head(msgspec.Struct, frozen=True):
    """What belongs to an account: path in the data folder → file.

    number: how often it was written. written_at: when (UTC). writer: chance, so that no two writers write the same.
    """

    files: dict[str, Stored] = {}
    number: int = 0
    written_at: datetime | None = None
    writer: str = ""


_OF_ACCOUNT = "account_sid="


def account_scope(account_sid: str) -> str:
    """Return the name of an account's head."""
    return f"{_OF_ACCOUNT}{account_sid}"


def sid_of(scope: str) -> str:
    """Return the sid of the account whose head has this name; empty if it belongs to none."""
    return scope.removeprefix(_OF_ACCOUNT) if scope.startswith(_OF_ACCOUNT) else ""


SHARED = "shared"
"""The head of what belongs to no single account."""

RUNS = "runs"
"""The head of the records of runs."""

NOTIFIED = "notified"
"""The head of which findings were sent."""


class Heads:
    """The heads in a bucket."""

    def __init__(self, bucket: "Bucket") -> None:
        self._bucket = bucket

    def read(self, scope: str) -> tuple[Head, str | None]:
        """Return a head and its ETag; an empty one, and None, if there is none yet.

        Raises BucketError if it is damaged, and as `Bucket`.
        """
        found = self._bucket.read(_name(scope))
        if found is None:
            return Head(), None
        try:
            return msgspec.json.decode(found.body, type=Head), found.tag
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BucketError(
                f"{self.address(scope)} is damaged. Restore the version before it, if the bucket keeps versions."
            ) from None

    def swap(
        self, scope: str, before: Head, tag: str | None, files: dict[str, Stored], now: datetime
    ) -> tuple[Head, str]:
        """Replace a head that was read with this ETag; the objects of the files must be there.

        Raises LostTurnError if another machine was faster, and as `Bucket`.
        """
        head = Head(files, before.number + 1, now, secrets.token_hex(16))
        written = self._bucket.swap(_name(scope), msgspec.json.encode(head), tag)
        if written is None:
            raise LostTurnError(
                f"Another machine wrote {scope} in {self._bucket.url} meanwhile. Nothing of this run is "
                "in it; the next run continues from there."
            )
        return head, written

    def address(self, scope: str) -> str:
        """Return the address of a head."""
        return f"{self._bucket.url}/{_name(scope)}"

    def content(self, path: str, stored: Stored) -> bytes:
        """Return the content of a file that a head names. Raises BucketError if it is missing or damaged."""
        found = self._bucket.read(object_name(path, stored))
        if found is None or hashlib.sha256(found.body).hexdigest() != stored.sha256:
            raise self.damaged(path, stored)
        return found.body

    def damaged(self, path: str, stored: Stored) -> BucketError:
        """Return the error of a file that a head names, and that is missing or not what its digest says."""
        return BucketError(
            f"{self._bucket.url}/{object_name(path, stored)} is missing or damaged. Restore it, if the bucket keeps "
            "versions; other accounts are not affected."
        )

    def tags(self) -> dict[str, str]:
        """Return the ETag of each head, by scope: which ones are new costs one request for a thousand."""
        listed = sorted(self._bucket.listed("heads"))
        return {PurePosixPath(name).name.removesuffix(".json"): tag for name, tag in listed}


def object_name(path: str, stored: Stored) -> str:
    """Return the name of the object that has a file: its path, with its digest unless the name has it already."""
    file = PurePosixPath(path)
    digest = stored.sha256[:_DIGITS]
    return path if digest in file.name else str(file.with_name(f"{digest}-{file.name}"))


def _name(scope: str) -> str:
    return f"heads/{scope}.json"
