"""What all tests start from."""

import logging
import os
from collections.abc import Iterator

import pytest

# Its chart library takes two seconds to put together; the tests of the page switch it on.
os.environ.setdefault("RECSPEND_REPORT_PAGE", "false")


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A command sends the log to the standard error it has, which is closed when its test ends."""
    log = logging.getLogger("flows")
    before = log.handlers[:], log.propagate, log.level
    yield
    log.handlers, log.propagate, log.level = before
