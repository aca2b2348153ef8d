"""The channels that the settings describe, ready to send. Secrets are read when something is sent, and not before."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flows.channel_settings import ChannelSettings, CommandSettings, EmailSettings, WebhookSettings
from flows.lanes import Clock
from flows.settings import Settings
from flows.stores import mailbox, program, webhook
from flows.stores.secret_file import read_secret
from transforms.credentials import secret_in
from transforms.errors import ConfigError
from transforms.findings import Kind
from transforms.messages import Message

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_OUR_TOKEN = "RECSPEND_API_TOKEN"  # noqa: S105 (the variable's name, not its content)


@dataclass(frozen=True, slots=True)
class Channel:
    """Somebody to be told: by which name, of which kinds of findings, and how.

    send raises ConfigError when a secret is missing, and DeliveryError when the message was not taken.
    """

    name: str
    kinds: frozenset[Kind]
    send: Callable[[Message], None]


def channels(settings: Settings, clock: Clock) -> list[Channel]:
    """All channels of the settings. Reads no secret."""
    return [
        Channel(each.name or each.kind, frozenset(each.on), _sender(each, settings, clock))
        for each in settings.notify
    ]


def _sender(channel: ChannelSettings, settings: Settings, clock: Clock) -> Callable[[Message], None]:
    match channel:
        case WebhookSettings():
            return partial(_post, channel)
        case EmailSettings():
            return partial(_mail, channel, clock)
        case CommandSettings():
            return partial(program.hand_over, channel.command, _environment(settings))


def _post(channel: WebhookSettings, message: Message) -> None:
    given = channel.url.get_secret_value() if channel.url else None
    url = given or _secret(
        channel.name or channel.kind, "the address of the webhook", "url", channel.url_env, channel.url_file
    )
    webhook.post(url, message)


def _mail(channel: EmailSettings, clock: Clock, message: Message) -> None:
    password = ""
    if channel.user is not None:
        password = _secret(
            channel.name or channel.kind,
            "the password",
            "password",
            channel.password_env,
            channel.password_file,
        )
    server = mailbox.MailServer(channel.host, channel.port, channel.security, channel.user)
    mailbox.send(server, password, channel.sender, channel.to, message, clock())


def _secret(channel: str, what: str, key: str, variable: str | None, file: Path | None) -> str:
    if file is not None:
        return read_secret(file, f"Channel {channel}: the file that {key}_file names", what)
    # Who puts the secret itself there must not find it in a message.
    named = variable if variable and _VARIABLE.fullmatch(variable) else f"that {key}_env names"
    text = os.environ.get(variable or "")
    if not text:
        raise ConfigError(f"Channel {channel}: the variable {named} is not set. It must hold {what}.")
    return secret_in(text, f"Channel {channel}: the variable {named}", what)


def _environment(settings: Settings) -> dict[str, str]:
    """The environment of a command: all of ours but the tokens, which it has no use for."""
    tokens = {_OUR_TOKEN, *(account.token_env for account in settings.accounts)}
    return {name: value for name, value in os.environ.items() if name not in tokens}
