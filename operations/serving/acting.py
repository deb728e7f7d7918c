"""What holds when staff act for a customer: their right to it, the customer's code, and that he is told.

Asked by the one way into an operation (operations.services.slips), so that every channel obeys the same.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts import phones
from accounts.addresses import mask as mask_address
from accounts.models import BillingAccount, Contact, User, VerificationCode
from accounts.selectors import accounts
from accounts.services import codes, stand_ins
from core import money
from core.errors import Forbidden, HallError
from notices.models import Channel
from notices.services import messages
from operations.context import ByClerk, Confirmation, Context
from operations.models import ServingSession, Slip
from operations.registry import Operation
from operations.serving import rights, sessions


class NotByClerk(Forbidden):
    code = "NOT_BY_CLERK"
    message = _("这项业务只能由客户本人登录办理，工作人员不能代办")


class LoginNeeded(Forbidden):
    code = "LOGIN_NEEDED"
    message = _("客户还没有登录过网上营业厅，请他本人先用手机号登录，再办理这项业务")


class NoPhone(HallError):
    code = "NO_PHONE"
    message = _("这个户号没有登记联系手机，收不到验证码，不能代办")
    status = 409


def permit(operation: Operation, ctx: Context) -> None:
    """Returns when these staff may do this for this customer now; raises Forbidden or why the serving is over."""
    assert isinstance(ctx.user, User)
    if not ctx.user.has_perm(rights.PERMISSION):
        raise Forbidden()
    if operation.by_clerk is ByClerk.NEVER:
        raise NotByClerk()
    if operation.by_clerk is ByClerk.AT_DESK:
        if ctx.serving is not None:
            raise Forbidden()
        return
    session = _session(ctx, ctx.as_of)
    if operation.needs_login and stand_ins.is_one(session.served):
        raise LoginNeeded()


def asks_customer(operation: Operation, ctx: Context) -> bool:
    """Whether nothing happens without a code from the customer's phone, whatever the operation itself asks for."""
    return ctx.on_behalf_of is not None and operation.by_clerk is not ByClerk.AT_DESK


def asks_other(operation: Operation, ctx: Context, data: Mapping[str, Any]) -> bool:
    """Whether the operation's own code is wanted besides: it proves a right to something at another phone."""
    if operation.confirmation != Confirmation.SMS_CODE:
        return False
    if operation.address_is_secret:
        return True
    return operation.confirmation_address(ctx, dict(data)) not in ("", phone_of(ctx))


def phone_of(ctx: Context) -> str:
    """Where the customer's code goes (E.164): his own proven phone, else his account's; raises NoPhone."""
    session = _row(ctx)
    phone = session.served.proven_phone or accounts.primary_phone(session.account)
    if not phone:
        raise NoPhone()
    return phone


def send_code(operation: Operation, ctx: Context, data: Mapping[str, Any], *, content: str) -> str:
    """The code for exactly this content is on its way to the customer; returns his phone, masked."""
    phone = phone_of(ctx)
    with translation.override(_language(ctx)):
        codes.issue(
            purpose=_purpose(operation),
            subject=_subject(ctx, content),
            address=phone,
            as_of=ctx.as_of,
            who=f"user:{ctx.served.pk}",  # the limits are the customer's: many clerks share one network address
            template="serving_code",
            told=_told(operation, ctx, data),
        )
    return phones.mask(phone)


def check_code(operation: Operation, ctx: Context, *, content: str, code: str) -> dict[str, Any]:
    """The evidence: which code, from which phone, who asked for it and for whom. Raises what `codes.check` raises."""
    row = codes.check(purpose=_purpose(operation), subject=_subject(ctx, content), code=code, as_of=ctx.as_of)
    return code_evidence(row) | {
        "clerk": {"user": ctx.user.pk, "username": ctx.user.get_username()},
        "served": {"user": ctx.served.pk, "stand_in": _is_stand_in(ctx)},
        "serving": ctx.serving,
    }


def code_evidence(row: VerificationCode) -> dict[str, Any]:
    return {"address": mask_address(row.address), "code_id": row.pk, "sent_at": row.created_at.isoformat()}


def tell(operation: Operation, ctx: Context, data: Mapping[str, Any], slip: Slip) -> None:
    """The customer reads on his phone, and by e-mail where he has one, what was done for him and by whom."""
    session, language = _row(ctx), _language(ctx)
    addresses = [messages.Address(Channel.SMS, phone_of(ctx))]
    if email := _email(session.account):
        addresses.append(messages.Address(Channel.EMAIL, email))
    with translation.override(language):
        told = _told(operation, ctx, data) | {"number": slip.number}
    messages.send(
        code="served",
        recipient_ref=f"account:{session.account.number}",
        addresses=addresses,
        context=told,
        dedupe_key=f"served:{slip.number}",
        as_of=ctx.as_of,
        language=language,
    )


def _told(operation: Operation, ctx: Context, data: Mapping[str, Any]) -> dict[str, str]:
    """By whom, and what: the operation and its amount. No words that the clerk typed can stand here."""
    amount = data.get("amount")
    what = f"{operation.title} {money.display(amount)}" if isinstance(amount, int) else str(operation.title)
    return {"clerk": ctx.user.get_username(), "what": what, "help_line": settings.HELP_LINE}


def _language(ctx: Context) -> str:
    return ctx.served.language if isinstance(ctx.served, User) else settings.LANGUAGE_CODE


def _session(ctx: Context, as_of: datetime) -> ServingSession:
    """The open session of exactly these two."""
    assert isinstance(ctx.user, User)
    if ctx.serving is None:
        raise sessions.NotServing()
    session = sessions.present(session_id=ctx.serving, clerk=ctx.user, as_of=as_of)
    if session.served_id != ctx.served.pk:
        raise sessions.NotServing()
    return session


def _row(ctx: Context) -> ServingSession:
    return ServingSession.objects.select_related("served", "account").get(pk=ctx.serving or 0)


def _is_stand_in(ctx: Context) -> bool:
    return isinstance(ctx.served, User) and stand_ins.is_one(ctx.served)


def _email(account: BillingAccount) -> str:
    found = Contact.objects.filter(account=account, kind=Contact.Kind.EMAIL, is_primary=True)
    return found.values_list("value", flat=True).first() or ""


def _purpose(operation: Operation) -> str:
    return f"serving:{operation.code}"


def _subject(ctx: Context, content: str) -> str:
    """Good for this session and exactly these data."""
    return f"serving:{ctx.serving}|user:{ctx.served.pk}|{content[:40]}"
