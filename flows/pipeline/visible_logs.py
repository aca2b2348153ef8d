"""Log records of a flow run without characters that act on a terminal or a reader, whatever shows them.

The handlers are Prefect's: the terminal of the worker, and the server with its UI. Log lines contain texts of the API,
and Prefect's own contain names of accounts.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from transforms.values.visible import visible

_OURS, _PREFECT = "flows", "prefect"
_TRACEBACKS = logging.Formatter()


@dataclass(frozen=True, slots=True)
class _VisibleRecords:
    """Makes log records as before, and escapes those of ours and of Prefect."""

    make: Callable[..., logging.LogRecord]

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self.make(*args, **kwargs)
        logger = record.name.partition(".")[0]
        if logger in (_OURS, _PREFECT):
            with suppress(TypeError, ValueError):  # arguments that do not fit: the handler reports them
                # Prefect logs texts of several lines.
                record.msg = visible(record.getMessage(), lines=logger == _PREFECT)
                record.args = ()
            if record.exc_info:
                record.exc_text = visible(_TRACEBACKS.formatException(record.exc_info), lines=True)
        return record


def make_logs_visible() -> None:
    """Escape further log records of this process."""
    make = logging.getLogRecordFactory()
    if not isinstance(make, _VisibleRecords):
        logging.setLogRecordFactory(_VisibleRecords(make))
