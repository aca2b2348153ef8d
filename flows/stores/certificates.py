"""The certificates to trust in addition to certifi's: a company's own, or those of a proxy that inspects traffic.

requests reads `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE`; OpenSSL, curl and most other programs read `SSL_CERT_FILE` and
`SSL_CERT_DIR`. All of them are honoured, in this order.
"""

import os
import ssl
from functools import cache
from pathlib import Path

from transforms.errors import ConfigError

_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def own_certificates() -> Path | None:
    """Return the file or folder of certificates that the environment names; None if it names none.

    Raises:
        ConfigError: It does not exist, or holds no certificate.
    """
    name = next((name for name in _VARIABLES if os.environ.get(name)), None)
    return None if name is None else _checked(name, os.environ[name])


@cache
def _checked(name: str, value: str) -> Path:
    path = Path(value)
    try:
        if path.is_dir():
            return path
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:  # ssl.SSLError is one
        raise ConfigError(
            f"{name} names {value}, which is not a file of certificates (PEM). Correct it, or unset it."
        ) from None
    return path
