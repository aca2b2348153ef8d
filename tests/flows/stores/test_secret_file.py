import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.stores.secret_file import read_secret
from transforms.errors import ConfigError

TOKEN = "PT0f1e2d3c4b5a69788796a5b4c3d2e1f0"
EVERYBODY = 0xFFFFFFFF
OWNER, USER, GROUP_OF_FILE, GROUP, MASK, OTHERS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A token as an operator keeps it."""
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
    """Give a file an access list as the kernel keeps it, whatever its mode."""
    stored = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", stored)
    except OSError:
        pytest.skip("the file system here keeps no access lists")


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700, 0o611, 0o620])
def test_a_file_of_its_owner_alone_gives_its_token(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert read_secret(file, "The file", "the token") == TOKEN


@pytest.mark.parametrize("mode", [0o640, 0o440, 0o604, 0o404, 0o644, 0o444, 0o777])
def test_a_file_that_group_or_others_can_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert refused(file) == (
        "The file can be read by its group or by others. Make it its owner's alone (chmod 600), and renew the token "
        "if somebody may have read it."
    )


def test_a_link_is_judged_by_the_file_it_leads_to(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    assert read_secret(link, "The file", "the token") == TOKEN
    file.chmod(0o644)
    assert "can be read by its group" in refused(link)


def test_a_credential_of_systemd_is_its_services_alone_though_its_mode_says_more(file: Path) -> None:
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
def test_an_access_list_that_lets_others_read_is_refused(
    file: Path, entries: list[tuple[int, int, int]]
) -> None:
    with_access_list(file, (OWNER, 6, EVERYBODY), *entries, (OTHERS, 0, EVERYBODY))
    assert "can be read by its group or by others" in refused(file)


def test_a_missing_file_is_told_with_its_folder_only(tmp_path: Path) -> None:
    assert refused(tmp_path / TOKEN) == (
        f"The file does not exist (in {tmp_path}). Create it with the token in it, or name another."
    )
    assert refused(tmp_path / TOKEN / "file") == (
        "The file does not exist, nor does its folder. Create it with the token in it, or name another."
    )


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.symlink_to(path)])
def test_what_cannot_be_read_is_told(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "support")
    assert refused(tmp_path / "support").startswith("The file cannot be read (")


def test_a_path_that_no_file_can_have_is_told() -> None:
    assert refused(Path("a\0b")).startswith("The file cannot be read (no file can have such a name)")
    assert refused(Path("a" * 5000)).startswith("The file cannot be read (File name too long)")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"one\ntwo\n", "has more than one line"),
        (f"SUPPORT_TOKEN={TOKEN}\nSALES_TOKEN={TOKEN}".encode(), "has more than one line"),
        (b"\xff\xfe\x00", "is no text"),
    ],
)
def test_a_file_that_holds_something_else_is_told(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    assert refused(file).startswith(f"The file {words}. It must hold the token")


def test_a_mark_of_byte_order_and_the_end_of_the_line_do_not_count(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + TOKEN.encode() + b"\r\n")
    assert read_secret(file, "The file", "the token") == TOKEN
