"""The settings file: where it is, and what it says."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transforms.errors import ConfigError

_CONFIG_FILE = "recspend.toml"


def config_path() -> Path:
    """The settings file that counts here, whether or not it exists."""
    return Path(os.environ.get("RECSPEND_CONFIG") or _CONFIG_FILE)


def read_file() -> dict[str, Any]:
    """The values in the settings file; none without one. Raises ConfigError when it cannot be used."""
    path = config_path()
    if not path.exists():
        if os.environ.get("RECSPEND_CONFIG"):
            raise ConfigError(
                f"RECSPEND_CONFIG names {path}, which does not exist. Create it or unset the variable."
            )
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}. Mend that line.") from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}). Name another file or mend it."
        ) from None
    secrets = [where for where, table in _tables(values) if "api_token" in table]
    if secrets:
        raise ConfigError(
            f"{path} holds an api_token ({secrets[0]}). Put it into a variable instead (RECSPEND_API_TOKEN, or the one "
            "that token_env names), a file (token_file) or a Prefect Secret block (token_block)."
        )
    return values


def _tables(values: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    accounts = values.get("accounts", [])
    entries = accounts if isinstance(accounts, list) else []
    return [("top level", values)] + [
        (f"accounts entry {number}", entry)
        for number, entry in enumerate(entries, 1)
        if isinstance(entry, dict)
    ]
