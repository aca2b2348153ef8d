"""Check that the raw pages of older months are packed, which a run does once a day."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from flows.monitor.doctor.finding import Diagnosis
from flows.settings.settings import Settings
from flows.stores.lake.usage_records import raw_usage
from flows.stores.raw.compacting import is_overdue
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import DataError

_PATIENCE = timedelta(days=7)


def packing(settings: Settings) -> Iterator[Diagnosis]:
    """Check whether accounts have raw pages that should have been packed a week ago."""
    after = timedelta(days=settings.pack_after_days) + _PATIENCE
    now, overdue = datetime.now(UTC), 0
    try:
        for raw in (RawPages(settings.data_dir), raw_usage(settings.data_dir)):
            overdue += sum(is_overdue(raw, sid, now, after) for sid in raw.accounts())
    except DataError as error:
        yield Diagnosis("packs", "fail", str(error))
        return
    facts = {"overdue": overdue}
    if overdue:
        words = (
            f"{overdue} lists of accounts have older raw pages that are not packed. Run `recspend compact`."
        )
        yield Diagnosis("packs", "warn", words, facts)
    else:
        yield Diagnosis("packs", "ok", "no older raw pages are left to pack", facts)
