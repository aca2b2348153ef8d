"""Send log lines to standard error, so that standard output has only results."""

import logging
import sys


def set_up_logging(*, verbose: bool) -> None:
    """Log to standard error: only warnings on a terminal (a progress bar shows the rest), info and above elsewhere."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger("flows")
    root.handlers = [handler]
    root.propagate = False
    root.setLevel(logging.DEBUG if verbose else logging.WARNING if sys.stderr.isatty() else logging.INFO)
