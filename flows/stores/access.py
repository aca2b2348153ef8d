"""How to reach an account: what of the settings the API needs."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one account. `token_hint` names the variable or setting that holds the token."""

    name: str
    account_sid: str
    base_url: str
    user: str
    token: str
    provider: Literal["signalwire", "twilio"]
    token_hint: str

    def __repr__(self) -> str:
        return f"Access({self.name!r}, {self.account_sid!r}, {self.base_url!r})"
