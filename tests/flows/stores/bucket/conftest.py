"""A bucket for each test."""

from collections.abc import Iterator

import pytest

from flows.stores.bucket.objects import Bucket
from tests.support.servers.bucket_server import BucketServer, bucket_in_reach


@pytest.fixture
def server() -> Iterator[BucketServer]:
    with bucket_in_reach() as served:
        yield served


@pytest.fixture
def bucket(server: BucketServer) -> Bucket:
    return Bucket(server.url)
