"""Credentials: what makes a secret, in which forms one would show, and how to show an address without them."""

import re
from base64 import b64encode

from transforms.errors import ConfigError

# Nothing shorter is a secret, and may well be a word of an answer. Documented tokens have 32 characters and more.
_LEAST_CHARACTERS = 16
# To the last @ of all: a password may hold a / or # that nobody escaped.
_CREDENTIALS = re.compile(r"(?<=//).*@", re.DOTALL)


def secret_in(text: str, called: str, what: str = "the token") -> str:
    """The secret that a text holds, without white space around it.

    called: the text as messages name it; what: the secret, as in "the token". They never show the text itself. Raises
    ConfigError when it is empty, or has more than one line or characters that nobody can type.
    """
    secret = text.strip()
    if not secret:
        raise ConfigError(f"{called} is empty. It must hold {what}.")
    if len(text.splitlines()) > 1:
        raise ConfigError(f"{called} has more than one line. It must hold {what} alone.")
    if not secret.isprintable():
        raise ConfigError(f"{called} has characters that nobody can type. It must hold {what} alone.")
    return secret


def shown_forms(user: str, token: str) -> tuple[bytes, ...]:
    """The forms in which an answer could repeat the token: as it is, and as HTTP Basic sends it (RFC 7617)."""
    if len(token) < _LEAST_CHARACTERS:
        return ()
    return token.encode(), b64encode(f"{user}:{token}".encode())


def without_credentials(url: str) -> str:
    """A URL as it may be shown: without user and password, and without a query, where keys like to stand."""
    return re.split(r"[?#]", _CREDENTIALS.sub("", url), maxsplit=1)[0]
