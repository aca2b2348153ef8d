"""Send log lines to standard error, so that standard output has only results."""

import logging
import sys
from typing import Any

from transforms.values.visible import visible


class VisibleFormatter(logging.Formatter):
    """Formats a record on one line, with characters that act on a terminal as escapes. Tracebacks have lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class wants this name
        """Return the line."""
        return visible(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the base class wants this name
        """Return the traceback."""
        return visible(super().formatException(ei), lines=True)


def set_up_logging(*, verbose: bool) -> None:
    """Log to standard error: only warnings on a terminal (a progress bar shows the rest), info and above elsewhere."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(VisibleFormatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger("flows")
    root.handlers = [handler]
    root.propagate = False
    root.setLevel(logging.DEBUG if verbose else logging.WARNING if sys.stderr.isatty() else logging.INFO)
