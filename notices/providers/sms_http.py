"""SMS over HTTP: POST {"phone", "text", "message_id"}, signed; answer {"provider_message_id", "accepted"}."""

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from django.conf import settings

from notices.providers import signature
from notices.providers.base import Outgoing, ProviderError, Sent

_LONGEST_ANSWER = 10_000
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429})


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A gateway that moves is a change of configuration; codes are not sent after it."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


class SmsGateway:
    code = "sms"

    def send(self, message: Outgoing, *, timeout: float) -> Sent:
        """Raises ProviderError: permanent for a refusal of the message, not so for a gateway that is away or busy."""
        if not settings.SMS_GATEWAY_URL:
            raise ProviderError("SMS_GATEWAY_URL is not set", permanent=False)
        fields = {"phone": message.address, "text": message.body, "message_id": message.message_id}
        return _read(_post(json.dumps(fields, ensure_ascii=False).encode(), timeout))


def _post(payload: bytes, timeout: float) -> bytes:
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        signature.HEADER: signature.of(payload, settings.SMS_GATEWAY_SECRET),
    }
    request = urllib.request.Request(settings.SMS_GATEWAY_URL, data=payload, headers=headers, method="POST")
    try:
        with _opener.open(request, timeout=timeout) as answer:
            body: bytes = answer.read(_LONGEST_ANSWER)
    except urllib.error.HTTPError as error:
        error.close()
        refused = 400 <= error.code < 500 and error.code not in _WORTH_ANOTHER_TRY and error.code != 401
        raise ProviderError(f"gateway answered {error.code}", permanent=refused) from None
    except (OSError, HTTPException) as error:
        raise ProviderError(f"gateway away: {type(error).__name__}", permanent=False) from None
    return body


def _read(answer: bytes) -> Sent:
    try:
        values = json.loads(answer)
        number = values["provider_message_id"] if values["accepted"] is True else None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProviderError("gateway's answer cannot be read", permanent=False) from None
    if not isinstance(number, str) or not 0 < len(number) <= 80:
        raise ProviderError("gateway did not accept the message", permanent=values["accepted"] is False)
    return Sent(number)
