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


@pytest.fixture
def comments() -> None:
    """For tests of what the warehouse says of its tables and columns: see `without_comments`."""


@pytest.fixture(autouse=True)
def without_comments(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave them out of the warehouses that a test builds: they take a quarter of each build."""
    if "comments" not in request.fixturenames:
        monkeypatch.setattr("flows.stores.warehouse.warehouse._describe", lambda *_, **__: None)


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A command sends the log to the standard error it has, which is closed when its test ends."""
    log = logging.getLogger("flows")
    before = log.handlers[:], log.propagate, log.level
    yield
    log.handlers, log.propagate, log.level = before
