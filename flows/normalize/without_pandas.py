"""Keeps Arrow from loading pandas with its first array, which takes as long as 50,000 rows."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from threading import get_ident

import pyarrow as pa


def begin_arrow() -> None:
    """Make Arrow's first array of this process. Converting to pandas works as before, and loads it then."""
    with _no_pandas():
        pa.array([])


@contextmanager
def _no_pandas() -> Iterator[None]:
    finder = _WithoutPandas()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _WithoutPandas(MetaPathFinder):
    """Finds nothing, and refuses to load pandas for the thread that made it. Other threads may load it meanwhile."""

    def __init__(self) -> None:
        self._thread = get_ident()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise ImportError for pandas."""
        if name == "pandas" and get_ident() == self._thread:
            raise ImportError("not needed here", name=name)
