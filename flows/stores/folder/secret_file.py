"""A file that holds one secret, as provided by Docker, Kubernetes, systemd and password managers."""

import errno
import os
import stat
import struct
import sys
from pathlib import Path

from transforms.errors import ConfigError
from transforms.settings.credentials import secret_in

_MOST_CHARACTERS = 10_000
# How Linux stores an access list (linux/posix_acl_xattr.h): a version, then entries of tag, permissions and id.
_ACCESS_LIST = "system.posix_acl_access"
_VERSION_BYTES, _ENTRY = 4, struct.Struct("<HHI")
_USER, _GROUP_OF_FILE, _GROUP, _READ = 0x02, 0x04, 0x08, 4


def read_secret(path: Path, called: str, what: str) -> str:
    """Read the secret in the file, without the line end.

    Error messages show neither the file's name nor its content: a user may have set the secret itself instead of the
    file's name.

    Args:
        path: The file.
        called: What error messages call the file.
        what: What the secret is, such as "the token".

    Raises:
        ConfigError: The file is missing, cannot be read, is readable by others, or does not hold exactly one line.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            if _is_open_to_others(file.fileno()):
                raise ConfigError(
                    f"{called} is readable by its group or by others. Restrict it to its owner (chmod 600), and "
                    f"rotate {what} if it may have been read."
                )
            text = file.read(_MOST_CHARACTERS)
    except FileNotFoundError:
        raise ConfigError(
            f"{called} does not exist{_place(path)}. Create it with {what} in it, or name another."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{called} is not text. It must hold {what} and nothing else.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "invalid file name"
        raise ConfigError(
            f"{called} cannot be read ({reason}). Make it readable by the user that recspend runs as, or name "
            "another."
        ) from None
    return secret_in(text, called, what)


def _place(path: Path) -> str:
    """Describe where the file was expected; the name of an existing folder is not secret."""
    folder = path.absolute().parent
    try:
        return f" (in {folder})" if folder.is_dir() else ", nor does its folder"
    except OSError:
        return ""


def _is_open_to_others(descriptor: int) -> bool:
    """Check whether anybody can read the open file besides its owner, the current user and root."""
    mode = os.fstat(descriptor).st_mode
    if mode & stat.S_IROTH:
        return True
    if not mode & stat.S_IRGRP:
        return False
    # If there is an access list, the group bits of the mode are only the most that any entry of it can grant. systemd
    # uses such a list to make a credential readable by the user of its service and by nobody else.
    entries = _access_list(descriptor)
    if entries is None:
        return True
    return any(
        permissions & _READ and (tag in (_GROUP_OF_FILE, _GROUP) or (tag == _USER and who != os.geteuid()))
        for tag, permissions, who in entries
    )


def _access_list(descriptor: int) -> list[tuple[int, int, int]] | None:
    """Read the entries of tag, permissions and user or group id; None if the file has only its mode."""
    if sys.platform != "linux":
        return None
    try:
        stored = os.getxattr(descriptor, _ACCESS_LIST)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP):
            return None
        raise
    return list(_ENTRY.iter_unpack(stored[_VERSION_BYTES:]))
