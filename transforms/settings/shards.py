"""Shards: the accounts of a company divided among machines, each account to one of them."""

import hashlib
import re
from typing import NamedTuple

from transforms.errors import ConfigError

_SHARD = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})", re.ASCII)


class Shard(NamedTuple):
    """One of several parts of all accounts. number: from 1 to parts."""

    number: int
    parts: int

    def __str__(self) -> str:
        return f"{self.number}/{self.parts}"

    def has(self, account_sid: str) -> bool:
        """Check whether an account belongs to the part: by a hash of its sid, so that it stays in the same one."""
        digest = hashlib.sha256(account_sid.encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.parts == self.number - 1


def read_shard(text: str | None) -> Shard | None:
    """Read a shard such as 3/8; None: all accounts. Raises ConfigError if it is not one."""
    if text is None:
        return None
    found = _SHARD.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise ConfigError(f"--shard {text} is not a part such as 3/8, the third of eight. Correct it.")
    return Shard(int(found[1]), int(found[2]))
