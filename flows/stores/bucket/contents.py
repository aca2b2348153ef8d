"""What a bucket has, without a data folder that mirrors it."""

from flows.stores.bucket.heads import Heads, account_scope, sid_of
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
    heads, found = Heads(opened(lake_url)), {}
    for sid in accounts_in(lake_url):
        head, _ = heads.read(account_scope(sid))
        path = f"lake/{account_scope(sid)}/commit.json"
        if stored := head.files.get(path):  # else it was read, and not brought into the lake yet
            commit = decoded(heads.content(path, stored))
            if commit is None:
                raise heads.damaged(path, stored)
            found[sid] = commit
    return found
