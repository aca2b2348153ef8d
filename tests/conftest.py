"""Fixtures of all tests."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.sql.tables import checks_on, needed

# Building its chart library takes two seconds; the tests of the page switch it on.
os.environ.setdefault("RECSPEND_REPORT_PAGE", "false")
# As in the Makefile, for tests that are started without it: no server of a test reports to anybody.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

# No example is too slow: how long it takes says how busy the machine is.
settings.register_profile("recspend", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("recspend")


@pytest.fixture(autouse=True, scope="session")
def away_from_the_checkout(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Start tests in another folder, so that none reads or overwrites the settings file of a checkout."""
    os.chdir(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set up an empty working directory, and remove our and Prefect's variables from the environment."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.upper().startswith(("RECSPEND_", "PREFECT_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build warehouses with one thread: the tables are small, and each core has a worker of its own."""
    monkeypatch.setattr("flows.stores.warehouse.machine.usable_cores", lambda: 1)
    for module in ("machine", "memory"):  # by settings that another test loaded
        monkeypatch.setattr(f"flows.stores.warehouse.{module}._given", {})


@pytest.fixture(autouse=True)
def only_what_is_needed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have runs of a test marked `builds` build only those marts and what they read, and no reports."""
    if (mark := request.node.get_closest_marker("builds")) is None:
        return
    models = needed(
        *mark.args, "staging.stg_recording_totals"
    )  # from which every run counts what was deleted
    checks = checks_on(models)
    monkeypatch.setattr("flows.model.model.read_models", lambda _: models)
    monkeypatch.setattr("flows.model.model.read_checks", lambda *_: checks)
    monkeypatch.setattr("flows.run.stages.report", lambda _: None)


@pytest.fixture
def comments() -> None:
    """Request the comments on tables and columns that `without_comments` leaves out otherwise."""


@pytest.fixture(autouse=True)
def without_comments(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave comments on tables and columns out of warehouses: they take a quarter of each build."""
    if "comments" not in request.fixturenames:
        for module in ("filling", "tables"):
            monkeypatch.setattr(f"flows.stores.warehouse.{module}.describe", lambda *_, **__: None)


@pytest.fixture(autouse=True)
def files_as_before() -> Iterator[None]:
    """Restore who may read new files: settings that a test loads change it for the whole process."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Restore logging: a command logs to its own standard error, which is closed when its test ends."""
    log = logging.getLogger("flows")
    before = log.handlers[:], log.propagate, log.level
    yield
    log.handlers, log.propagate, log.level = before
