"""What customers are told of their orders: by SMS to who ordered, else to the account's first contact."""

from datetime import date, datetime

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import BillingAccount
from accounts.models import User as UserRow
from accounts.selectors import accounts
from catalog.orders.models import LineAction, LineState, Order, OrderLine, OrderState
from core import clock, money
from notices.models import Channel
from notices.services import messages


def ended(number: str, *, as_of: datetime) -> None:
    """Fee, from when, and whether it succeeded; of a cancelled order that it costs nothing."""
    order, lines = _read(number)
    code = "order_done" if order.state in (OrderState.COMPLETED, OrderState.PARTIAL) else "order_failed"
    with translation.override(_language(order)):
        done = [row for row in lines if row.state == LineState.DONE]
        context = {
            "what": _what(done if code == "order_done" else lines),
            "outcome": str(order.get_state_display()),
            "from": _day(min((row.effective_on for row in done), default=clock.local_date(as_of))),
            "amount": money.display(sum(row.amount_cents for row in done)),
            "term": _term(done),
        }
    _send(order, code, context, as_of=as_of)


def waits(number: str, *, as_of: datetime) -> None:
    """What is to be paid, and until when. Nothing for what is settled meanwhile."""
    order, lines = _read(number)
    if order.state != OrderState.ACCEPTED or order.due_at is None or order.bill is None:
        return
    with translation.override(_language(order)):
        context = {
            "what": _what(lines),
            "amount": money.display(order.bill.open_cents),
            "until": order.due_at.astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M"),
        }
    _send(order, "order_waits_for_payment", context, as_of=as_of)


def renewal(
    account: BillingAccount, *, number: str, offer: str, day: date, cents: int, as_of: datetime
) -> bool:
    """That a further term begins on the day, what it costs, and how to end it before; False: nobody to tell."""
    phone = accounts.primary_phone(account)
    if not phone:
        return False
    messages.send(
        code="renewal_ahead",
        recipient_ref=f"account:{account.number}",
        addresses=[messages.Address(Channel.SMS, phone)],
        context={
            "account_tail": account.number[-4:],
            "what": offer,
            "day": _day(day),
            "amount": money.display(cents),
            "url": f"{settings.BASE_URL}{reverse('catalog:cancel')}?subscription={number}",
        },
        dedupe_key=renewal_key(number, day),
        as_of=as_of,
    )
    return True


def renewal_key(number: str, day: date) -> str:
    """Once for each term of a subscription."""
    return f"renewal_ahead:{number}:{day.isoformat()}"


def _read(number: str) -> tuple[Order, list[OrderLine]]:
    order = Order.objects.select_related("account", "user", "bill").get(number=number)
    return order, list(order.lines.select_related("offer").order_by("position"))


def _language(order: Order) -> str:
    return order.user.language if order.user else settings.LANGUAGE_CODE


def _what(lines: list[OrderLine]) -> str:
    words = {LineAction.ADD: _("订购"), LineAction.CHANGE: _("变更为"), LineAction.CANCEL: _("退订")}
    return _("、").join(f"{words[LineAction(row.action)]} {row.offer}" for row in lines) or "-"


def _day(day: date) -> str:
    return day.isoformat()


def _term(lines: list[OrderLine]) -> str:
    months = max((row.offer.term_months for row in lines if row.action != LineAction.CANCEL), default=0)
    return _("合约期 %(months)s 个月") % {"months": months} if months else _("没有合约期")


def _send(order: Order, code: str, context: dict[str, str], *, as_of: datetime) -> None:
    phone = _phone(order.user) or accounts.primary_phone(order.account)
    if not phone:
        return
    messages.send(
        code=code,
        recipient_ref=f"account:{order.account.number}",
        addresses=[messages.Address(Channel.SMS, phone)],
        context=context | {"account_tail": order.account.number[-4:], "number": order.number},
        dedupe_key=f"{code}:{order.number}",
        as_of=as_of,
        language=_language(order),
    )


def _phone(user: UserRow | None) -> str:
    return (user.proven_phone or "") if user else ""
