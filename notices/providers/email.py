"""E-mail through Django's mail back end.

What the mail server refuses while it is spoken to is judged here; what comes back later is reported by the mail
provider's webhook (see services.receipts).
"""

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from notices import rules
from notices.models import Failure
from notices.providers.base import Outgoing, ProviderError, Sent


class Email:
    code = "email"

    def send(self, message: Outgoing, *, timeout: float) -> Sent:
        """Raises ProviderError: permanent when the server refuses the recipient or the mail for good."""
        mail = _mail(message, timeout)
        try:
            mail.send()
        except smtplib.SMTPRecipientsRefused as error:
            raise _refusal(error) from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise ProviderError(f"mail server: {type(error).__name__}", permanent=_is_final(error)) from None
        return Sent(mail.extra_headers["Message-ID"][:80])


def headers_of(message: Outgoing) -> dict[str, str]:
    """The headers beside From, To and Subject. One-click unsubscribing: RFC 8058."""
    headers = {"Message-ID": f"<{message.message_id}@{domain()}>", "Auto-Submitted": "auto-generated"}
    if message.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def domain() -> str:
    """What stands behind the @ of our Message-IDs."""
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ")


def _mail(message: Outgoing, timeout: float) -> EmailMessage:
    mail = EmailMessage(
        subject=message.title,
        body=message.body,
        to=[message.address],
        headers=headers_of(message),
        connection=_connection(timeout),
    )
    if message.attachment:
        mail.attach(message.attachment.name, message.attachment.content, message.attachment.media_type)
    return mail


def _refusal(error: smtplib.SMTPRecipientsRefused) -> ProviderError:
    """One recipient a mail, so one answer; a back end that gives none has refused for good."""
    code, text = next(iter(error.recipients.values()), (550, b""))
    said = text.decode("ascii", errors="replace") if isinstance(text, bytes) else str(text)
    failure = Failure(rules.failure_of_smtp(int(code), said))
    return ProviderError(f"recipient refused: {int(code)}", permanent=int(code) >= 500, failure=failure)


def _is_final(error: Exception) -> bool:
    """An address or title that no mail can have, or a mail that the server takes at no time."""
    if isinstance(error, smtplib.SMTPDataError):
        return int(error.smtp_code) >= 500
    return isinstance(error, ValueError)


def _connection(timeout: float) -> BaseEmailBackend:
    """Only the SMTP back end knows a time-out; the others take any keyword and ignore it."""
    return get_connection(timeout=timeout)
