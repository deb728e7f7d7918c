"""SMS over HTTP: signed JSON out, JSON back.

One message: POST {"phone", "text", "message_id"}; answer {"provider_message_id", "accepted", "code"}. Many
(SMS_GATEWAY_BATCH_URL): {"messages": [such …]}, answer {"results": [such …]} in their order. What became of messages
(SMS_GATEWAY_QUERY_URL): {"message_ids": […]}, answer {"receipts": [{"body", "signature"} …]}: each the text of the
receipt that the gateway would have sent by itself.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any

from django.conf import settings

from notices import rules
from notices.models import Failure
from notices.providers import signature, sms_codes
from notices.providers.base import Outgoing, ProviderError, Sent, SignedReport

_LONGEST_ANSWER = 10_000
_LONGEST_OF_MANY = 1_000_000
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
        answer = _post(settings.SMS_GATEWAY_URL, _fields(message), timeout, _LONGEST_ANSWER)
        result = _result(answer)
        if isinstance(result, ProviderError):
            raise result
        return result

    def takes_many(self) -> bool:
        return bool(settings.SMS_GATEWAY_BATCH_URL)

    def send_many(self, messages: Sequence[Outgoing], *, timeout: float) -> list[Sent | ProviderError]:
        """An answer for each; raises ProviderError when the gateway has none for them all, which may be tried again."""
        fields = {"messages": [_fields(message) for message in messages]}
        answer = _post(settings.SMS_GATEWAY_BATCH_URL, fields, timeout, _LONGEST_OF_MANY)
        results = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list) or len(results) != len(messages):
            raise ProviderError("gateway's answer cannot be read", permanent=False)
        return [_result(each) for each in results]

    def is_polled(self) -> bool:
        return bool(settings.SMS_GATEWAY_QUERY_URL)

    def poll(self, message_ids: Sequence[str], *, timeout: float) -> list[SignedReport]:
        """The receipts as they were signed; whether they were, is for who takes them in to see."""
        fields = {"message_ids": list(message_ids)}
        answer = _post(settings.SMS_GATEWAY_QUERY_URL, fields, timeout, _LONGEST_OF_MANY)
        return signed_reports(answer)


def signed_reports(answer: Any) -> list[SignedReport]:
    """What an answer, or a callback with several receipts, holds; raises ProviderError when it cannot be read."""
    try:
        pairs = [(each["body"], each["signature"]) for each in answer["receipts"]]
        return [SignedReport(body.encode(), given) for body, given in pairs if isinstance(given, str)]
    except (KeyError, TypeError, AttributeError, UnicodeEncodeError):
        raise ProviderError("gateway's answer cannot be read", permanent=False) from None


def _fields(message: Outgoing) -> dict[str, str]:
    return {"phone": message.address, "text": message.body, "message_id": message.message_id}


def _post(url: str, fields: dict[str, Any], timeout: float, longest: int) -> Any:
    payload = json.dumps(fields, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        signature.HEADER: signature.of(payload, settings.SMS_GATEWAY_SECRET),
    }
    request = urllib.request.Request(url, data=payload, headers=headers, method="POST")
    try:
        with _opener.open(request, timeout=timeout) as answer:
            body: bytes = answer.read(longest)
    except urllib.error.HTTPError as error:
        raise _refused(error) from None
    except (OSError, HTTPException) as error:
        raise ProviderError(f"gateway away: {type(error).__name__}", permanent=False) from None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ProviderError("gateway's answer cannot be read", permanent=False) from None


def _refused(error: urllib.error.HTTPError) -> ProviderError:
    """A refusal of the request; where its body gives a code, that says more than the status."""
    with error:
        code = _code(error.read(_LONGEST_ANSWER))
    reason = f"gateway answered {error.code}" + (f": {code}" if code else "")
    refused = 400 <= error.code < 500 and error.code not in _WORTH_ANOTHER_TRY and error.code != 401
    return ProviderError(reason, permanent=refused, failure=_failure(code) if refused else Failure.OTHER)


def _code(body: bytes) -> str:
    try:
        code = json.loads(body)["code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return code if isinstance(code, str) and len(code) <= 40 and code.isascii() and code.isprintable() else ""


def _failure(code: str) -> Failure:
    return Failure(rules.failure_of_sms(code, sms_codes.configured()))


def _result(answer: Any) -> Sent | ProviderError:
    """What the gateway says about one message."""
    try:
        is_accepted, number = answer["accepted"], answer.get("provider_message_id")
    except (KeyError, TypeError, AttributeError):
        return ProviderError("gateway's answer cannot be read", permanent=False)
    if is_accepted is True and isinstance(number, str) and 0 < len(number) <= 80:
        return Sent(number)
    code = answer.get("code")
    if is_accepted is False and isinstance(code, str) and code:
        is_final = code in sms_codes.FOR_GOOD or _failure(code) == Failure.HARD
        failure = _failure(code) if is_final else Failure.OTHER
        return ProviderError(f"gateway refused: {code[:40]}", permanent=is_final, failure=failure)
    return ProviderError("gateway did not accept the message", permanent=is_accepted is False)
