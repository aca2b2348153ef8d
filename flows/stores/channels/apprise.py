"""Send messages through apprise to any service it supports, such as Teams, PagerDuty, ntfy or Matrix.

The service's address contains the secret. Apprise logs addresses and urllib3 logs paths, so neither logs while a
message is sent.
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
    """Return the name of the address's service. Raises ConfigError, which never shows the address."""
    with _silent():
        return str(_opened(url)[0].service_name)


def notify(url: str, message: Message) -> None:
    """Send a message. Raises DeliveryError if it was not accepted, ConfigError if the address is invalid."""
    with _silent():
        opened = _opened(url)
        title, _, body = message.text.partition("\n")
        try:
            is_accepted = opened.notify(body, title, body_format=NotifyFormat.TEXT)
        except Exception:  # an error of a service's plugin may contain the address
            is_accepted = False
    if not is_accepted:
        raise DeliveryError(
            f"{opened[0].service_name} did not accept the message. Check that its address is still valid."
        ) from None


def _opened(url: str) -> Apprise:
    """Return the service of the address. Loads all plugins of apprise, which takes a second."""
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
            warnings.simplefilter("ignore", DeprecationWarning)  # from libraries of its plugins
            yield
    finally:
        for logger, was_disabled in zip(loggers, before, strict=True):
            logger.disabled = was_disabled
