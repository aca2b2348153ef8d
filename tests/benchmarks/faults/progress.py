"""Progress of a measurement that takes long."""

import sys
import time


def say(line: str) -> None:
    """Show a line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)
