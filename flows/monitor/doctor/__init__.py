"""Doctor: check everything that a run needs. Each check is one line that says what to do."""

from collections.abc import Iterator

from flows.monitor.doctor.accounts import reached
from flows.monitor.doctor.bucket import bucket
from flows.monitor.doctor.channels import channels_seen
from flows.monitor.doctor.coverage import coverage_seen
from flows.monitor.doctor.derived import derived
from flows.monitor.doctor.disk import disk
from flows.monitor.doctor.finding import Diagnosis
from flows.monitor.doctor.folder import folder, is_writable
from flows.monitor.doctor.packing import packing
from flows.monitor.doctor.prefect_server import prefect_server
from flows.monitor.doctor.settings import settings_seen
from flows.settings.accounts import account_names
from flows.settings.loading import load
from transforms.errors import RecspendError


def examine(*, verify: bool = False) -> Iterator[Diagnosis]:
    """Check settings, data folder, disk, Prefect, channels and coverage, and each account with a small request.

    verify: also read everything that is kept, and compare it with what is recorded of it.

    Yields each diagnosis as soon as it is known. None contains a secret. What fails is a diagnosis, not an exception.
    """
    try:
        settings = load()
    except RecspendError as error:
        yield Diagnosis("settings", "fail", str(error))
        return
    yield from settings_seen(settings)
    yield from _guarded("data folder", folder(settings))
    if is_writable(settings.data_dir):
        yield from _guarded("disk", disk(settings.data_dir))
        yield from _guarded("packs", packing(settings))
    yield from bucket(settings)
    yield prefect_server()
    yield from channels_seen(settings)
    yield from _guarded("coverage", coverage_seen(settings, account_names(settings)))
    yield from _guarded("accounts", reached(settings))
    if verify:
        yield from _guarded("kept", derived(settings.data_dir, account_names(settings)))


def _guarded(subject: str, findings: Iterator[Diagnosis]) -> Iterator[Diagnosis]:
    """Yield the diagnoses, and one more if a file cannot be read."""
    try:
        yield from findings
    except OSError as error:
        cure = "Give the user that recspend runs as access to it."
        yield Diagnosis(subject, "fail", f"cannot be read: {error}. {cure}")
