"""Doctor: is everything there that a run needs? One line each, with what to do."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from flows.accounts import accesses
from flows.lanes import utc_now
from flows.settings import Settings, config_path
from flows.stores.access import Access
from flows.stores.account_state import AccountStates
from flows.stores.lock import holder
from flows.stores.patience import Patience
from flows.stores.recordings_api import RecordingsApi
from flows.stores.warehouse import warehouse_path
from transforms.credentials import without_credentials
from transforms.dialect import calibrate
from transforms.errors import ConfigError, RecspendError

_ENOUGH_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: what was looked at, how it is, and what it says."""

    subject: str
    state: Literal["ok", "look", "broken"]
    words: str


_WORDS = {
    None: "how dates are compared is found out once a day with recordings is over",
    "unclear": "how dates are compared is not clear, so more days are asked for than needed",
    "instant-inclusive": "dates are compared to the second, bounds included",
    "instant-exclusive": "dates are compared to the second, bounds left out",
    "day-inclusive": "dates are compared by day, bounds included",
    "day-exclusive": "dates are compared by day, bounds left out",
}


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at settings, folder, lock, warehouse, Prefect, and each account with one request for one row."""
    path = config_path()
    yield Finding(
        "settings", "ok", f"read {path}" if path.exists() else f"no {path}; from the environment only"
    )
    yield from _folder(settings)
    yield _prefect()
    try:
        accounts = accesses(settings)
    except ConfigError as error:
        yield Finding("accounts", "broken", str(error))
        return
    for access in accounts:
        yield _account(access, settings)


def _folder(settings: Settings) -> Iterator[Finding]:
    data_dir = settings.data_dir
    existing = next(
        folder for folder in (data_dir.absolute(), *data_dir.absolute().parents) if folder.exists()
    )
    if not os.access(existing, os.W_OK):
        yield Finding("data folder", "broken", f"{existing} cannot be written to. Set RECSPEND_DATA_DIR.")
        return
    free = shutil.disk_usage(existing).free
    words = f"{data_dir.absolute()}, {free / 1024**3:.1f} GiB free"
    yield Finding("data folder", "ok" if free > _ENOUGH_FREE_BYTES else "look", words)
    held = holder(data_dir) if data_dir.exists() else None
    since = f"process {held.process} writes since {held.since}" if held else "nobody writes"
    yield Finding("lock", "look" if held else "ok", since)
    warehouse = warehouse_path(data_dir)
    if warehouse.exists():
        built = datetime.fromtimestamp(warehouse.stat().st_mtime, UTC).isoformat(timespec="seconds")
        yield Finding("warehouse", "ok", f"{warehouse}, built {built}")
    else:
        yield Finding("warehouse", "look", "not built yet. Run `recspend run`.")


def _prefect() -> Finding:
    url = os.environ.get("PREFECT_API_URL")
    words = (
        f"runs are reported to {without_credentials(url)}" if url else "no PREFECT_API_URL; runs are direct"
    )
    return Finding("Prefect", "ok", words)


def _account(access: Access, settings: Settings) -> Finding:
    api = RecordingsApi(
        access, Patience(settings.connect_timeout, settings.read_timeout, attempts=2, backoff=0.2)
    )
    subject = f"account {access.name}"
    try:
        newest = api.newest()
        dialect = AccountStates(settings.data_dir).read(access.account_sid).dialect
        if dialect.filter is None:
            dialect = calibrate(lambda questions: [api.newest(each) for each in questions], utc_now().date())
    except RecspendError as error:
        return Finding(subject, "broken", str(error))
    found = f"newest recording of {newest.date()}" if newest else "no recording with a readable date"
    words = (
        f"{access.base_url} ({access.provider}) answers; token from {access.token_hint}; {found}; "
        f"{_WORDS[dialect.filter]}"
    )
    return Finding(subject, "look" if dialect.filter == "unclear" else "ok", words)
