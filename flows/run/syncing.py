"""Bring the data folder up to date with the bucket, without a run."""

from flows.run.request import RunContext
from flows.run.upgrade import held
from flows.stores.bucket.turns import bind, bound_url, pulled_all
from flows.stores.folder.data_locks import DataLocks
from transforms.errors import ConfigError


def sync_now(context: RunContext) -> list[str]:
    """Pull everything, and return the sids of the accounts of which the bucket had something newer.

    Raises BusyError when another process builds the tables, ConfigError without a bucket, BucketError if it fails.
    """
    data_dir = context.settings.data_dir
    with held(data_dir), DataLocks(data_dir).warehouse():
        bind(data_dir, context.settings.lake_url)
        if not bound_url(data_dir):
            raise ConfigError(
                "There is no bucket to sync with. Set lake_url, such as s3://your-bucket/recspend."
            )
        return pulled_all(data_dir)
