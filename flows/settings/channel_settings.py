"""The `[[notify]]` entries of recspend.toml: who is told of findings, and how."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from flows.stores.channels.smtp import is_address
from transforms.monitor.findings import KINDS, Kind

_NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,49}$"


class _ChannelSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str | None = Field(default=None, pattern=_NAME, description="what it is called; else its kind")
    on: tuple[Kind, ...] = Field(default=KINDS, min_length=1, description="of which findings")


class WebhookSettings(_ChannelSettings):
    """A webhook. Its address is a secret: where others may read the file, it is named and not given."""

    kind: Literal["webhook"] = Field(description="a POST of JSON, with a text as Slack takes it")
    url: SecretStr | None = Field(
        default=None, description="its address, where nobody else may read this file"
    )
    url_env: str | None = Field(
        default=None, description="the variable that holds the address", examples=["SLACK_WEBHOOK_URL"]
    )
    url_file: Path | None = Field(
        default=None, description="in place of `url_env`: the file that holds the address alone"
    )

    @model_validator(mode="after")
    def _one_address(self) -> "WebhookSettings":
        if sum(given is not None for given in (self.url, self.url_env, self.url_file)) != 1:
            raise ValueError("give one of url, url_env and url_file")
        return self


class AppriseSettings(_ChannelSettings):
    """A service that apprise knows. Its address is a secret, so it is never in this file."""

    kind: Literal["apprise"] = Field(
        description="Teams, PagerDuty, ntfy, or another service that apprise has an address for"
    )
    url_env: str | None = Field(
        default=None, description="the variable that holds the address", examples=["APPRISE_URL"]
    )
    url_file: Path | None = Field(
        default=None, description="in place of `url_env`: the file that holds the address alone"
    )

    @model_validator(mode="before")
    @classmethod
    def _no_address(cls, given: Any) -> Any:
        if isinstance(given, dict) and "url" in given:
            raise ValueError("the address never stands in this file; name its variable as url_env")
        return given

    @model_validator(mode="after")
    def _one_address(self) -> "AppriseSettings":
        if (self.url_env is None) == (self.url_file is None):
            raise ValueError("give one of url_env and url_file")
        return self


class EmailSettings(_ChannelSettings):
    """E-mail through an SMTP server."""

    kind: Literal["email"] = Field(description="a message through an SMTP server")
    host: str = Field(min_length=1, description="the SMTP server", examples=["smtp.example.com"])
    port: int | None = Field(
        default=None, ge=1, le=65535, description="its port; else the usual one of its security"
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="how the connection is encrypted"
    )
    sender: str = Field(
        alias="from", min_length=1, description="who sends it", examples=["recspend@example.com"]
    )
    to: tuple[str, ...] = Field(min_length=1, description="who gets it", examples=[("finance@example.com",)])
    user: str | None = Field(default=None, description="user of the server, when it wants one")
    password_env: str | None = Field(default=None, description="the variable that holds its password")
    password_file: Path | None = Field(
        default=None, description="in place of `password_env`: the file that holds the password alone"
    )

    @model_validator(mode="before")
    @classmethod
    def _no_password(cls, given: Any) -> Any:
        if isinstance(given, dict) and "password" in given:
            raise ValueError("a password never stands in this file; name its variable as password_env")
        return given

    @field_validator("sender", "to")
    @classmethod
    def _addresses(cls, value: Any) -> Any:
        if not all(map(is_address, [value] if isinstance(value, str) else value)):
            raise ValueError("is no e-mail address")
        return value

    @model_validator(mode="after")
    def _whole(self) -> "EmailSettings":
        given = sum(each is not None for each in (self.password_env, self.password_file))
        if given != (self.user is not None):
            raise ValueError("a user needs one of password_env and password_file, and they need a user")
        if self.user is not None and self.security == "none":
            raise ValueError("security = none would send the password unencrypted")
        return self


class CommandSettings(_ChannelSettings):
    """A command that gets each message on its standard input."""

    kind: Literal["command"] = Field(description="a program that gets the message as JSON on standard input")
    command: tuple[str, ...] = Field(
        min_length=1,
        description="the program and its arguments",
        examples=[("/usr/local/bin/tell", "finance")],
    )


ChannelSettings = Annotated[
    WebhookSettings | AppriseSettings | EmailSettings | CommandSettings, Field(discriminator="kind")
]


def _told_apart(channels: list[ChannelSettings]) -> list[ChannelSettings]:
    names = [each.name or each.kind for each in channels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two have the name {twice[0]}; give each its own")
    return channels


Channels = Annotated[list[ChannelSettings], AfterValidator(_told_apart)]
