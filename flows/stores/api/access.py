"""How to reach an account: the settings that the API client needs."""

from dataclasses import dataclass
from datetime import date
from typing import Literal


@dataclass(frozen=True, slots=True)
class AccountAccess:
    """How to reach one account. `token_hint` names the token's source: a variable, a file or a Secret block.

    created_on: the day (UTC) it was created; None if that is not known.
    """

    name: str
    account_sid: str
    base_url: str
    user: str
    token: str
    provider: Literal["signalwire", "twilio"]
    token_hint: str
    created_on: date | None = None

    def __repr__(self) -> str:
        return f"AccountAccess({self.name!r}, {self.account_sid!r}, {self.base_url!r})"
