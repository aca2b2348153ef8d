"""A data folder mirrors one bucket, of a format that this recspend knows."""

from pathlib import Path

import pytest

from flows.stores.bucket.objects import Bucket
from flows.stores.bucket.turns import bind, bound_url
from flows.stores.folder.data_format import FILE
from transforms.errors import ConfigError


def test_folder_mirrors_one_bucket(bucket: Bucket, tmp_path: Path) -> None:
    bind(tmp_path, f"{bucket.url}/")
    assert bound_url(tmp_path) == bucket.url
    bind(tmp_path, bucket.url)
    for other in ("", f"{bucket.url}/elsewhere"):
        with pytest.raises(ConfigError, match="mirrors"):
            bind(tmp_path, other)


def test_folder_without_a_bucket_has_no_trace_of_one(tmp_path: Path) -> None:
    bind(tmp_path, "")
    assert bound_url(tmp_path) == ""
    assert [*tmp_path.iterdir()] == []


def test_bucket_of_a_newer_recspend_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    bucket.create(FILE, b'{"format":99,"recspend":"9.0"}')
    with pytest.raises(ConfigError, match=r"recspend 9\.0 or newer, or use another lake_url"):
        bind(tmp_path, bucket.url)
