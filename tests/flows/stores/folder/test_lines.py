from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.stores.folder.lines import append_line, whole_lines


def test_lines_are_added_to_a_new_file_and_folder(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.jsonl"
    for line in (b"1\n", b"2\n"):
        append_line(path, line)
    assert whole_lines(path.read_bytes()) == [b"1", b"2"]


@given(rest=st.binary(max_size=20).filter(lambda rest: b"\n" not in rest))
def test_line_that_was_cut_off_does_not_count(rest: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("folder") / "file.jsonl"
    path.write_bytes(b"1\n" + rest)
    assert whole_lines(path.read_bytes()) == [b"1"]
    append_line(path, b"2\n")
    assert path.read_bytes() == b"1\n2\n"
