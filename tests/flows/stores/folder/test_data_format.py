"""The file that says which format a data folder has."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from flows.stores.folder.data_format import FORMAT, DataFormat, read_format, refuse_newer, write_format
from transforms.errors import ConfigError, DataError


def test_format_round_trips(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    assert read_format(data_dir) is None
    write_format(data_dir, upgraded_from=2)
    assert read_format(data_dir) == DataFormat(FORMAT, version("recspend"), 2)
    write_format(data_dir)
    assert read_format(data_dir) == DataFormat(FORMAT, version("recspend"))
    assert [path.name for path in data_dir.iterdir()] == ["format.json"]
    refuse_newer(data_dir)


def test_newer_folder_is_refused_despite_unknown_fields(tmp_path: Path) -> None:
    (tmp_path / "format.json").write_text(
        f'{{"recspend": "7.0.1", "format": {FORMAT + 1}, "more": ["a", {{}}]}}'
    )
    said = (
        f"{tmp_path} has format {FORMAT + 1}, written by recspend 7.0.1, but this recspend {version('recspend')} "
        f"only knows formats up to {FORMAT}. Install recspend 7.0.1 or newer, or use another folder with "
        "RECSPEND_DATA_DIR."
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(said)}$"):
        refuse_newer(tmp_path)


def test_missing_folder_or_file_in_its_place_is_not_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refuse_newer(tmp_path / "none")
    refuse_newer(tmp_path / "file")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"3", b"[]", b"{}", b'{"format": "3", "recspend": ""}', b'{"format": 0, "recspend": ""}', b"\xff"],
)  # fmt: skip
def test_invalid_format_file_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "format.json").write_bytes(content)
    with pytest.raises(DataError, match=r"format\.json does not say which format the folder has"):
        refuse_newer(tmp_path)
