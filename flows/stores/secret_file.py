"""A file that holds one secret, as Docker, Kubernetes, systemd and password managers hand secrets over."""

import errno
import os
import stat
import struct
import sys
from pathlib import Path

from transforms.errors import ConfigError
from transforms.settings.credentials import secret_in

_MOST_CHARACTERS = 10_000
# What Linux keeps of an access list (linux/posix_acl_xattr.h): a version, then entries of tag, permissions and id.
_ACCESS_LIST = "system.posix_acl_access"
_VERSION_BYTES, _ENTRY = 4, struct.Struct("<HHI")
_USER, _GROUP_OF_FILE, _GROUP, _READ = 0x02, 0x04, 0x08, 4


def read_secret(path: Path, called: str, what: str) -> str:
    """The secret in the file, without the end of its line.

    called: the file as messages name it; what: the secret, as in "the token". They show neither the file's name nor
    what it holds: who puts the secret where the name belongs must not find it in a message. Raises ConfigError when the
    file is missing, cannot be read, can be read by others too, or holds something else than one line.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            if _is_open_to_others(file.fileno()):
                raise ConfigError(
                    f"{called} can be read by its group or by others. Make it its owner's alone (chmod 600), and "
                    f"renew {what} if somebody may have read it."
                )
            text = file.read(_MOST_CHARACTERS)
    except FileNotFoundError:
        raise ConfigError(
            f"{called} does not exist{_place(path)}. Create it with {what} in it, or name another."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{called} is no text. It must hold {what} alone.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have such a name"
        raise ConfigError(
            f"{called} cannot be read ({reason}). Make it readable for the user that recspend runs as, or name "
            "another."
        ) from None
    return secret_in(text, called, what)


def _place(path: Path) -> str:
    """Where it was looked for: a folder that exists is no secret."""
    folder = path.absolute().parent
    try:
        return f" (in {folder})" if folder.is_dir() else ", nor does its folder"
    except OSError:
        return ""


def _is_open_to_others(descriptor: int) -> bool:
    """Whether somebody can read the open file who is neither its owner nor ourselves (nor root, who always can)."""
    mode = os.fstat(descriptor).st_mode
    if mode & stat.S_IROTH:
        return True
    if not mode & stat.S_IRGRP:
        return False
    # Where there is an access list, the bits of the group tell what anybody named in it can do at most. systemd gives
    # a credential to the user of its service in this way, and to nobody else.
    entries = _access_list(descriptor)
    if entries is None:
        return True
    return any(
        permissions & _READ and (tag in (_GROUP_OF_FILE, _GROUP) or (tag == _USER and who != os.geteuid()))
        for tag, permissions, who in entries
    )


def _access_list(descriptor: int) -> list[tuple[int, int, int]] | None:
    """Entries of tag, permissions and user or group; None where the file has only its mode."""
    if sys.platform != "linux":
        return None
    try:
        stored = os.getxattr(descriptor, _ACCESS_LIST)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP):
            return None
        raise
    return list(_ENTRY.iter_unpack(stored[_VERSION_BYTES:]))
