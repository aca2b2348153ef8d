"""Objects are created once and swapped by ETag, whatever happens on the way."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from flows.stores.bucket.objects import Bucket
from tests.support.servers.bucket_server import Answer, BucketServer
from transforms.errors import BucketError, ConfigError


def first_of(answers: list[Answer], method: str) -> Callable[[str, str], Answer]:
    """Return a fault: what happens to the first requests of a method, one after another."""
    numbers = count()

    def fault(asked: str, path: str) -> Answer:
        number = next(numbers) if asked == method else len(answers)
        return answers[number] if number < len(answers) else "as asked"

    return fault


def test_object_is_created_once(bucket: Bucket, tmp_path: Path) -> None:
    assert bucket.read("a/b") is None
    assert bucket.create("a/b", b"one")
    assert not bucket.create("a/b", b"two")
    (tmp_path / "file").write_bytes(b"three")
    assert bucket.create("a/c", tmp_path / "file")
    found = bucket.read("a/c")
    assert found is not None
    assert found.body == b"three"
    assert dict(bucket.listed("a")).keys() == {"a/b", "a/c"}
    assert dict(bucket.listed("a"))["a/c"] == found.tag


def test_of_two_swaps_one_wins(bucket: Bucket) -> None:
    first = bucket.swap("head", b"one", None)
    assert first is not None
    assert bucket.swap("head", b"other", None) is None
    second = bucket.swap("head", b"two", first)
    assert second is not None
    assert bucket.swap("head", b"late", first) is None
    found = bucket.read("head")
    assert found is not None
    assert (found.body, found.tag) == (b"two", second)


def test_object_is_fetched_into_a_file(bucket: Bucket, tmp_path: Path) -> None:
    bucket.create("a", b"content")
    assert bucket.fetch("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"content"
    assert not bucket.fetch("b", tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_removed_object_may_be_missing(bucket: Bucket) -> None:
    bucket.create("a", b"content")
    bucket.remove(["a", "b"])
    assert bucket.read("a") is None


def test_unavailable_server_is_asked_again(server: BucketServer, bucket: Bucket) -> None:
    server.fault = first_of(["unavailable", "unavailable"], "PUT")
    assert bucket.create("a", b"one")
    assert [method for method, _ in server.requests].count("PUT") == 4  # one of them made the bucket


def test_swap_whose_answer_was_lost_has_won(server: BucketServer, bucket: Bucket) -> None:
    first = bucket.swap("head", b"one", None)
    server.fault = first_of(["lost"], "PUT")
    second = bucket.swap("head", b"two", first)
    assert second is not None
    found = bucket.read("head")
    assert found is not None
    assert (found.body, found.tag) == (b"two", second)


def test_write_during_another_is_tried_again(server: BucketServer, bucket: Bucket) -> None:
    server.fault = first_of(["conflict"], "PUT")
    assert bucket.create("a", b"one")


def test_refused_credentials_are_named(server: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    closed = Bucket(server.url, patience=0.1)
    with pytest.raises(BucketError, match="cannot be reached"):
        closed.read("a")


def test_server_that_honours_conditions_passes(bucket: Bucket) -> None:
    bucket.probe()
    assert not [*bucket.listed("probe")]


@pytest.mark.parametrize("header", ["If-None-Match", "If-Match"])
def test_server_that_ignores_a_condition_is_refused(
    server: BucketServer, bucket: Bucket, header: str
) -> None:
    server.ignored = header
    with pytest.raises(ConfigError, match=header):
        bucket.probe()


def test_address_without_a_known_scheme_is_refused() -> None:
    with pytest.raises(ConfigError, match="lake_url"):
        Bucket("ftp://bucket")
