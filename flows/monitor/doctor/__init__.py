"""Doctor: is everything there that a run needs? One line each, with what to do."""

from collections.abc import Iterator

from flows.monitor.doctor.accounts import reached
from flows.monitor.doctor.channels import channels_seen
from flows.monitor.doctor.coverage import coverage_seen
from flows.monitor.doctor.disk import disk
from flows.monitor.doctor.finding import Diagnosis
from flows.monitor.doctor.folder import folder, is_writable
from flows.monitor.doctor.prefect_server import prefect_server
from flows.monitor.doctor.settings import settings_seen
from flows.settings.accounts import account_names
from flows.settings.settings import load
from transforms.errors import RecspendError


def examine() -> Iterator[Diagnosis]:
    """Look at the settings, the data folder, Prefect, who is told, what was read, and each account by a small request.

    Each finding is given as soon as it is known. None holds a secret, and no error of these things is raised.
    """
    try:
        settings = load()
    except RecspendError as error:
        yield Diagnosis("settings", "broken", str(error))
        return
    yield from settings_seen(settings)
    yield from _guarded("data folder", folder(settings))
    if is_writable(settings.data_dir):
        yield from _guarded("disk", disk(settings.data_dir))
    yield prefect_server()
    yield from channels_seen(settings)
    yield from _guarded("coverage", coverage_seen(settings, account_names(settings)))
    yield from _guarded("accounts", reached(settings))


def _guarded(subject: str, findings: Iterator[Diagnosis]) -> Iterator[Diagnosis]:
    """The findings, and one more when a file cannot be looked at."""
    try:
        yield from findings
    except OSError as error:
        cure = "Give the user that recspend runs as the right to it."
        yield Diagnosis(subject, "broken", f"cannot be looked at: {error}. {cure}")
