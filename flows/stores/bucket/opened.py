"""Open a bucket where it is needed: the library is an extra, and who has no bucket does not wait for it."""

from functools import lru_cache
from typing import TYPE_CHECKING

from transforms.errors import ConfigError

if TYPE_CHECKING:
    from flows.stores.bucket.objects import Bucket


@lru_cache(maxsize=8)
def opened(url: str) -> "Bucket":
    """Return the bucket at an address. Raises ConfigError if the library is missing or the address is wrong."""
    try:
        from flows.stores.bucket.objects import Bucket  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError:
        raise ConfigError(
            "lake_url needs a package that is not installed. Install it with `pip install 'recspend[cloud]'`."
        ) from None
    return Bucket(url)
