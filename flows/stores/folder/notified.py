"""Which findings each channel was notified of: their keys, in one small file."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from flows.stores.folder.lock import in_turn
from flows.stores.whole_files import write_if_changed

_FILE, _LOCK = "notified.json", ".notified.lock"
# Longer than a few channels that do not respond take until each reaches its own time limit.
_WAIT_SECONDS = 300

logger = logging.getLogger(__name__)


class Notified:
    """`notified.json` in the data folder: channel name → keys of the findings it was notified of."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _FILE

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs from sending during the block: they would send the same, or forget what was sent.

        If the lock file cannot be created, such as in a read-only folder, the block runs without a lock. Raises
        BusyError when another run holds the lock for too long; the next run then sends what this one found.
        """
        with ExitStack() as stack:
            with suppress(OSError):
                stack.enter_context(in_turn(self._path.with_name(_LOCK), _WAIT_SECONDS))
            yield

    def read(self) -> dict[str, set[str]]:
        """Return the keys by channel. If the file cannot be read, there are none: sent twice is better than never."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, set[str]])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            logger.warning("Could not read %s; findings will be sent again.", self._path)
            return {}

    def write(self, notified: Mapping[str, set[str]]) -> None:
        """Write the keys by channel, atomically."""
        in_order = {name: sorted(keys) for name, keys in sorted(notified.items())}
        write_if_changed(self._path, msgspec.json.format(msgspec.json.encode(in_order)))
