"""Where log lines go: standard error, so that standard output holds results only."""

import logging
import sys


def set_up_logging(*, verbose: bool) -> None:
    """Log to standard error: warnings on a terminal (a progress bar shows the rest), all our log lines elsewhere."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger("flows")
    root.handlers = [handler]
    root.propagate = False
    root.setLevel(logging.DEBUG if verbose else logging.WARNING if sys.stderr.isatty() else logging.INFO)
