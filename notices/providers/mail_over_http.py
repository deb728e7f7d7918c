"""A mail back end for development: each mail goes to the stand-in mail provider, where a person can read it.

Never in production: it knows no log-in and no encryption. It raises what the SMTP back end raises.
"""

import json
import smtplib
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    def __init__(self, timeout: float = 5.0, **options: Any) -> None:
        super().__init__(**options)
        self._timeout = timeout

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """How many were taken. Raises OSError, or SMTPRecipientsRefused."""
        for message in email_messages:
            self._post(message)
        return len(email_messages)

    def _post(self, message: EmailMessage) -> None:
        request = urllib.request.Request(
            f"{settings.SANDBOX_URL}/mail/send",
            data=message.message().as_bytes(),
            headers={"Content-Type": "message/rfc822"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                said = json.load(answer)
        except (HTTPException, ValueError, urllib.error.HTTPError) as error:
            raise OSError(f"mail stand-in: {type(error).__name__}") from None
        if said["code"] != 250:
            refused = {address: (said["code"], said["text"].encode()) for address in message.to}
            raise smtplib.SMTPRecipientsRefused(refused)
