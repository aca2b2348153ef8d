"""Start recspend from the folder of this file, whatever the working folder or PYTHONPATH holds.

This file is next to the two packages, in a checkout as in a wheel. Other people's folders are called `flows` and
`transforms` too, and Prefect puts the working folder first on the path when it loads a flow. So the command and every
run of a deployment start here.
"""

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

_HERE = Path(__file__).absolute().parent
_PACKAGES = ("flows", "transforms")


def main() -> None:
    """Be the `recspend` command."""
    _load_ours()
    from flows.command.main import main as command
    from flows.stores.prefect.safe_path import set_safe_path

    set_safe_path()
    command()


def __getattr__(name: str) -> Any:
    """Give Prefect the flow, which it asks for when it no longer has the working folder on the path itself."""
    if name != "pipeline":
        raise AttributeError(f"{__name__} has no {name}")
    _load_ours()
    from flows.pipeline.flow import pipeline

    return pipeline


def _load_ours() -> None:
    """Load our packages from this folder, and take the working folder off the path, unless it is this one.

    Raises ImportError when other packages of these names were imported before.
    """
    working = Path.cwd()
    sys.path[:] = [entry for entry in sys.path if Path(entry).absolute() != working or working == _HERE]
    for name in _PACKAGES:
        if name not in sys.modules:
            spec = PathFinder.find_spec(name, [str(_HERE)])
            if spec is None or spec.loader is None:
                raise ImportError(f"{_HERE} has no package {name}. Install recspend again.")
            sys.modules[name] = package = module_from_spec(spec)
            spec.loader.exec_module(package)
        place = Path(sys.modules[name].__path__[0])
        if place.resolve() != (_HERE / name).resolve():
            raise ImportError(
                f"Another package called {name} was imported before that of recspend: {place}. "
                "Load recspend in a process of its own."
            )


if __name__ == "__main__":
    main()
