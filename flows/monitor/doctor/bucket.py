"""Check the bucket: whether it can be reached, honours conditions, and is of a format that this recspend knows."""

from collections.abc import Iterator

from flows.monitor.doctor.finding import Diagnosis
from flows.settings.settings import Settings
from transforms.errors import RecspendError


def bucket(settings: Settings) -> Iterator[Diagnosis]:
    """Create, swap and remove a small object in the bucket, and count the accounts there; nothing without a bucket."""
    if not settings.lake_url:
        return
    from flows.stores.bucket.contents import accounts_in, probe

    try:
        probe(settings.lake_url)
        accounts = accounts_in(settings.lake_url)
    except RecspendError as error:
        yield Diagnosis("bucket", "fail", str(error), {"url": settings.lake_url})
        return
    words = f"{settings.lake_url} creates and swaps objects as it should; it has {len(accounts):,} accounts"
    yield Diagnosis("bucket", "ok", words, {"url": settings.lake_url, "accounts": len(accounts)})
