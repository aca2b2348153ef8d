"""The settings and where each came from."""

import difflib
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from flows.monitor.doctor.finding import Diagnosis
from flows.settings.config_file import config_path
from flows.settings.settings import Settings, origins

_PREFIX = "RECSPEND_"
# Text that somebody typed may hold a password by mistake, as a URL can. What the account lines show was checked.
_SHOWN = (bool, int, float, Decimal)
_NAMES = ("provider", "reporting_timezone", "data_dir", "metrics_file")
"""Settings that are text out of a list, and folders: the name of a file with a token may be the token itself."""


def settings_seen(settings: Settings) -> Iterator[Diagnosis]:
    """Each setting that was given, then how many were not, and variables that look like settings and are none."""
    came_from = origins()
    path = config_path()
    facts = {
        name: {"from": came_from.get(name, "default"), **_value(name, getattr(settings, name))}
        for name in Settings.model_fields
    }
    words = "; ".join(f"{name}{_shown(facts[name])} from {where}" for name, where in came_from.items())
    read = f"{path} read" if path.exists() else f"no {path}"
    others = f"{len(facts) - len(came_from)} others have their defaults"
    yield Diagnosis("settings", "ok", f"{read}; {f'{words}; ' if words else ''}{others}", {"settings": facts})
    for variable in _strangers(settings):
        near = difflib.get_close_matches(variable, [f"{_PREFIX}{name.upper()}" for name in facts], 1)
        meant = f" Did you mean {near[0]}?" if near else " Unset it."
        yield Diagnosis("settings", "look", f"{variable} is no setting and changes nothing.{meant}")


def _value(name: str, value: Any) -> dict[str, Any]:
    """The value, where it cannot be a secret."""
    if isinstance(value, bool | int | float):
        return {"value": value}
    return {"value": str(value)} if isinstance(value, _SHOWN) or name in _NAMES else {}


def _shown(fact: dict[str, Any]) -> str:
    return f" = {fact['value']}" if "value" in fact else ""


def _strangers(settings: Settings) -> list[str]:
    """Variables with our prefix that no setting, no account and no channel reads."""
    read = {"CONFIG", *(name.upper() for name in Settings.model_fields)}
    named = {
        value
        for entry in (*settings.accounts, *settings.notify)
        for key, value in entry.model_dump().items()
        if key.endswith("_env")
    }
    return sorted(
        name
        for name in os.environ
        if name.startswith(_PREFIX) and name.removeprefix(_PREFIX) not in read and name not in named
    )
