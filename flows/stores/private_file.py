"""Secrets in files of their own."""

import stat
from pathlib import Path

from transforms.errors import ConfigError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_secret(path: Path, what: str) -> str:
    """The secret that is alone in a file, without blanks around it. what: what it is, for messages.

    Raises ConfigError when the file cannot be read, is empty, or is open to others than its owner.
    """
    try:
        with path.open(encoding="utf-8") as file:
            mode = path.stat().st_mode
            secret = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}, which holds {what}, cannot be read ({type(error).__name__}). Mend it."
        ) from None
    if mode & _OTHERS:
        raise ConfigError(f"{path} holds {what}, and others can read it. Run `chmod 600 {path}`.")
    if not secret:
        raise ConfigError(f"{path} must hold {what}, and is empty.")
    return secret
