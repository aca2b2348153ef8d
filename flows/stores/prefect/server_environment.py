"""The environment of our own Prefect server: what it needs, and nothing else of ours."""

from collections.abc import Mapping

from flows.stores.prefect.login import CLIENT, SERVER

_NEEDED = {
    *(
        "HOME",
        "USER",
        "LOGNAME",
        "PATH",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "VIRTUAL_ENV",
        "LD_LIBRARY_PATH",
    ),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "DO_NOT_TRACK", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
}
_FAMILIES = ("LC_", "PYTHON", "XDG_", "PREFECT_")
_ORIGINS, _CSRF = "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS", "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED"
# Prefect reads these in either case, and the two with a second name too.
_SET_BY_US = {SERVER, _ORIGINS, _CSRF, _ORIGINS.replace("_API", ""), _CSRF.replace("_API", "")}
# It is a server, not a client of one.
_OF_CLIENTS = {CLIENT, "PREFECT_API_KEY", "PREFECT_CLIENT_CUSTOM_HEADERS"}


def server_environment(
    environment: Mapping[str, str], address: str, login: str, secrets: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return the environment of a server at this address that asks for this login.

    API tokens are left out, whatever their variables are called: only variables that a server needs are kept. secrets:
    variables that are never kept, in capitals.
    """
    refused = _OF_CLIENTS | secrets
    kept = {
        name: value
        for name, value in environment.items()
        if (name.upper() in _NEEDED or name.upper().startswith(_FAMILIES)) and name.upper() not in refused
    }
    return {name: value for name, value in kept.items() if name.upper() not in _SET_BY_US} | {
        SERVER: login,
        _ORIGINS: ",".join([address, address.replace("127.0.0.1", "localhost")]),
        _CSRF: "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    }
