"""What the API says when it refuses a request, and what can be done about it.

The body is documented for both vendors: `{"code": 20003, "message": "…", "more_info": "…", "status": 401}`. The codes
are Twilio's (twilio.com/docs/api/errors). SignalWire documents some of them, such as 54453, and 401 or 403 for a
missing scope. Nothing else of a body is ever shown.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from transforms.settings.credentials import contains_secret

_LONGEST_MESSAGE = 200
_HEADER = re.compile(r"authorization|\bbasic\s+\S{8}", re.IGNORECASE)
# Personal data that a vendor's message may quote: e-mail addresses and phone numbers.
_PERSONAL = re.compile(r"\S+@\S+|\+?\d[\d ().-]{7,}\d")

INACTIVE = 20005
TEST_CREDENTIALS = 20008
_DENIED = 20003


@dataclass(frozen=True, slots=True)
class Refusal:
    """The vendor's code and message; 0 and empty without them, or if the message must not be shown."""

    code: int = 0
    message: str = ""

    @property
    def said(self) -> str:
        """A sentence with what the API says; empty if it says nothing."""
        if not self.code:
            return ""
        if not self.message:
            return f" The API says: code {self.code}."
        return f" The API says: {self.message.rstrip('.')} (code {self.code})."


class _Body(msgspec.Struct):
    code: int
    message: msgspec.Raw = msgspec.Raw(b"null")


def read_refusal(body: bytes, secrets: Collection[bytes]) -> Refusal:
    """Parse the body of a refusal.

    secrets: texts that must not be shown. A message with one of them, or with a header, is left out.
    """
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refusal()
    try:
        message = msgspec.json.decode(found.message, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refusal(found.code)
    if (
        contains_secret(body, secrets)
        or contains_secret(message.encode(), secrets)
        or _HEADER.search(message)
    ):
        return Refusal(found.code)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in message).split())
    line = _PERSONAL.sub("…", line)
    return Refusal(found.code, line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…")


def why_refused(status: int, refusal: Refusal, provider: str, token_hint: str, scope: str) -> str:
    """Say in a sentence what a refusal with status 401 or 403 means, and what fits it.

    Args:
        status: The status, 401 or 403.
        refusal: What the body says.
        provider: Whose API it is: signalwire or twilio.
        token_hint: Where the token is from.
        scope: What the token needs, such as "the scope to read voice recordings".
    """
    if refusal.code == INACTIVE:
        return (
            f"the account is not active ({status}): it is suspended or closed. Reactivate it with the provider, or "
            "remove it from the settings; what has landed is kept."
        )
    if refusal.code == TEST_CREDENTIALS:
        return (
            f"the API refuses test credentials ({status}). Put the live account sid and token into the settings and "
            f"{token_hint}."
        )
    refused = f"the API refuses the credentials ({status})"
    if status == 403 and provider == "signalwire":
        return f"{refused}. The token is known but lacks a permission: it needs {scope}."
    words = f"{refused}. Check {token_hint} and the account sid; the token needs {scope}."
    if provider == "twilio" and refusal.code in (0, _DENIED):
        words += (
            " A suspended account, a key without permission and a token of another region are refused alike."
        )
    return words
