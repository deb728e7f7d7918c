"""The second confirmation: sending the code, checking what the customer gave, the evidence that stays on the slip."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts import addresses
from accounts.services import codes
from core import idempotency
from core.errors import HallError
from operations.context import Confirmation, Context
from operations.inputs import plain
from operations.registry import Operation
from operations.serving import acting


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


def needed(operation: Operation, ctx: Context) -> Confirmation:
    """The confirmation that this caller must give: staff who act for a customer never get by without a code."""
    return Confirmation.SMS_CODE if acting.asks_customer(operation, ctx) else operation.confirmation


def send_code(operation: Operation, ctx: Context, data: Mapping[str, Any]) -> str:
    """Sends the code for exactly these data; returns the masked address, or "" where even that is nobody's business.

    When staff act for a customer it goes to him, and the operation's own, where it proves something else, besides.
    """
    if needed(operation, ctx) != Confirmation.SMS_CODE:
        raise NoCodeNeeded()
    if not acting.asks_customer(operation, ctx):
        return _send_own(operation, ctx, data)
    with transaction.atomic():
        sent_to = acting.send_code(operation, ctx, data, content=_content(data))
        if acting.asks_other(operation, ctx, data):
            _send_own(operation, ctx, data)
    return sent_to


def _send_own(operation: Operation, ctx: Context, data: Mapping[str, Any]) -> str:
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
    return addresses.mask(address) if address and not operation.address_is_secret else ""


def take(
    operation: Operation, ctx: Context, data: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, Any]:
    """The evidence to keep. Raises NotConfirmed, CodeMissing or what `codes.check` refuses.

    Call it outside any savepoint that a refusal rolls back: a wrong code is counted in the database.
    """
    if given.get("agreed") != "yes":
        raise NotConfirmed()
    kind, code = needed(operation, ctx), given.get("code", "").strip()
    evidence: dict[str, Any] = {"kind": kind.value, "at": ctx.as_of.isoformat(), "ip": ctx.address or ""}
    if kind != Confirmation.SMS_CODE:
        return evidence
    if not acting.asks_customer(operation, ctx):
        return evidence | _code_evidence(operation, ctx, data, code)
    return evidence | _codes_for_clerk(operation, ctx, data, code, given.get("other_code", "").strip())


def _codes_for_clerk(
    operation: Operation, ctx: Context, data: Mapping[str, Any], code: str, other: str
) -> dict[str, Any]:
    """The customer's code, and first the operation's own where that is another phone's."""
    asks_other = acting.asks_other(operation, ctx, data)
    if not code or (asks_other and not other):
        raise CodeMissing()
    own = {"own": _code_evidence(operation, ctx, data, other)} if asks_other else {}
    return acting.check_code(operation, ctx, content=_content(data), code=code) | own


def _code_evidence(operation: Operation, ctx: Context, data: Mapping[str, Any], code: str) -> dict[str, Any]:
    if not code:
        raise CodeMissing()
    row = codes.check(purpose=_purpose(operation), subject=_subject(ctx, data), code=code, as_of=ctx.as_of)
    return acting.code_evidence(row)


def _purpose(operation: Operation) -> str:
    return f"operation:{operation.code}"


def _subject(ctx: Context, data: Mapping[str, Any]) -> str:
    """A code is good for this person and exactly these data, so that it cannot confirm another amount or account."""
    return f"user:{ctx.user.pk}|{_content(data)[:40]}"


def _content(data: Mapping[str, Any]) -> str:
    return idempotency.digest({name: plain(value) for name, value in data.items()})
