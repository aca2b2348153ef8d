"""A bucket for each test."""

from collections.abc import Iterator

import pytest

from flows.stores.bucket.objects import Bucket
from tests.support.servers.bucket_server import BucketServer, bucket_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketServer]:
    with bucket_server() as served:
        for name, value in served.variables.items():
            monkeypatch.setenv(name, value)
        yield served


@pytest.fixture
def bucket(server: BucketServer) -> Bucket:
    return Bucket(server.url)
