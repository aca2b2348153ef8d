"""The channels in the settings, ready to send. A secret is only read when something is sent."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flows.settings.channel_settings import (
    AppriseSettings,
    ChannelSettings,
    CommandSettings,
    EmailSettings,
    WebhookSettings,
)
from flows.settings.settings import Settings
from flows.settings.tokens import secret_of_variable, secret_variables
from flows.stage import Clock
from flows.stores.channels import command as program
from flows.stores.channels import smtp as mailbox
from flows.stores.channels import webhook
from flows.stores.folder.secret_file import read_secret
from flows.stores.prefect.safe_path import without_safe_path
from transforms.errors import ConfigError
from transforms.monitor.findings import Kind
from transforms.monitor.messages import Message


@dataclass(frozen=True, slots=True)
class Channel:
    """A notification channel: its name, the kinds of findings it gets, and how to send them.

    ready reads the secret or finds the program and returns a description of where messages go. It sends nothing and
    raises ConfigError. send raises ConfigError too, and DeliveryError if the message was not accepted.
    """

    name: str
    kinds: frozenset[Kind]
    ready: Callable[[], str]
    send: Callable[[Message], None]


def channels(settings: Settings, clock: Clock) -> list[Channel]:
    """Return all channels in the settings. Reads no secret."""
    return [
        Channel(each.name or each.kind, frozenset(each.on), *_ways(each, settings, clock))
        for each in settings.notify
    ]


def _ways(
    channel: ChannelSettings, settings: Settings, clock: Clock
) -> tuple[Callable[[], str], Callable[[Message], None]]:
    match channel:
        case WebhookSettings():
            return partial(_ready_to_post, channel), partial(_post, channel)
        case AppriseSettings():
            return partial(_ready_for_apprise, channel), partial(_by_apprise, channel)
        case EmailSettings():
            return partial(_ready_to_mail, channel), partial(_mail, channel, clock)
        case CommandSettings(command=command):
            handed = partial(program.hand_over, command, _environment(settings))
            return partial(program.found, command), handed


def _ready_to_post(channel: WebhookSettings) -> str:
    if not webhook.is_webhook_url(_address(channel)):
        raise ConfigError(webhook.NO_ADDRESS)
    return "a webhook"


def _post(channel: WebhookSettings, message: Message) -> None:
    webhook.post(_address(channel), message)


def _ready_for_apprise(channel: AppriseSettings) -> str:
    from flows.stores.channels import apprise

    return f"{apprise.service(_address(channel))} through apprise"


def _by_apprise(channel: AppriseSettings, message: Message) -> None:
    from flows.stores.channels import apprise

    apprise.notify(_address(channel), message)


def _ready_to_mail(channel: EmailSettings) -> str:
    _password(channel)
    return f"e-mail to {', '.join(channel.to)} through {channel.host}"


def _mail(channel: EmailSettings, clock: Clock, message: Message) -> None:
    server = mailbox.MailServer(channel.host, channel.port, channel.security, channel.user)
    mailbox.send(server, _password(channel), channel.sender, channel.to, message, clock())


def _address(channel: WebhookSettings | AppriseSettings) -> str:
    if isinstance(channel, WebhookSettings) and channel.url is not None:
        return channel.url.get_secret_value()
    called = channel.name or channel.kind
    what = "the address of the webhook" if channel.kind == "webhook" else "the address for apprise"
    return _secret(called, what, "url", channel.url_env, channel.url_file)


def _password(channel: EmailSettings) -> str:
    if channel.user is None:
        return ""
    called = channel.name or channel.kind
    return _secret(called, "the password", "password", channel.password_env, channel.password_file)


def _secret(channel: str, what: str, key: str, variable: str | None, file: Path | None) -> str:
    if file is not None:
        return read_secret(file, f"Channel {channel}: the file that {key}_file names", what)
    return secret_of_variable(variable or "", f"Channel {channel}", f"{key}_env", what)


def _environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a command: ours without the secrets of the settings, and without Prefect's variables.

    Prefect's hold the login of its server, or the password of its database.
    """
    secrets = secret_variables(settings)
    return without_safe_path(
        {
            name: value
            for name, value in os.environ.items()
            if name.upper() not in secrets and not name.upper().startswith("PREFECT_")
        }
    )
