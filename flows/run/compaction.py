"""Pack the raw pages of older months: at the end of a run, once a day, and by `recspend compact`."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec

from flows.run.request import RunContext
from flows.run.upgrade import held
from flows.stores.bucket.turns import account_turn, bind, shared_turn
from flows.stores.folder.data_locks import DataLocks
from flows.stores.lake.lake import Lake
from flows.stores.lake.usage_records import UsageRecords, raw_usage
from flows.stores.raw.compacting import Compacted, PackRules, compact
from flows.stores.raw.journal import START, Position
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from flows.stores.whole_files import write_whole
from transforms.errors import BusyError, RecspendError

_EACH = timedelta(days=1)

logger = logging.getLogger(__name__)


class _Stamp(msgspec.Struct):
    """When older pages were last packed (UTC)."""

    compacted_at: datetime


@dataclass(frozen=True, slots=True)
class CompactSummary:
    """What packing did, over all accounts.

    failed: for each list of an account, what went wrong and what to do. busy: the same for accounts that another
    process had.
    """

    done: Compacted
    failed: list[str]
    busy: list[str]


def compact_now(context: RunContext) -> CompactSummary:
    """Pack what is older. Meanwhile no run builds the tables.

    Raises BusyError when a run does, ConfigError when a newer recspend wrote the folder, DataError when it cannot be
    upgraded.
    """
    data_dir = context.settings.data_dir
    with held(data_dir), DataLocks(data_dir).warehouse():
        bind(data_dir, context.settings.lake_url)
        with shared_turn(data_dir):
            return _compact(context)


def compact_daily(context: RunContext) -> None:
    """Pack what is older, if that was last done a day ago; the caller has the lock of the warehouse.

    What fails is a warning.
    """
    if not _is_due(context.settings.data_dir, context.clock()):
        return
    for reason in _compact(context).failed:
        logger.warning("Could not pack older raw pages: %s", reason)


def _compact(context: RunContext) -> CompactSummary:
    """Pack each account that no other process has.

    The tables are not built meanwhile, so nothing reads the pages that go; nobody waits for an account here, because
    the caller has the lock of the warehouse.
    """
    data_dir, now = context.settings.data_dir, context.clock()
    rules = PackRules(timedelta(days=context.settings.pack_after_days), context.settings.raw_keep)
    done, failed, busy = Compacted(), list[str](), list[str]()
    for raw, applied in ((RawPages(data_dir), _in_lake), (raw_usage(data_dir), _in_usage_records)):
        for sid in raw.accounts():
            try:
                with account_turn(data_dir, sid, context.names.get(sid, sid), "Pack its pages later."):
                    done += compact(raw, sid, now, rules, partial(applied, data_dir, sid))
            except BusyError as error:
                busy.append(str(error))
            except (RecspendError, OSError) as error:
                failed.append(str(error))
    try:
        write_whole(_stamp(data_dir), msgspec.json.encode(_Stamp(now)))
    except OSError as error:
        failed.append(str(error))
    return CompactSummary(done, failed, busy)


def _in_lake(data_dir: Path, account_sid: str, landings: Sequence[Landing]) -> Collection[str] | None:
    commit = Lake(data_dir).commit(account_sid)
    known = (commit.position, commit.landings) if commit else None
    return _applied(RawPages(data_dir), account_sid, landings, known)


def _in_usage_records(
    data_dir: Path, account_sid: str, landings: Sequence[Landing]
) -> Collection[str] | None:
    applied = UsageRecords(data_dir).applied(account_sid)
    known = (applied.position, applied.landings) if applied else None
    return _applied(raw_usage(data_dir), account_sid, [each for each in landings if each.is_whole], known)


def _applied(
    raw: RawPages, account_sid: str, landings: Sequence[Landing], known: tuple[Position, int] | None
) -> Collection[str] | None:
    """Return which landings are applied. known: up to which position, and how many."""
    position, number = known or (START, 0)
    pending = raw.pending(account_sid, position) if known else None
    if pending is None:
        return None
    applied = {each.name for each in landings} - {each.name for each in pending}
    return applied if len(applied) >= number else None


def _is_due(data_dir: Path, now: datetime) -> bool:
    try:
        stamp = msgspec.json.decode(_stamp(data_dir).read_bytes(), type=_Stamp)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return True
    return not stamp.compacted_at <= now < stamp.compacted_at + _EACH


def _stamp(data_dir: Path) -> Path:
    return data_dir / "state" / "compacted.json"
