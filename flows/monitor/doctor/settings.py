"""Show the settings and where each one came from."""

import difflib
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from flows.monitor.doctor.finding import Diagnosis
from flows.settings.config_file import config_path
from flows.settings.loading import origins
from flows.settings.settings import Settings

_PREFIX = "RECSPEND_"
# Text that a user typed may contain a password by mistake, for example in a URL. The account lines show checked text.
_SHOWN = (bool, int, float, Decimal)
_NAMES = ("provider", "reporting_timezone", "data_dir", "metrics_file")
"""Text settings that are safe to show. A file name is not: a user may have set the token itself instead."""


def settings_seen(settings: Settings) -> Iterator[Diagnosis]:
    """Show each setting that was set, how many use their defaults, and unknown variables with our prefix."""
    came_from = origins()
    path = config_path()
    facts = {
        name: {"from": came_from.get(name, "default"), **_value(name, getattr(settings, name))}
        for name in Settings.model_fields
    }
    words = "; ".join(f"{name}{_shown(facts[name])} from {where}" for name, where in came_from.items())
    read = f"{path} read" if path.exists() else f"no {path}"
    others = f"{len(facts) - len(came_from)} settings use their defaults"
    yield Diagnosis("settings", "ok", f"{read}; {f'{words}; ' if words else ''}{others}", {"settings": facts})
    for variable in _unknown_variables(settings):
        near = difflib.get_close_matches(variable, [f"{_PREFIX}{name.upper()}" for name in facts], 1)
        meant = f" Did you mean {near[0]}?" if near else " Unset it."
        yield Diagnosis("settings", "warn", f"{variable} is not a known setting and has no effect.{meant}")


def _value(name: str, value: Any) -> dict[str, Any]:
    """Return the value unless it could be a secret."""
    if isinstance(value, bool | int | float):
        return {"value": value}
    return {"value": str(value)} if isinstance(value, _SHOWN) or name in _NAMES else {}


def _shown(fact: dict[str, Any]) -> str:
    return f" = {fact['value']}" if "value" in fact else ""


def _unknown_variables(settings: Settings) -> list[str]:
    """Return the variables with our prefix that no setting, account or channel reads."""
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
