"""The type of the function to which a long measurement reports its progress."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Shows one line of progress."""
