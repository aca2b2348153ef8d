"""Turns: an account, or what all accounts share, is had by one process of one machine, and is as in the bucket.

Without a bucket a turn is the lock in the data folder. With one it is also the lease in the bucket; what the bucket has
is pulled first, and what the block did is pushed when it ends well. A block that raises pushes nothing: what it wrote
stays in the folder, and the next turn goes on from it, unless another machine was there in between.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from flows.stores.bucket.heads import NOTIFIED, SHARED, account_scope
from flows.stores.bucket.leases import Leases
from flows.stores.bucket.mirror import Mirror
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.lock import nothing
from flows.stores.lake.lake import Lake
from flows.stores.whole_files import write_whole
from transforms.errors import BusyError, ConfigError

if TYPE_CHECKING:
    from flows.stores.bucket.objects import Bucket

_URL = ".bucket/url"
_SECONDS_FOR_ANOTHER_TO_SEND = 300


def bind(data_dir: Path, lake_url: str) -> None:
    """Record which bucket a data folder mirrors; empty: none.

    Raises ConfigError if it mirrors another one: its files must not get into this one.
    """
    bound = bound_url(data_dir)
    if bound == lake_url.rstrip("/"):
        return
    if bound:
        raise ConfigError(
            f"{data_dir} mirrors {bound}, and lake_url is {lake_url or 'empty'}. Set lake_url back, or use "
            "another folder with RECSPEND_DATA_DIR."
        )
    write_whole(data_dir / _URL, lake_url.rstrip("/").encode())


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
    with DataLocks(data_dir).account(account_sid, name, cure, seconds, before_try=before_try):
        url = bound_url(data_dir)
        if not url:
            yield
            return
        scope, bucket = account_scope(account_sid), _bucket(url)
        with Leases(bucket).held(scope, f"Account {name}", seconds):
            _pull_account(data_dir, account_sid)
            yield
            Mirror(data_dir, bucket).push(scope)


@contextmanager
def shared_turn(data_dir: Path, seconds: float = 0) -> Iterator[None]:
    """Have what all accounts share for the block, with all accounts as they are in the bucket.

    The caller has the lock of the warehouse, or the folder alone. Raises as `account_turn`.
    """
    url = bound_url(data_dir)
    if not url:
        yield
        return
    bucket = _bucket(url)
    mirror = Mirror(data_dir, bucket)
    with Leases(bucket).held(SHARED, "The tables", seconds):
        mirror.pull(SHARED)
        pull_accounts(data_dir)
        yield
        mirror.push(SHARED)


@contextmanager
def notified_turn(data_dir: Path) -> Iterator[None]:
    """Have the list of sent findings for the block. The caller has its lock. Raises as `account_turn`."""
    url = bound_url(data_dir)
    if not url:
        yield
        return
    bucket = _bucket(url)
    mirror = Mirror(data_dir, bucket)
    with Leases(bucket).held(NOTIFIED, "Notifications", _SECONDS_FOR_ANOTHER_TO_SEND):
        mirror.pull(NOTIFIED)
        yield
        mirror.push(NOTIFIED)


def pull_accounts(data_dir: Path) -> list[str]:
    """Bring all accounts up to date with the bucket, but for those that a process here works on.

    Returns the sids of those that had anything newer. Raises as `Mirror.pull`.
    """
    url, pulled = bound_url(data_dir), []
    for sid in Mirror(data_dir, _bucket(url)).newer() if url else []:
        with suppress(BusyError), DataLocks(data_dir).account(sid, sid, ""):
            if _pull_account(data_dir, sid):
                pulled.append(sid)
    return pulled


def _pull_account(data_dir: Path, account_sid: str) -> bool:
    is_newer = Mirror(data_dir, _bucket(bound_url(data_dir))).pull(account_scope(account_sid))
    lake = Lake(data_dir)
    if is_newer and (commit := lake.commit(account_sid)):
        lake.show(account_sid, commit)
    return is_newer


@lru_cache(maxsize=8)
def _bucket(url: str) -> "Bucket":
    try:
        from flows.stores.bucket.objects import Bucket  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError:
        raise ConfigError(
            "lake_url needs a package that is not installed. Install it with `pip install 'recspend[cloud]'`."
        ) from None
    return Bucket(url)
