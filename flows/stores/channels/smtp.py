"""E-mail through an SMTP server."""

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

from email_validator import validate_email

from transforms.errors import DeliveryError
from transforms.monitor.messages import Message

Security = Literal["starttls", "tls", "none"]
_PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}
_TIMEOUT_SECONDS = 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in. port: None for the usual one. user: None where the server asks for none."""

    host: str
    port: int | None
    security: Security
    user: str | None


def send(
    server: MailServer, password: str, sender: str, recipients: Sequence[str], message: Message, now: datetime
) -> None:
    """Send a message as plain text, dated now. Raises DeliveryError when the server takes it for nobody."""
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
            f"The mail server {server.host} refused ({type(error).__name__}, {error.smtp_code}). {_LOOK}"
        ) from None
    except (OSError, MessageError, ValueError) as error:  # what smtplib raises is an OSError
        raise DeliveryError(
            f"The mail server {server.host} did not take the message ({type(error).__name__}). {_LOOK}"
        ) from None
    if refused:
        logger.warning(
            "The mail server %s refused %d of %d recipients.", server.host, len(refused), len(recipients)
        )


def is_address(text: str) -> bool:
    """Whether mail can be sent to it, or from it: an address, with a name if wanted, or several of them.

    Asks no DNS server, and takes names of an own network as well.
    """
    mail = EmailMessage()
    try:
        mail["To"] = text
        for each in mail["To"].addresses:
            # The ending lets names of an own network pass, such as root@localhost, which it otherwise refuses.
            address = each.addr_spec if each.domain.endswith("]") else f"{each.addr_spec}.example"
            validate_email(
                address, check_deliverability=False, allow_quoted_local=True, allow_domain_literal=True
            )
    except Exception:  # the standard library's parser stumbles over some: IndexError, AttributeError
        return False
    is_clean = all(isinstance(defect, NonASCIILocalPartDefect) for defect in mail["To"].defects)
    return is_clean and bool(mail["To"].addresses)


_LOOK = "Look at host, port, security, user, password and addresses."


@contextmanager
def _connected(server: MailServer) -> Iterator[smtplib.SMTP]:
    """A connection for the block. smtplib's own raises when it is not taken leave of, though the mail was taken."""
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
    mail["Auto-Submitted"] = "auto-generated"  # so that nobody's absence note answers
    mail.set_content(message.text)
    return mail
