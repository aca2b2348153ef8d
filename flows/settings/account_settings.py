"""The `[[accounts]]` entries of recspend.toml: which accounts to read, and where the token of each one is."""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Provider = Literal["signalwire", "twilio"]
Credits = Literal["count", "net"]

CREDITS_MEANING = (
    "what a price of the unusual sign is: a charge like the others (`count`), or a credit (`net`)"
)


LONGEST_INCREMENT = 3600
"""Seconds: a recording is billed in steps of an hour at most."""


class AccountSettings(BaseModel):
    """One `[[accounts]]` entry of recspend.toml."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = Field(description="its name in tables and messages", examples=["support"])
    base_url: str = Field(
        description="scheme and host of the API", examples=["https://example.signalwire.com"]
    )
    account_sid: str = Field(description="the account (project)", examples=["your-project-id"])
    token_env: str | None = Field(
        default=None,
        description="the variable that holds the token; never put a token into this file",
        examples=["SUPPORT_TOKEN"],
    )
    token_file: Path | None = Field(
        default=None, description="instead of `token_env`: a file that holds only the token"
    )
    token_block: str | None = Field(
        default=None, description="instead of `token_env`: the Prefect Secret block that holds the token"
    )
    api_user: str | None = Field(
        default=None,
        description="HTTP Basic user, when the token is an API key's secret: the key's sid; default: the account sid",
        examples=["your-api-key-sid"],
    )
    provider: Provider = Field(default="signalwire", description="the provider whose API is used")
    created_on: date | None = Field(
        default=None,
        description="the day (UTC) the account was created, if the API's list of accounts says so: its recordings are "
        "not older",
        examples=[date(2024, 5, 17)],
    )
    credits: Credits = Field(default="count", description=CREDITS_MEANING)
    billing_increment_seconds: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_INCREMENT,
        description="in steps of how many seconds it is billed; default: the setting of the same name for all accounts",
        examples=[60],
    )
