"""Send messages as e-mail through an SMTP server."""

import logging
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError, NonASCIILocalPartDefect
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Literal

from transforms.errors import DeliveryError
from transforms.monitor.messages import Message

Security = Literal["starttls", "tls", "none"]
_PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}
_TIMEOUT_SECONDS = 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server. port: None for the usual one. user: None if the server requires no login."""

    host: str
    port: int | None
    security: Security
    user: str | None


def send(
    server: MailServer, password: str, sender: str, recipients: Sequence[str], message: Message, now: datetime
) -> None:
    """Send a message as plain text, dated now. Raises DeliveryError if the server accepts it for no recipient."""
    try:
        mail = _mail(sender, recipients, message, now)
        with _connected(server) as client:
            if server.security == "starttls":
                client.starttls(context=ssl.create_default_context())
            if server.user is not None:
                client.login(server.user, password)
            refused = client.send_message(mail)
    except smtplib.SMTPResponseException as error:
        raise DeliveryError(
            f"The mail server {server.host} refused the message ({type(error).__name__}, {error.smtp_code}). {_CHECK}"
        ) from None
    except (OSError, MessageError, ValueError) as error:  # errors of smtplib are OSErrors
        raise DeliveryError(
            f"The mail server {server.host} did not accept the message ({type(error).__name__}). {_CHECK}"
        ) from None
    if refused:
        logger.warning(
            "The mail server %s refused %d of %d recipients.", server.host, len(refused), len(recipients)
        )


def is_address(text: str) -> bool:
    """Check whether a text is a valid sender or recipient: one or more addresses, each with or without a name.

    Makes no DNS request, and accepts host names of a local network as well.
    """
    from email_validator import validate_email  # noqa: PLC0415 (settings load this module, with or without e-mail)

    mail = EmailMessage()
    try:
        mail["To"] = text
        for each in mail["To"].addresses:
            # The suffix makes host names of a local network pass, such as root@localhost, which are refused otherwise.
            address = each.addr_spec if each.domain.endswith("]") else f"{each.addr_spec}.example"
            validate_email(
                address, check_deliverability=False, allow_quoted_local=True, allow_domain_literal=True
            )
    except Exception:  # the standard library's parser raises IndexError or AttributeError for some texts
        return False
    is_clean = all(isinstance(defect, NonASCIILocalPartDefect) for defect in mail["To"].defects)
    return is_clean and bool(mail["To"].addresses)


_CHECK = "Check host, port, security, user, password and addresses."


@contextmanager
def _connected(server: MailServer) -> Iterator[smtplib.SMTP]:
    """Connect for the block. smtplib's own context manager raises if QUIT fails, even if the mail was accepted."""
    client = _client(server)
    try:
        yield client
    finally:
        with suppress(OSError):
            client.quit()
        client.close()


def _client(server: MailServer) -> smtplib.SMTP:
    port = server.port or _PORTS[server.security]
    if server.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, port, timeout=_TIMEOUT_SECONDS, context=context)
    return smtplib.SMTP(server.host, port, timeout=_TIMEOUT_SECONDS)


def _mail(sender: str, recipients: Sequence[str], message: Message, now: datetime) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, ", ".join(recipients)
    mail["Subject"] = f"recspend: {message.title}"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = make_msgid(domain=mail["From"].addresses[0].domain)
    mail["Auto-Submitted"] = "auto-generated"  # so that no out-of-office message is sent in reply
    mail.set_content(message.text)
    return mail
