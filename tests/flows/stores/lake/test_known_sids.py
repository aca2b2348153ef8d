"""What is known of the sids in a file of the lake is never wrong, whatever happened to the file it is kept in."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from flows.stores.lake.commit import LakeFile
from flows.stores.lake.lake import Lake
from tests.support.samples.stores import ACCOUNT, fill, lake_rows
from transforms.errors import DamagedLakeError
from transforms.values.fingerprints import fingerprints

SIDS = [f"RE{number:032x}" for number in range(50)]
OTHERS = [f"RE{number:032x}" for number in range(100, 150)]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    fill(lake, {"2026-07": lake_rows(*SIDS)})
    return lake


def file_of(lake: Lake) -> LakeFile:
    commit = lake.commit(ACCOUNT)
    assert commit is not None
    (file,) = commit.months["2026-07"]
    return file


def kept(lake: Lake) -> Path:
    return lake.account(ACCOUNT) / f"{file_of(lake).name}.sids"


def may_have(lake: Lake, *sids: str) -> bool:
    return lake.may_have(ACCOUNT, file_of(lake), np.sort(fingerprints(pa.array(sids, pa.string()))))


def is_right(lake: Lake) -> bool:
    return all(may_have(lake, sid) for sid in SIDS) and not may_have(lake, *OTHERS)


def test_file_may_have_what_it_has_and_nothing_else(lake: Lake) -> None:
    assert is_right(lake)
    assert may_have(lake, *OTHERS, SIDS[7])
    assert not may_have(lake)
    assert kept(lake).stat().st_size == 32 + 4 * len(SIDS)


def test_sids_are_read_only_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_right(lake)
    monkeypatch.setattr("flows.stores.lake.known_sids.read_columns", None)
    assert is_right(lake)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda content: content[:-4],
    "empty": lambda _: b"",
    "a bit": lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:],
    "the digest": lambda content: bytes(32) + content[32:],
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_made_again(damage: str, lake: Lake) -> None:
    assert is_right(lake)
    whole = kept(lake).read_bytes()
    kept(lake).write_bytes(DAMAGES[damage](whole))
    assert is_right(lake)
    assert kept(lake).read_bytes() == whole


def test_nothing_is_made_of_a_damaged_file_of_the_lake(lake: Lake) -> None:
    path = lake.account(ACCOUNT) / file_of(lake).name
    content = path.read_bytes()
    path.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
    with pytest.raises(DamagedLakeError, match="is damaged"):
        may_have(lake, *SIDS)
    assert not kept(lake).exists()


def test_it_is_removed_with_its_file(lake: Lake) -> None:
    assert is_right(lake)
    before, left = kept(lake), lake.account(ACCOUNT) / "2026-07-0.parquet.sids.partial"
    left.touch()
    lake.tidy(ACCOUNT, [lake.commit(ACCOUNT)])
    assert before.exists()
    assert not left.exists()
    commit = fill(lake, {"2026-07": lake_rows(*OTHERS)})
    lake.tidy(ACCOUNT, [commit])
    assert not before.exists()
