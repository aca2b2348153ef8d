"""The settings file: where it is, and what it contains."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transforms.errors import ConfigError

_CONFIG_FILE = "recspend.toml"


def config_path() -> Path:
    """Return the path of the settings file in use, whether or not it exists."""
    return Path(os.environ.get("RECSPEND_CONFIG") or _CONFIG_FILE)


def read_file() -> dict[str, Any]:
    """Return the values in the settings file, {} if there is no file. Raises ConfigError when it cannot be used."""
    path = config_path()
    if not path.exists():
        if os.environ.get("RECSPEND_CONFIG"):
            raise ConfigError(
                f"RECSPEND_CONFIG is {path}, which does not exist. Create the file or unset the variable."
            )
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply. No setting has more than a few levels.") from None
    except ValueError as error:  # not TOML, not UTF-8, or a number of thousands of digits
        raise ConfigError(f"{path} is not valid TOML: {error}. Fix that line.") from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}). Fix that, or set RECSPEND_CONFIG to another file."
        ) from None
    secrets = [where for where, table in _tables(values) if "api_token" in table]
    if secrets:
        raise ConfigError(
            f"{path} contains an api_token ({secrets[0]}). Keep it in a variable instead (RECSPEND_API_TOKEN, or the "
            "one that token_env names), a file (token_file) or a Prefect Secret block (token_block)."
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
