"""Objects in a bucket, through obstore: S3, Google Cloud Storage or Azure, by the scheme of the address.

There are two ways to write: create an object that does not exist yet, and swap one for another by the ETag that it was
read with. Both are one request, and of several writers one wins (documented by the three clouds as conditional writes;
`probe` tries both, because some servers that call themselves compatible ignore the condition).

Credentials, region and endpoint come from each cloud's own variables (`AWS_…`, `GOOGLE_…`, `AZURE_…`), never from the
settings.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import ObjectStore, from_url

from transforms.errors import BucketError, ConfigError

T = TypeVar("T")

_PROBE = "probe"
_PATIENCE_SECONDS = 180.0
_CONFLICT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Found:
    """The content of an object, and the ETag it has with that content."""

    body: bytes
    tag: str


class Bucket:
    """The objects below an address such as `s3://bucket/prefix`.

    All methods raise BucketError when the bucket cannot be reached or refuses, after several tries. Names are below the
    address, with `/` between their parts. patience: seconds after which a request is not tried again.
    """

    def __init__(self, url: str, patience: float = _PATIENCE_SECONDS) -> None:
        self.url = url.rstrip("/")
        self._patience = patience
        self._store = _opened(self.url, patience)

    def read(self, name: str) -> Found | None:
        """Return an object; None if there is none."""

        def read() -> Found | None:
            try:
                found = self._store.get(name)
            except FileNotFoundError:
                return None
            return Found(bytes(found.bytes()), _tag(found.meta))

        return self._asked(read, name)

    def fetch(self, name: str, path: Path) -> bool:
        """Write an object to a file; return whether there is one. The file is nobody's yet: it may be half written."""

        def fetch() -> bool:
            try:
                found = self._store.get(name)
            except FileNotFoundError:
                return False
            with path.open("wb") as file:
                for chunk in found.stream():
                    file.write(chunk)
            return True

        return self._asked(fetch, name)

    def create(self, name: str, content: bytes | Path) -> bool:
        """Create an object, from bytes or a file; return False if there is one already."""
        for _ in self._tries(name):
            if self._written(name, content, "create") is not None:
                return True
            if self._is_there(name):
                return False
        raise AssertionError

    def swap(self, name: str, body: bytes, tag: str | None) -> str | None:
        """Replace an object that still has this ETag; None: create it. Return the new ETag.

        Returns None if another writer was faster. An answer that was lost on the way does no harm: the object is read
        again, so `body` must differ from what any other writer would write.
        """
        for _ in self._tries(name):
            written = self._written(name, body, "create" if tag is None else {"e_tag": tag})
            if written is not None:
                return written
            found = self.read(name)
            if found and found.body == body:
                return found.tag
            if tag != (found.tag if found else None):
                return None
        raise AssertionError

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; one that is missing is not an error."""
        for name in names:
            self._asked(partial(self._removed, name), name)

    def listed(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """Yield the names and ETags of all objects below a prefix, in no order."""
        listed = self._asked(lambda: iter(self._store.list(prefix or None)), prefix)
        while batch := self._asked(lambda: next(listed, None), prefix):
            yield from ((each["path"], _tag(each)) for each in batch)

    def probe(self) -> None:
        """Try both ways to write on an object of its own. Raises ConfigError if the server ignores a condition."""
        name = f"{_PROBE}/{secrets.token_hex(8)}"
        try:
            first = self.swap(name, b"1", None)
            if first is None or self.create(name, b"2"):
                raise ConfigError(
                    f"{self.url} lets two writers create the same object. Runs of several machines would overwrite "
                    "each other there. Use a store that honours If-None-Match."
                )
            second = self.swap(name, b"3", first)
            if second is None or self._written(name, b"4", {"e_tag": first}) is not None:
                raise ConfigError(
                    f"{self.url} lets a writer replace an object that another one has replaced meanwhile. Runs of "
                    "several machines would overwrite each other there. Use a store that honours If-Match."
                )
        finally:
            self.remove([name])

    def _tries(self, name: str) -> Iterator[None]:
        """Yield until the patience ends: another writer may fail where this one could not begin (409)."""
        last = time.monotonic() + self._patience
        while True:
            yield
            if time.monotonic() >= last:
                raise BucketError(_sentence(f"{self.url}/{name}", AlreadyExistsError()))
            time.sleep(_CONFLICT_SECONDS)

    def _written(self, name: str, content: bytes | Path, mode: Any) -> str | None:
        def write() -> str | None:
            try:
                return _tag(self._store.put(name, content, mode=mode, use_multipart=False))
            except (AlreadyExistsError, PreconditionError):
                return None
            except FileNotFoundError:
                if mode == "create":
                    raise
                return None  # what is to be replaced is gone

        return self._asked(write, name)

    def _is_there(self, name: str) -> bool:
        def look() -> bool:
            try:
                self._store.head(name)
            except FileNotFoundError:
                return False
            return True

        return self._asked(look, name)

    def _removed(self, name: str) -> None:
        try:
            self._store.delete(name)
        except FileNotFoundError:
            return

    def _asked(self, ask: Callable[[], T], name: str) -> T:
        try:
            return ask()
        except (BaseError, PermissionError) as error:
            raise BucketError(_sentence(f"{self.url}/{name}", error)) from None


def _opened(url: str, patience: float) -> ObjectStore:
    # A server of one's own, such as MinIO, may be without TLS. The variable is the one that AWS's own tools read.
    is_plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http:")
    try:
        return from_url(
            url,
            client_options={"allow_http": True} if is_plain else None,
            retry_config={"retry_timeout": timedelta(seconds=patience)},
        )
    except (BaseError, ValueError) as error:
        raise ConfigError(f"lake_url {url} cannot be opened: {_first_line(error)}") from None


def _tag(meta: Any) -> str:
    return str(meta["e_tag"])


def _sentence(what: str, error: Exception) -> str:
    kind = type(error).__name__
    if kind in {"PermissionDeniedError", "UnauthenticatedError", "PermissionError"}:
        return (
            f"{what}: the bucket refuses the credentials. Set them with the cloud's own variables "
            "(such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), and allow reading, writing, listing and removing."
        )
    return f"{what}: the bucket cannot be reached or refuses ({kind}). `recspend doctor` tries each step by itself."


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
