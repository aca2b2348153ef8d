"""What a data folder has from before it mirrored a bucket, or from before its notes on that were lost.

Such a folder may have a past of its own. What only it has must not give way to what the bucket has.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from flows.stores.bucket.heads import Head, Stored, object_name, sid_of
from flows.stores.lake.usage_records import raw_usage
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import ConfigError

if TYPE_CHECKING:
    from flows.stores.bucket.objects import Bucket

_OF_FETCHES = ("/journal/", "/packs/")
_STATEMENTS = "statements/"


def refuse_to_lose(
    data_dir: Path, bucket: "Bucket", scope: str, head: Head, here: Mapping[str, Stored]
) -> None:
    """Raise ConfigError if a folder has fetches or statements that the bucket has not, or not like that.

    here: what the folder has of the scope. Raises also as `Bucket`.
    """
    differing = [
        path for path, stored in here.items() if path not in head.files or head.files[path] != stored
    ]
    _refuse_to_lose_statements(data_dir, bucket, head.files.keys() & differing)
    account_sid = sid_of(scope)
    if account_sid and _of_fetches(differing):
        _refuse_to_lose_fetches(data_dir, bucket, account_sid, head)


def _refuse_to_lose_statements(data_dir: Path, bucket: "Bucket", paths: Iterable[str]) -> None:
    months = sorted({path.split("/")[1] for path in paths if path.startswith(_STATEMENTS)})
    if months:
        raise ConfigError(
            f"{' and '.join(months)} was closed in {data_dir} and in {bucket.url}, with different statements. "
            f"Nothing was changed. {_cure()}"
        )


def _refuse_to_lose_fetches(data_dir: Path, bucket: "Bucket", account_sid: str, head: Head) -> None:
    with TemporaryDirectory(dir=data_dir / ".bucket") as folder:
        for path in _of_fetches(head.files):
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            bucket.fetch(object_name(path, head.files[path]), target)
        only_here = _fetches(data_dir, account_sid) - _fetches(Path(folder), account_sid)
    if only_here:
        raise ConfigError(
            f"Account {account_sid} is in {data_dir} from before and in {bucket.url}, with {len(only_here):,} fetches "
            f"that only the folder has, such as {min(only_here)}. Nothing was changed. {_cure()}"
        )


def _of_fetches(paths: Collection[str]) -> list[str]:
    return [path for path in paths if any(part in path for part in _OF_FETCHES)]


def _fetches(data_dir: Path, account_sid: str) -> set[str]:
    lists = RawPages(data_dir), raw_usage(data_dir)
    return {landing.name for raw in lists for landing in raw.readable(account_sid)}


def _cure() -> str:
    return (
        "Give this folder an address of its own with lake_url, or use an empty one, which takes what the bucket has, "
        "with RECSPEND_DATA_DIR."
    )
