"""What a bucket has, without a data folder that mirrors it."""

from flows.stores.bucket.heads import Heads, account_scope, object_name, sid_of
from flows.stores.bucket.opened import opened
from flows.stores.lake.commit import Commit, decoded


def probe(lake_url: str) -> None:
    """Raise ConfigError if a bucket ignores conditions, BucketError if it cannot be reached or refuses."""
    opened(lake_url).probe()


def accounts_in(lake_url: str) -> list[str]:
    """List the sids of the accounts in a bucket. Raises as `Mirror.pull`."""
    return [*filter(None, map(sid_of, Heads(opened(lake_url)).tags()))]


def commits_in(lake_url: str) -> dict[str, Commit]:
    """Return what is in the lake of each account in a bucket, by sid, without a folder. Raises as `Mirror.pull`."""
    bucket = opened(lake_url)
    heads = Heads(bucket)
    found = {}
    for sid in accounts_in(lake_url):
        head, _ = heads.read(account_scope(sid))
        path = f"lake/{account_scope(sid)}/commit.json"
        stored = head.files.get(path)
        read = bucket.read(object_name(path, stored)) if stored else None
        if read and (commit := decoded(read.body)):
            found[sid] = commit
    return found
