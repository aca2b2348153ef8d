"""The pages of one account, each by what it is: a page that was received before is not stored again.

`pages/<sha256 of the body>.json.zst`, and the packs of older months (`packs.py`).
"""

from pathlib import Path

from flows.stores.raw.frames import body_of, compress, digest_of
from flows.stores.raw.packs import Packs
from flows.stores.whole_files import BESIDE, flush_folder, write_whole

_SUFFIX = ".json.zst"


class PageFiles:
    """Bodies of pages below an account's folder."""

    def __init__(self, account: Path) -> None:
        self._folder = account / "pages"
        self._packs = Packs(account)

    def keep(self, body: bytes) -> str:
        """Store a body, unless it is there and can be read; return its digest. `flush` makes it safe."""
        sha256 = digest_of(body)
        if self.read(sha256, len(body)) is None:
            write_whole(self.own_path(sha256), compress(body), is_flushed_later=True)
        return sha256

    def flush(self) -> None:
        """Wait until what was stored is on disk."""
        if self._folder.exists():
            flush_folder(self._folder)

    def read(self, sha256: str, size: int) -> bytes | None:
        """Return the body with this digest and size; None if it is missing or damaged."""
        try:
            body = body_of(self.own_path(sha256).read_bytes(), size, sha256)
        except OSError:
            body = None
        if body is None and (packed := self._packs.frame(sha256)) is not None:
            body = body_of(packed, size, sha256)
        return body

    def stored_bytes(self, sha256: str) -> int:
        """Return how many bytes a page takes; 0 if it is missing."""
        try:
            return self.own_path(sha256).stat().st_size
        except FileNotFoundError:
            return len(self._packs.frame(sha256) or b"")

    def path(self, sha256: str) -> Path:
        """Return the file that has a page: one of its own, or a pack; its own if none has it."""
        own = self.own_path(sha256)
        return own if own.exists() else self._packs.path_of(sha256) or own

    def own_path(self, sha256: str) -> Path:
        """Return the file of a page that is not packed."""
        return self._folder / f"{sha256}{_SUFFIX}"

    def unpacked(self) -> set[str]:
        """Return the digests of the pages that have a file of their own."""
        return {path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}")}

    def unfinished(self) -> list[Path]:
        """List files that were being written when a run was killed. Only for the one who holds the data folder."""
        return [*self._folder.glob(f"*{BESIDE}")]
