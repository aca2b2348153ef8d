"""Progress on the screen: a bar on a terminal, lines in a log."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from flows.stage import Progress
from transforms.values.visible import visible

_LOG_SECONDS = 5

logger = logging.getLogger(__name__)


@contextmanager
def progress_shown() -> Iterator[Progress]:
    """Show a progress bar on a terminal, or plain log lines elsewhere; both on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _logged_progress()
        return
    columns = (
        TextColumn("{task.description:<28}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with ProgressBar(*columns, console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int | None = None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(visible(stage), total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield show


def _logged_progress() -> Progress:
    last_logged = 0.0

    def log(stage: str, done: int, total: int | None = None) -> None:
        nonlocal last_logged
        if done in (0, total) or time.monotonic() - last_logged > _LOG_SECONDS:
            last_logged = time.monotonic()
            logger.info("%s: %d%s", stage, done, "" if total is None else f" of {total}")

    return log
