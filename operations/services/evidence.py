"""The second confirmation: sending the code, checking what the customer gave, the evidence that stays on the slip."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts import phones
from accounts.services import codes
from core import idempotency
from core.errors import HallError
from operations.context import Confirmation, Context
from operations.inputs import plain
from operations.registry import Operation


class NotConfirmed(HallError):
    code = "NOT_CONFIRMED"
    message = _("请先确认办理内容")
    status = 422


class CodeMissing(HallError):
    code = "CODE_MISSING"
    message = _("请填写短信验证码")
    status = 422


class NoCodeNeeded(HallError):
    code = "NO_CODE_NEEDED"
    message = _("这项业务不需要短信验证码")
    status = 409


def send_code(operation: Operation, ctx: Context, data: Mapping[str, Any]) -> str:
    """Sends the code for exactly these data; returns the masked address, or "" where even that is nobody's business."""
    if operation.confirmation != Confirmation.SMS_CODE:
        raise NoCodeNeeded()
    address = operation.confirmation_address(ctx, dict(data))
    codes.issue(  # with the address "" it does the same work and sends nothing
        purpose=_purpose(operation),
        subject=_subject(ctx, data),
        address=address,
        as_of=ctx.as_of,
        target=operation.confirmation_target(ctx, dict(data)),
        who=ctx.actor.ref,
        client_address=ctx.address,
    )
    return phones.mask(address) if address and not operation.address_is_secret else ""


def take(
    operation: Operation, ctx: Context, data: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, Any]:
    """The evidence to keep. Raises NotConfirmed, CodeMissing or what `codes.check` refuses.

    Call it outside any savepoint that a refusal rolls back: a wrong code is counted in the database.
    """
    if given.get("agreed") != "yes":
        raise NotConfirmed()
    evidence = {"kind": operation.confirmation.value, "at": ctx.as_of.isoformat(), "ip": ctx.address or ""}
    if operation.confirmation == Confirmation.SMS_CODE:
        evidence |= _code_evidence(operation, ctx, data, given.get("code", "").strip())
    return evidence


def _code_evidence(operation: Operation, ctx: Context, data: Mapping[str, Any], code: str) -> dict[str, Any]:
    if not code:
        raise CodeMissing()
    row = codes.check(purpose=_purpose(operation), subject=_subject(ctx, data), code=code, as_of=ctx.as_of)
    return {"address": phones.mask(row.address), "code_id": row.pk, "sent_at": row.created_at.isoformat()}


def _purpose(operation: Operation) -> str:
    return f"operation:{operation.code}"


def _subject(ctx: Context, data: Mapping[str, Any]) -> str:
    """A code is good for this person and exactly these data, so that it cannot confirm another amount or account."""
    content = idempotency.digest({name: plain(value) for name, value in data.items()})
    return f"user:{ctx.user.pk}|{content[:40]}"
