"""Each account belongs to one shard, and stays there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.errors import ConfigError
from transforms.settings.shards import Shard, read_shard


@given(st.text(min_size=1, max_size=40), st.integers(1, 20))
def test_account_belongs_to_one_shard(account_sid: str, count: int) -> None:
    assert sum(Shard(number, count).has(account_sid) for number in range(1, count + 1)) == 1


def test_shards_are_of_similar_size() -> None:
    sids = [f"AC{number:032x}" for number in range(8_000)]
    assert all(850 < sum(map(Shard(number, 8).has, sids)) < 1_150 for number in range(1, 9))


def test_shard_is_read_as_it_is_written() -> None:
    assert read_shard("3/8") == Shard(3, 8)
    assert str(read_shard("3/8")) == "3/8"


@pytest.mark.parametrize("text", ["", "3", "0/8", "9/8", "3/0", "-1/8", "3 / 8", "three/8", "3/8/2", "٣/8"])
def test_other_text_is_not_a_shard(text: str) -> None:
    with pytest.raises(ConfigError, match="such as 3/8"):
        read_shard(text)
