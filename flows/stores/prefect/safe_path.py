"""Python's own way not to load modules from the working folder, for the Python processes that we start."""

import os
from collections.abc import Mapping

_VARIABLE = "PYTHONSAFEPATH"
_OURS = "recspend"  # Python takes any text for yes; this one says who set it


def set_safe_path() -> None:
    """Have the Prefect server and the runs that this process starts load nothing from the working folder."""
    if not os.environ.get(_VARIABLE):
        os.environ[_VARIABLE] = _OURS


def without_safe_path(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for somebody else's program, which may load what is next to it: as it was before."""
    return {name: value for name, value in environment.items() if (name, value) != (_VARIABLE, _OURS)}
