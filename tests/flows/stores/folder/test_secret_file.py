import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.stores.folder.secret_file import read_secret
from transforms.errors import ConfigError

TOKEN = "PT0f1e2d3c4b5a69788796a5b4c3d2e1f0"
EVERYBODY = 0xFFFFFFFF
OWNER, USER, GROUP_OF_FILE, GROUP, MASK, OTHERS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A token file as an operator would create it."""
    path = tmp_path / "support"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        read_secret(path, "The file", "the token")
    said = str(raised.value)
    assert TOKEN not in said
    return said


def with_access_list(path: Path, *entries: tuple[int, int, int]) -> None:
    """Give a file an access list in the kernel's format, whatever its mode."""
    stored = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", stored)
    except OSError:
        pytest.skip("this file system does not support access lists")


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700, 0o611, 0o620])
def test_file_readable_only_by_its_owner_is_read(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert read_secret(file, "The file", "the token") == TOKEN


@pytest.mark.parametrize("mode", [0o640, 0o440, 0o604, 0o404, 0o644, 0o444, 0o777])
def test_file_readable_by_group_or_others_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert refused(file) == (
        "The file is readable by its group or by others. Restrict it to its owner (chmod 600), and rotate the token "
        "if it may have been read."
    )


def test_link_is_checked_by_its_target(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    assert read_secret(link, "The file", "the token") == TOKEN
    file.chmod(0o644)
    assert "is readable by its group" in refused(link)


def test_systemd_credential_is_read_despite_its_mode(file: Path) -> None:
    with_access_list(
        file,
        (OWNER, 4, EVERYBODY),
        (USER, 4, os.geteuid()),
        (GROUP_OF_FILE, 0, EVERYBODY),
        (MASK, 4, EVERYBODY),
        (OTHERS, 0, EVERYBODY),
    )
    assert file.stat().st_mode & 0o777 == 0o440
    assert read_secret(file, "The file", "the token") == TOKEN


@pytest.mark.parametrize(
    "entries",
    [
        [(USER, 4, 12345), (GROUP_OF_FILE, 0, EVERYBODY), (MASK, 4, EVERYBODY)],
        [(USER, 4, os.geteuid()), (GROUP_OF_FILE, 4, EVERYBODY), (MASK, 4, EVERYBODY)],
        [(GROUP_OF_FILE, 0, EVERYBODY), (GROUP, 4, 12345), (MASK, 4, EVERYBODY)],
    ],
)
def test_access_list_that_lets_others_read_is_refused(
    file: Path, entries: list[tuple[int, int, int]]
) -> None:
    with_access_list(file, (OWNER, 6, EVERYBODY), *entries, (OTHERS, 0, EVERYBODY))
    assert "is readable by its group or by others" in refused(file)


def test_missing_file_error_names_only_the_folder(tmp_path: Path) -> None:
    assert refused(tmp_path / TOKEN) == (
        f"The file does not exist (in {tmp_path}). Create it with the token in it, or name another."
    )
    assert refused(tmp_path / TOKEN / "file") == (
        "The file does not exist, nor does its folder. Create it with the token in it, or name another."
    )


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.symlink_to(path)])
def test_unreadable_file_is_an_error(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "support")
    assert refused(tmp_path / "support").startswith("The file cannot be read (")


def test_invalid_file_name_is_an_error() -> None:
    assert refused(Path("a\0b")).startswith("The file cannot be read (invalid file name)")
    assert refused(Path("a" * 5000)).startswith("The file cannot be read (File name too long)")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"one\ntwo\n", "has more than one line"),
        (f"SUPPORT_TOKEN={TOKEN}\nSALES_TOKEN={TOKEN}".encode(), "has more than one line"),
        (b"\xff\xfe\x00", "is not text"),
    ],
)
def test_file_with_other_content_is_an_error(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    assert refused(file).startswith(f"The file {words}. It must hold the token")


def test_byte_order_mark_and_line_end_are_stripped(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + TOKEN.encode() + b"\r\n")
    assert read_secret(file, "The file", "the token") == TOKEN
