"""Start recspend from where it is installed, whatever the working folder or PYTHONPATH holds.

In a wheel, this file is next to the two packages, as the module `recspend_installed`. Other people's folders are called
`flows` and `transforms` too, and Prefect puts the working folder first on the path when it loads a flow. So the command
and every run of a deployment start here. This module imports nothing of ours before it has found it.
"""

import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def main() -> None:
    """Be the `recspend` command."""
    _find_ours()
    from flows.command.main import main as command
    from flows.stores.prefect.safe_path import set_safe_path

    set_safe_path()
    command()


def __getattr__(name: str) -> Any:
    """Give Prefect the flow, which it asks for when it no longer has the working folder on the path itself."""
    if name != "pipeline":
        raise AttributeError(f"{__name__} has no {name}")
    _find_ours()
    from flows.pipeline.flow import pipeline

    return pipeline


def _find_ours() -> None:
    """Import our packages from this folder or from one after it on the path; take the working folder off the path.

    Raises ImportError when other packages of these names were imported before.
    """
    path = sys.path[:]
    places = [Path(entry).absolute() for entry in path]
    here = places.index(_HERE) if _HERE in places else 0
    sys.path[:] = path[here:] + path[:here]
    import flows
    import transforms

    ahead = zip(path[:here], places[:here], strict=True)
    sys.path[:] = [entry for entry, place in ahead if place != Path.cwd()] + path[here:]
    for package in (flows, transforms):
        if Path(package.__path__[0]).parent not in places[here:]:
            raise ImportError(
                f"Another package called {package.__name__} was imported before that of recspend: "
                f"{package.__path__[0]}. Load recspend in a process of its own."
            )


if __name__ == "__main__":
    main()
