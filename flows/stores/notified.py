"""What each channel was told: keys of findings in one small file."""

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from flows.stores.files import write_if_changed

_FILE = "notified.json"

logger = logging.getLogger(__name__)


class Notified:
    """`notified.json` in the data folder: name of the channel → keys it was told."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _FILE

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
