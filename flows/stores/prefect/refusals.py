"""Recognise a Prefect server that refuses the login, from the error that its client raises."""

from httpx import HTTPStatusError

REFUSED_LOGIN = "refuses the login. Set PREFECT_API_AUTH_STRING, or PREFECT_API_KEY for Prefect Cloud."
"""What to say of it, after its address."""


def is_refused_login(error: BaseException) -> bool:
    """Return whether the error, or one that caused it, is the server's refusal of a login."""
    cause = error.__cause__ or error.__context__
    if isinstance(error, HTTPStatusError):
        return error.response.status_code in (401, 403)
    return cause is not None and is_refused_login(cause)
