"""What all tests start from."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Its chart library takes two seconds to put together; the tests of the page switch it on.
os.environ.setdefault("RECSPEND_REPORT_PAGE", "false")


@pytest.fixture(autouse=True, scope="session")
def away_from_the_checkout(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests start elsewhere: the settings file of who works on a checkout is read by no test, nor overwritten."""
    os.chdir(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working directory, and no variable of ours or Prefect's in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.upper().startswith(("RECSPEND_", "PREFECT_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A command sends the log to the standard error it has, which is closed when its test ends."""
    log = logging.getLogger("flows")
    before = log.handlers[:], log.propagate, log.level
    yield
    log.handlers, log.propagate, log.level = before
