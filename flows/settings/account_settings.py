"""The `[[accounts]]` entries of recspend.toml: whose recordings are read, and where each token is."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Provider = Literal["signalwire", "twilio"]


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
        description="the variable that holds the token; tokens never stand in this file",
        examples=["SUPPORT_TOKEN"],
    )
    token_file: Path | None = Field(
        default=None, description="in place of `token_env`: the file that holds the token alone"
    )
    token_block: str | None = Field(
        default=None, description="in place of `token_env`: the Prefect Secret block that holds the token"
    )
    api_user: str | None = Field(
        default=None,
        description="user of HTTP Basic, for an API key (its sid); else the account sid",
        examples=["your-api-key-sid"],
    )
    provider: Provider = Field(default="signalwire", description="whose API it is")
