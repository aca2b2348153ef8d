"""The `[[notify]]` entries of recspend.toml: who is notified of findings, and how."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from flows.stores.channels.smtp import is_address
from transforms.monitor.findings import KINDS, Kind

_NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,49}$"


class _ChannelSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str | None = Field(
        default=None, pattern=_NAME, description="the channel's name in messages; default: its kind"
    )
    on: tuple[Kind, ...] = Field(default=KINDS, min_length=1, description="which findings to send")


class WebhookSettings(_ChannelSettings):
    """A webhook. Its URL is a secret: if others may read the file, use `url_env` or `url_file`."""

    kind: Literal["webhook"] = Field(description="a JSON POST request with a `text` field, as Slack expects")
    url: SecretStr | None = Field(
        default=None, description="the webhook's URL; only if nobody else can read this file"
    )
    url_env: str | None = Field(
        default=None, description="the variable that holds the URL", examples=["SLACK_WEBHOOK_URL"]
    )
    url_file: Path | None = Field(
        default=None, description="instead of `url_env`: a file that holds only the URL"
    )

    @model_validator(mode="after")
    def _one_address(self) -> "WebhookSettings":
        if sum(given is not None for given in (self.url, self.url_env, self.url_file)) != 1:
            raise ValueError("set exactly one of url, url_env and url_file")
        return self


class AppriseSettings(_ChannelSettings):
    """A service that apprise supports. Its address is a secret, so it is never in this file."""

    kind: Literal["apprise"] = Field(
        description="Teams, PagerDuty, ntfy, or another service that apprise supports"
    )
    url_env: str | None = Field(
        default=None, description="the variable that holds the address", examples=["APPRISE_URL"]
    )
    url_file: Path | None = Field(
        default=None, description="instead of `url_env`: a file that holds only the address"
    )

    @model_validator(mode="before")
    @classmethod
    def _no_address(cls, given: Any) -> Any:
        if isinstance(given, dict) and "url" in given:
            raise ValueError("never put the address into this file; name its variable in url_env")
        return given

    @model_validator(mode="after")
    def _one_address(self) -> "AppriseSettings":
        if (self.url_env is None) == (self.url_file is None):
            raise ValueError("set exactly one of url_env and url_file")
        return self


class EmailSettings(_ChannelSettings):
    """E-mail sent through an SMTP server."""

    kind: Literal["email"] = Field(description="an e-mail sent through an SMTP server")
    host: str = Field(min_length=1, description="the SMTP server", examples=["smtp.example.com"])
    port: int | None = Field(
        default=None, ge=1, le=65535, description="the server's port; default: the usual one for `security`"
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="how the connection is encrypted"
    )
    sender: str = Field(
        alias="from", min_length=1, description="the sender's address", examples=["recspend@example.com"]
    )
    to: tuple[str, ...] = Field(
        min_length=1, description="the recipients' addresses", examples=[("finance@example.com",)]
    )
    user: str | None = Field(default=None, description="the user to log in as, if the server requires it")
    password_env: str | None = Field(default=None, description="the variable that holds the user's password")
    password_file: Path | None = Field(
        default=None, description="instead of `password_env`: a file that holds only the password"
    )

    @model_validator(mode="before")
    @classmethod
    def _no_password(cls, given: Any) -> Any:
        if isinstance(given, dict) and "password" in given:
            raise ValueError("never put a password into this file; name its variable in password_env")
        return given

    @field_validator("sender", "to")
    @classmethod
    def _addresses(cls, value: Any) -> Any:
        if not all(map(is_address, [value] if isinstance(value, str) else value)):
            raise ValueError("is not an e-mail address")
        return value

    @model_validator(mode="after")
    def _whole(self) -> "EmailSettings":
        given = sum(each is not None for each in (self.password_env, self.password_file))
        if given != (self.user is not None):
            raise ValueError(
                "set user together with exactly one of password_env and password_file, or none of them"
            )
        if self.user is not None and self.security == "none":
            raise ValueError("security = none would send the password unencrypted")
        return self


class CommandSettings(_ChannelSettings):
    """A command that receives each message on its standard input."""

    kind: Literal["command"] = Field(
        description="a program that receives the message as JSON on standard input"
    )
    command: tuple[str, ...] = Field(
        min_length=1,
        description="the program and its arguments",
        examples=[("/usr/local/bin/notify", "finance")],
    )


ChannelSettings = Annotated[
    WebhookSettings | AppriseSettings | EmailSettings | CommandSettings, Field(discriminator="kind")
]


def _with_unique_names(channels: list[ChannelSettings]) -> list[ChannelSettings]:
    names = [each.name or each.kind for each in channels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two channels have the name {twice[0]}; give each a different name")
    return channels


Channels = Annotated[list[ChannelSettings], AfterValidator(_with_unique_names)]
