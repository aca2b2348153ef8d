"""Credentials: what counts as a secret, in which forms it can leak, and how to show a URL without it."""

import re
from base64 import b64encode
from collections.abc import Collection
from urllib.parse import quote

from transforms.errors import ConfigError

# A shorter text is not treated as a secret: it may be an ordinary word of a response. Documented tokens have at least
# 32 characters.
_LEAST_CHARACTERS = 16
# Up to the last @: a password may contain a / or # that was not escaped.
_CREDENTIALS = re.compile(r"(?<=//).*@", re.DOTALL)


def secret_in(text: str, called: str, what: str = "the token") -> str:
    """Return the secret in a text, without white space around it.

    Args:
        text: The text. Error messages never show it.
        called: What error messages call the text.
        what: What the secret is, such as "the token".

    Raises:
        ConfigError: The text is empty, has more than one line, or contains non-printable characters.
    """
    secret = text.strip()
    if not secret:
        raise ConfigError(f"{called} is empty. It must hold {what}.")
    if len(text.splitlines()) > 1:
        raise ConfigError(f"{called} has more than one line. It must hold {what} and nothing else.")
    if not secret.isprintable():
        raise ConfigError(f"{called} has non-printable characters. It must hold {what} and nothing else.")
    return secret


def secret_forms(user: str, token: str) -> tuple[bytes, ...]:
    """List the forms in which a response could repeat the token: as it is, and as HTTP Basic sends it (RFC 7617).

    Each of them also as a URL and as JSON may write it.
    """
    if len(token) < _LEAST_CHARACTERS:
        return ()
    forms = (token, b64encode(f"{user}:{token}".encode()).decode())
    written = (each for form in forms for each in (form, quote(form, safe=""), form.replace("/", "\\/")))
    return tuple(dict.fromkeys(each.encode() for each in written))


def contains_secret(content: bytes, secrets: Collection[bytes]) -> bool:
    """Check whether something from outside repeats one of these secrets."""
    return any(secret in content for secret in secrets)


def without_credentials(url: str) -> str:
    """Strip a URL of user, password, query and fragment, so that it is safe to show; queries often contain keys."""
    return re.split(r"[?#]", _CREDENTIALS.sub("", url), maxsplit=1)[0]
