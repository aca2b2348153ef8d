"""Apprise: messages to whatever it has a service for, such as Teams, PagerDuty, ntfy or Matrix, by an address.

The address holds the secret. Apprise logs addresses, and urllib3 paths, so neither logs while a message is sent.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from apprise import Apprise, AppriseAsset, NotifyFormat, PersistentStoreMode

from transforms.errors import ConfigError, DeliveryError
from transforms.monitor.messages import Message

_LOGGERS = ("apprise", "urllib3.connectionpool", "requests_oauthlib")


def service(url: str) -> str:
    """The name of the service that the address is of. Raises ConfigError, which never names the address."""
    with _silent():
        return str(_opened(url)[0].service_name)


def notify(url: str, message: Message) -> None:
    """Send a message. Raises DeliveryError when it was not taken, and ConfigError for an address that cannot be one."""
    with _silent():
        opened = _opened(url)
        title, _, body = message.text.partition("\n")
        try:
            is_taken = opened.notify(body, title, body_format=NotifyFormat.TEXT)
        except Exception:  # whatever a service's plugin raises may hold the address
            is_taken = False
    if not is_taken:
        raise DeliveryError(
            f"{opened[0].service_name} did not take the message. Check its address, and whether it is still valid."
        ) from None


def _opened(url: str) -> Apprise:
    """The one service of the address. Loads all plugins of apprise, which takes a second."""
    asset = AppriseAsset(
        app_id="recspend",
        app_desc="recspend",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        async_mode=False,
        pem_autogen=False,
        pgp_autogen=False,
        storage_mode=PersistentStoreMode.MEMORY,
    )
    plugin = Apprise.instantiate(url.strip(), asset=asset)
    if not plugin:
        raise ConfigError(
            "The address of the apprise channel is not one that apprise knows. Its documentation lists them by service."
        )
    opened = Apprise(asset=asset)
    opened.add(plugin)
    return opened


@contextmanager
def _silent() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of what its plugins import
            yield
    finally:
        for logger, was_disabled in zip(loggers, before, strict=True):
            logger.disabled = was_disabled
