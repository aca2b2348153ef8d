"""Keep the Python processes that we start from loading modules from the working folder."""

import os
from collections.abc import Mapping

_VARIABLE = "PYTHONSAFEPATH"
_OURS = "recspend"  # Python accepts any text as true; this one shows who set it


def set_safe_path() -> None:
    """Keep the Prefect server and runs started by this process from loading modules of the working folder."""
    if not os.environ.get(_VARIABLE):
        os.environ[_VARIABLE] = _OURS


def without_safe_path(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the original environment, for other programs: they may load modules next to them."""
    return {name: value for name, value in environment.items() if (name, value) != (_VARIABLE, _OURS)}
