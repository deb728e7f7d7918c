"""E-mail through Django's mail back end. Mail servers send no receipts that we read: SENT is as far as it goes."""

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from notices.providers.base import ProviderError, Sent


class Email:
    code = "email"

    def send(self, *, address: str, title: str, body: str, message_id: str, timeout: float) -> Sent:
        """Raises ProviderError: permanent when the server refuses the recipient."""
        headers = {
            "Message-ID": f"<{message_id}@{settings.DEFAULT_FROM_EMAIL.rpartition('@')[2].rstrip('>')}>"
        }
        message = EmailMessage(
            subject=title, body=body, to=[address], headers=headers, connection=_connection(timeout)
        )
        try:
            message.send()
        except smtplib.SMTPRecipientsRefused:
            raise ProviderError("recipient refused", permanent=True) from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            is_broken = isinstance(error, ValueError)  # an address or title that no mail can have
            raise ProviderError(f"mail server: {type(error).__name__}", permanent=is_broken) from None
        return Sent(headers["Message-ID"][:80])


def _connection(timeout: float) -> BaseEmailBackend:
    """Only the SMTP back end knows a time-out; the others take any keyword and ignore it."""
    return get_connection(timeout=timeout)
