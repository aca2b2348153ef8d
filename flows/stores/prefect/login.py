"""The login of our own Prefect server: a file in PREFECT_HOME that only its owner can read.

Prefect calls it an auth string, `user:password`. The UI asks for it once and keeps it in the browser. Our own commands
find it by themselves, and send it only to the server of a `recspend serve` that is running now.
"""

import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from flows.stores.folder.lock import holder_of, in_turn
from flows.stores.whole_files import replaced_whole, write_whole
from transforms.errors import ConfigError

CLIENT, SERVER = "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"
LOCK = "recspend-serve.lock"
_LOGIN = "recspend-serve.login"
_LOGIN_LOCK = "recspend-serve.login.lock"
_ADDRESS = "recspend-serve.address"
_FORM = re.compile(r"[^\s:]+:\S+")
_MOST_CHARACTERS = 10_000
_WAIT_SECONDS = 10
_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def home_of(environment: Mapping[str, str]) -> Path:
    """Return Prefect's folder, which holds the database of its server."""
    return Path(environment.get("PREFECT_HOME") or "~/.prefect").expanduser()


def login_file(home: Path) -> Path:
    """Return the file with the login of the server of this home."""
    return home / _LOGIN


def new_login() -> str:
    """Return a login that nobody can guess."""
    return f"recspend:{secrets.token_urlsafe(32)}"


def kept_login(home: Path) -> str:
    """Return the login in the file of this home, the same at every start. Writes it if there is none.

    A file that others can read, or that somebody else wrote, is replaced by one with a new login. The home becomes
    accessible to its owner only: the server's database holds Secret blocks together with their key. Raises ConfigError
    if the home belongs to somebody else.
    """
    keep_to_owner(home)
    path = login_file(home)
    with in_turn(home / _LOGIN_LOCK, _WAIT_SECONDS):
        if (kept := _read(path)) is None:
            kept = new_login()
            with replaced_whole(path) as partial:
                partial.unlink(missing_ok=True)
                with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(f"{kept}\n")
    return kept


def is_kept(login: str, home: Path) -> bool:
    """Return whether this is the login in the file of this home."""
    return _read(login_file(home)) == login


@contextmanager
def announced(home: Path, address: str, login: str) -> Iterator[None]:
    """Note for the block that the server at this address has the login in the file, if it has. Lock the home first."""
    if is_kept(login, home):
        write_whole(home / _ADDRESS, address.encode())
    try:
        yield
    finally:
        (home / _ADDRESS).unlink(missing_ok=True)


def login_found(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variable with the login if PREFECT_API_URL is the server of a running `recspend serve`.

    Empty if a login is given, or if the server is another one: a program that listens on the port after `serve` has
    ended must not get the login.
    """
    url = environment.get("PREFECT_API_URL")
    if not url or environment.get(CLIENT):
        return {}
    home = home_of(environment)
    try:
        is_known = holder_of(home / LOCK) and (home / _ADDRESS).read_text() == _address_of(url)
        login = _read(login_file(home)) if is_known else None
    except (OSError, ValueError):
        return {}
    return {CLIENT: login} if login else {}


def _address_of(url: str) -> str:
    parts = urlsplit(url)
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port}"


def keep_to_owner(home: Path) -> None:
    """Make a home, and make it accessible to its owner only. Raises ConfigError if it belongs to somebody else."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (mode := stat.S_IMODE(home.stat().st_mode)) & _OF_OTHERS:
            home.chmod(mode & ~_OF_OTHERS)
    except PermissionError:
        raise ConfigError(
            f"The folder of the Prefect server, {home}, must belong to the user that recspend runs as. Set "
            "PREFECT_HOME to a folder of this user."
        ) from None


def _read(path: Path) -> str | None:
    """Return the login in the file; None unless the file is ours alone and holds one login."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(descriptor, errors="replace") as file:
        found = os.fstat(descriptor)
        is_ours = found.st_uid == os.geteuid() and not found.st_mode & _OF_OTHERS
        text = file.read(_MOST_CHARACTERS).strip() if stat.S_ISREG(found.st_mode) and is_ours else ""
    return text if _FORM.fullmatch(text) else None
