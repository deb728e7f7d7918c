"""What a provider says became of a delivery. Kept as received; believed only with the right signature.

SMS gateways and mail providers speak alike: POST {"provider_message_id", "message_id", "status", "at", "error", "code"}
with X-Signature, the hex HMAC-SHA256 over the body. SMS: DELIVERED, or FAILED with the carrier's code for why. E-mail:
DELIVERED, BOUNCED_HARD (the address takes no mail), BOUNCED_SOFT (not now) or COMPLAINED (its reader calls it spam);
there `provider_message_id` is the mail's Message-ID, and `message_id` may be empty.
"""

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.db import transaction
from django.utils.dateparse import parse_datetime

from core import logs
from notices import locks, rules
from notices.models import Channel, Delivery, DeliveryReceipt, DeliveryState, Failure
from notices.providers import signature, sms_codes
from notices.services import failures, fallbacks

log = logging.getLogger(__name__)
LONGEST = 10_000  # bytes
LONGEST_OF_MANY = 500_000
_HEAD = 40  # bytes, within which a callback says that it brings several
_STATUSES: dict[str, frozenset[str]] = {
    Channel.SMS: frozenset({rules.DELIVERED, rules.FAILED}),
    Channel.EMAIL: frozenset({rules.DELIVERED, rules.BOUNCED_HARD, rules.BOUNCED_SOFT, rules.COMPLAINED}),
}
_PROVIDERS: dict[str, str] = {Channel.SMS: "sms", Channel.EMAIL: "email"}  # their codes in providers.registry
_UNVERIFIED_AN_HOUR = 100  # evidence of an attack; more of it would be the attack


class Verdict(Enum):
    TAKEN = "taken"  # also when it has been here before
    UNKNOWN = "unknown"  # kept, but we know no such message
    FORGED = "forged"
    UNREADABLE = "unreadable"


_WORST_FIRST = (Verdict.FORGED, Verdict.UNREADABLE, Verdict.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Report:
    provider_message_id: str
    message_id: str
    status: str
    reported_at: datetime | None
    error: str
    code: str = ""  # the gateway's own, for a failure


def take(*, raw: bytes, given_signature: str, as_of: datetime, channel: Channel = Channel.SMS) -> Verdict:
    """Keeps one receipt and lets it say its word about the delivery. The same again changes nothing."""
    if len(raw) > LONGEST:
        return Verdict.UNREADABLE
    provider = _PROVIDERS[channel]
    report = _parse(raw, channel)
    if not signature.is_valid(raw, given_signature, _secret(channel)):
        _keep_forged(report, raw, provider, as_of)
        return Verdict.FORGED
    if report is None:
        log.warning("receipt cannot be read", extra={"provider": provider})
        return Verdict.UNREADABLE
    return _apply(report, raw, provider, as_of)


def take_many(*, raw: bytes, given_signature: str, as_of: datetime) -> Verdict | None:
    """Keeps the receipts of a callback that brings several, each signed by itself; None: it is not one of these.

    The worst of their verdicts, so that a gateway whose receipts are not believed learns of it. What is not signed as a
    whole is not looked at.
    """
    reports = _several(raw)
    if reports is None:
        return None
    if len(raw) > LONGEST_OF_MANY:
        return Verdict.UNREADABLE
    if not signature.is_valid(raw, given_signature, settings.SMS_GATEWAY_SECRET):
        _keep_forged(None, raw[:LONGEST], _PROVIDERS[Channel.SMS], as_of)
        return Verdict.FORGED
    verdicts = {take(raw=body, given_signature=given, as_of=as_of) for body, given in reports}
    return next((verdict for verdict in _WORST_FIRST if verdict in verdicts), Verdict.TAKEN)


def _several(raw: bytes) -> list[tuple[bytes, str]] | None:
    if b'"receipts"' not in raw[:_HEAD]:
        return None
    try:
        listed = json.loads(raw)["receipts"]
        return [(each["body"].encode(), str(each["signature"])) for each in listed]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _secret(channel: Channel) -> str:
    secret: str = settings.SMS_GATEWAY_SECRET if channel == Channel.SMS else settings.EMAIL_WEBHOOK_SECRET
    return secret


@transaction.atomic
def _apply(report: Report, raw: bytes, provider: str, as_of: datetime) -> Verdict:
    delivery = _find(report, provider)
    row = _row(report, raw, provider, as_of, is_verified=True)
    row.delivery = delivery
    DeliveryReceipt.objects.bulk_create([row], ignore_conflicts=True)  # the same receipt again
    if delivery is None:
        log.warning("receipt for an unknown message", extra={"provider": provider})
        return Verdict.UNKNOWN
    _move(delivery, report, as_of)
    return Verdict.TAKEN


def _find(report: Report, provider: str) -> Delivery | None:
    """By our own reference first: the receipt may be faster than the worker that notes the provider's number."""
    number = report.message_id.partition("-")[0]
    if number.isascii() and number.isdecimal() and len(number) < 19:
        row = locks.delivery(int(number))
        if row and row.reference == report.message_id and row.channel == _channel(provider):
            return row
    return locks.delivery_of_provider(provider=provider, provider_message_id=report.provider_message_id)


def _channel(provider: str) -> str:
    return next(channel for channel, code in _PROVIDERS.items() if code == provider)


def _move(delivery: Delivery, report: Report, as_of: datetime) -> None:
    state = rules.state_after_receipt(delivery.state, report.status)
    failure = rules.failure_after_receipt(delivery.failure, state, report.status, _failure_said(report))
    if (state, failure) == (delivery.state, delivery.failure):
        return
    is_worse = failure not in ("", delivery.failure)
    if state == DeliveryState.DELIVERED and delivery.delivered_at is None:
        delivery.delivered_at = as_of  # our own clock: the provider's is kept on the receipt
        delivery.error = ""
        delivery.fallback_at = None
    elif is_worse:
        delivery.error = f"not delivered: {report.error}"[:200]
    delivery.state, delivery.failure, delivery.poll_at = state, failure, None
    delivery.save(update_fields=["state", "failure", "delivered_at", "error", "fallback_at", "poll_at"])
    if state == DeliveryState.FAILED:
        fallbacks.hasten(delivery, as_of=as_of)
    if is_worse:
        failures.tell(delivery, Failure(failure), as_of=as_of)


def _failure_said(report: Report) -> str:
    """What a gateway's code for the failure says about the number; "" where it gives none."""
    return rules.failure_of_sms(report.code, sms_codes.configured()) if report.code else ""


def _keep_forged(report: Report | None, raw: bytes, provider: str, as_of: datetime) -> None:
    log.warning("receipt with a wrong signature", extra={"provider": provider})
    recent = DeliveryReceipt.objects.filter(is_verified=False, received_at__gt=as_of - timedelta(hours=1))
    if recent.count() < _UNVERIFIED_AN_HOUR:
        _row(report or _NOTHING, raw, provider, as_of, is_verified=False).save()


def _row(report: Report, raw: bytes, provider: str, as_of: datetime, *, is_verified: bool) -> DeliveryReceipt:
    return DeliveryReceipt(
        provider=provider,
        provider_message_id=report.provider_message_id,
        status=report.status,
        reported_at=report.reported_at,
        received_at=as_of,
        is_verified=is_verified,
        raw=raw,
    )


def _parse(raw: bytes, channel: Channel) -> Report | None:
    try:
        values = json.loads(raw)
        texts = {name: values[name] for name in ("provider_message_id", "message_id", "status")}
        at, error, code = (values.get(name) or "" for name in ("at", "error", "code"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    is_plain = all(map(_is_plain, (*texts.values(), at, code))) and _is_plain(error, longest=500)
    if not is_plain or texts["status"] not in _STATUSES[channel] or not texts["provider_message_id"]:
        return None
    if channel == Channel.EMAIL:
        texts |= _ids_of_mail(**texts)
    return Report(
        **texts, reported_at=_moment(at), error=logs.mask(error), code=code
    )  # servers quote the address


def _ids_of_mail(*, provider_message_id: str, message_id: str, status: str) -> dict[str, str]:
    """Providers drop the brackets of a Message-ID; ours begins with the delivery's reference."""
    bare = provider_message_id.strip("<>")
    return {"provider_message_id": f"<{bare}>"[:80], "message_id": message_id or bare.partition("@")[0]}


def _is_plain(value: object, *, longest: int = 80) -> bool:
    return isinstance(value, str) and len(value) <= longest and "\0" not in value


def _moment(text: str) -> datetime | None:
    """None for a time that cannot be read, or that does not say its zone."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


_NOTHING = Report(provider_message_id="", message_id="", status="", reported_at=None, error="")
