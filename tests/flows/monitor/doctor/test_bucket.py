"""The doctor tries the bucket."""

from flows.monitor.doctor.bucket import bucket
from flows.settings.settings import Settings
from tests.support.servers.bucket_server import bucket_in_reach


def test_without_a_bucket_there_is_nothing_to_say() -> None:
    assert [*bucket(Settings())] == []


def test_bucket_that_keeps_conditions_is_right() -> None:
    with bucket_in_reach() as server:
        (found,) = bucket(Settings(lake_url=server.url))
        assert (found.state, found.facts["accounts"]) == ("ok", 0)


def test_bucket_that_ignores_conditions_fails() -> None:
    with bucket_in_reach() as server:
        server.ignored = "If-Match"
        (found,) = bucket(Settings(lake_url=server.url))
        assert found.state == "fail"
        assert "If-Match" in found.words
