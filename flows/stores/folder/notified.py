"""What each channel was told: keys of findings in one small file."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from flows.stores.folder.lock import in_turn
from flows.stores.whole_files import write_if_changed

_FILE, _LOCK = "notified.json", ".notified.lock"
# Longer than some channels that do not answer take: each has its time limit, and is given up when it is over.
_WAIT_SECONDS = 300

logger = logging.getLogger(__name__)


class Notified:
    """`notified.json` in the data folder: name of the channel → keys it was told."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _FILE

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs from telling during the block: they would tell the same, or forget what it told.

        Where no lock can be had, as in a folder that cannot be written to, the block runs without. Raises BusyError
        when another run does not come to its end; what this one found, the next one finds.
        """
        with ExitStack() as stack:
            with suppress(OSError):
                stack.enter_context(in_turn(self._path.with_name(_LOCK), _WAIT_SECONDS))
            yield

    def read(self) -> dict[str, set[str]]:
        """The keys by channel; none when nobody can read the file, since twice is better than never."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, set[str]])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            logger.warning("%s cannot be read, so findings are told again.", self._path)
            return {}

    def write(self, told: Mapping[str, set[str]]) -> None:
        """Keep the keys, whole or not at all."""
        in_order = {name: sorted(keys) for name, keys in sorted(told.items())}
        write_if_changed(self._path, msgspec.json.format(msgspec.json.encode(in_order)))
