"""The built-in emulator as the command uses it: for the demo, in its own folder, and on its own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.emulator import Parameters, Source, open_ledger, open_replay, serve
from flows.settings.settings import Settings
from flows.stores.api.access import AccountAccess
from transforms.errors import ConfigError

_MARKER = ".recspend-demo"


def fresh_folder(data_dir: Path) -> None:
    """Empty the demo's folder, so that the demo starts from scratch.

    Raises ConfigError, and touches nothing, when the folder holds other files.
    """
    if (data_dir / _MARKER).exists():
        shutil.rmtree(data_dir)
    elif data_dir.exists() and any(data_dir.iterdir()):
        raise ConfigError(
            f"{data_dir} holds files that do not belong to the demo. Move them, or set RECSPEND_DATA_DIR."
        )
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / _MARKER).touch()
    # Keeps the database of Prefect's temporary server here instead of in the home folder.
    os.environ["PREFECT_HOME"] = str((data_dir / ".prefect").resolve())


@contextmanager
def emulated_accounts(
    settings: Settings, parameters: Parameters
) -> Iterator[tuple[str, list[AccountAccess]]]:
    """Serve a ledger for the block; gives the emulator's base URL and how to reach its accounts."""
    ledger = open_ledger(parameters, settings.data_dir / ".emulator")
    with serve(ledger) as emulator:
        accounts = [
            AccountAccess(
                name=account.name,
                account_sid=account.account_sid,
                base_url=emulator.base_url,
                user=account.account_sid,
                token=account.api_token,
                provider="signalwire",
                token_hint="the emulator's token",  # noqa: S106
            )
            for account in emulator.accounts
        ]
        yield emulator.base_url, accounts


def open_source(recordings: int, accounts: int, seed: int, replay: Path | None) -> Source:
    """What the emulator serves: captured pages, or made-up recordings (rendered once, kept in a cache folder).

    Raises ConfigError when the folder holds no page or the numbers are impossible.
    """
    try:
        if replay is not None:
            return open_replay(replay)
        return open_ledger(Parameters(seed, recordings, accounts), _cache_folder())
    except (ValueError, OSError) as error:
        raise ConfigError(f"The emulator has nothing to serve: {error}") from None


def _cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME")
    if not home:  # cron may give no home
        return Path(tempfile.gettempdir()) / "recspend-emulator"
    return Path(home) / ("" if os.environ.get("XDG_CACHE_HOME") else ".cache") / "recspend" / "emulator"
