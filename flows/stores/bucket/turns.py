"""Turns: an account, or what all accounts share, is had by one process of one machine, and is as in the bucket.

Without a bucket a turn is the lock in the data folder. With one it is also the lease in the bucket; what the bucket has
is pulled first, and what the block did is pushed when it ends well. A block that raises pushes nothing: what it wrote
stays in the folder, and the next turn continues from it, unless another machine was there in between.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flows.stores.bucket.heads import NOTIFIED, RUNS, SHARED, account_scope, sid_of
from flows.stores.bucket.leases import Leases
from flows.stores.bucket.mirror import Mirror
from flows.stores.bucket.opened import opened
from flows.stores.folder.data_format import FILE, current_format, refuse_format
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.lock import nothing
from flows.stores.lake.lake import Lake
from flows.stores.whole_files import write_whole
from transforms.errors import BusyError, ConfigError, LostTurnError

_URL = ".bucket/url"
_SHARING = "share_runs"
_SECONDS_FOR_ANOTHER_TO_SEND = 300


def bind(data_dir: Path, lake_url: str) -> None:
    """Record which bucket a data folder mirrors; empty: none.

    Raises ConfigError if it mirrors another one: its files must not get into this one. Also if a newer recspend wrote
    the bucket.
    """
    bound = bound_url(data_dir)
    if lake_url:
        _refuse_newer(lake_url)
    if bound == lake_url.rstrip("/"):
        return
    if bound:
        raise ConfigError(
            f"{data_dir} mirrors {bound}, and lake_url is {lake_url or 'empty'}. Set lake_url back, or use "
            "another folder with RECSPEND_DATA_DIR."
        )
    write_whole(data_dir / _URL, lake_url.rstrip("/").encode())


def _refuse_newer(lake_url: str) -> None:
    bucket = opened(lake_url)
    found = bucket.read(FILE)
    if found is None:
        bucket.create(FILE, current_format())
    else:
        refuse_format(found.body, lake_url)


def bound_url(data_dir: Path) -> str:
    """Return the bucket that a data folder mirrors; empty if none."""
    path = data_dir / _URL
    return path.read_text("utf-8") if path.exists() else ""


@contextmanager
def account_turn(
    data_dir: Path,
    account_sid: str,
    name: str,
    cure: str,
    seconds: float = 0,
    *,
    before_try: Callable[[], None] = nothing,
) -> Iterator[None]:
    """Have an account for the block. The parameters are those of `DataLocks.account`.

    Raises BusyError if another process or machine still has it after this many seconds, LostTurnError if another
    machine wrote it meanwhile, BucketError if the bucket fails.
    """
    scope = account_scope(account_sid)
    with (
        DataLocks(data_dir).account(account_sid, name, cure, seconds, before_try=before_try),
        _turn(data_dir, scope, f"Account {name}", seconds, cure),
    ):
        yield


@contextmanager
def shared_turn(data_dir: Path, seconds: float = 0) -> Iterator[None]:
    """Have what all accounts share for the block, with all accounts as they are in the bucket.

    The caller has the lock of the warehouse, or the folder alone. Raises as `account_turn`.
    """
    with _turn(data_dir, SHARED, "The tables", seconds, "Wait until it ends."):
        pull_accounts(data_dir)
        share_runs(data_dir)
        yield


def share_runs(data_dir: Path) -> None:
    """Add the records of runs here to those in the bucket, and those there to these. Raises as `Mirror.pull`."""
    url = bound_url(data_dir)
    if not url:
        return
    mirror = Mirror(data_dir, opened(url))
    with DataLocks(data_dir).briefly(_SHARING):
        while True:
            mirror.pull(RUNS)
            with suppress(LostTurnError):  # it takes an instant, so no lease is worth it
                mirror.push(RUNS)
                return


@contextmanager
def notified_turn(data_dir: Path) -> Iterator[None]:
    """Have the list of sent findings for the block. The caller has its lock. Raises as `account_turn`."""
    with _turn(data_dir, NOTIFIED, "Notifications", _SECONDS_FOR_ANOTHER_TO_SEND, "The next run sends them."):
        yield


@contextmanager
def _turn(data_dir: Path, scope: str, name: str, seconds: float, cure: str) -> Iterator[None]:
    url = bound_url(data_dir)
    if not url:
        yield
        return
    bucket = opened(url)
    with Leases(bucket, data_dir).held(scope, name, seconds, cure):
        _pull(data_dir, scope)
        yield
        Mirror(data_dir, bucket).push(scope)


def pulled_all(data_dir: Path) -> list[str]:
    """Bring everything up to date with the bucket; return the sids of the accounts of which it had something newer.

    The caller has the lock of the warehouse. Raises as `Mirror.pull`.
    """
    for scope in (SHARED, NOTIFIED):
        _pull(data_dir, scope)
    with DataLocks(data_dir).briefly(_SHARING):
        _pull(data_dir, RUNS)
    return pull_accounts(data_dir)


def pull_accounts(data_dir: Path) -> list[str]:
    """Bring all accounts up to date with the bucket, but for those that a process here works on.

    The caller has the lock of the warehouse, or the folder alone. Returns the sids of those that had anything newer.
    Raises as `Mirror.pull`.
    """
    url, pulled = bound_url(data_dir), []
    for sid in Mirror(data_dir, opened(url)).newer() if url else []:
        with suppress(BusyError), DataLocks(data_dir).account(sid, sid, ""):
            if _pull(data_dir, account_scope(sid), has_warehouse=True):
                pulled.append(sid)
    return pulled


def _pull(data_dir: Path, scope: str, *, has_warehouse: bool = False) -> bool:
    is_newer = Mirror(data_dir, opened(bound_url(data_dir))).pull(scope, has_warehouse=has_warehouse)
    account_sid = sid_of(scope)
    lake = Lake(data_dir)
    if is_newer and account_sid and (commit := lake.commit(account_sid)):
        lake.show(account_sid, commit)
    return is_newer
