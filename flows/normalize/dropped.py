"""Refuse to make anything from raw pages again of which some were dropped."""

from pathlib import Path

from flows.stores.raw.raw_pages import RawPages
from transforms.errors import DataError


def refuse_dropped(raw: RawPages, account_sid: str, made: Path) -> None:
    """Raise DataError if raw pages of an account were dropped. made: what would be made from them."""
    dropped = raw.dropped(account_sid)
    if dropped:
        count, first, last = len({page for each in dropped for page in each.pages}), dropped[0], dropped[-1]
        raise DataError(
            f"{made} cannot be rebuilt: {count:,} of its raw pages were dropped since {first.day}, because raw_keep "
            f"was {last.raw_keep}. Only they say when each recording was first seen. Restore {made} from a backup."
        )
