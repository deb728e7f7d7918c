"""缴费链接: an address that lets whoever opens it pay into one account. Staff start it, the customer confirms by it.

The token is told once, to the caller of `create`; the table holds its digest. `send` lets nobody see it but the
account's own contact phone.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts import phones
from accounts.models import BillingAccount
from accounts.selectors import accounts
from billing import locks
from billing.models import (
    PAY_LINK_MACHINE,
    Bill,
    PayLink,
    PayLinkHistory,
    PayLinkState,
    Payment,
    PaymentState,
)
from billing.selectors import pay_links as reads
from billing.services.payments import payments
from core import audit, money
from core.actor import Actor
from core.errors import Conflict, HallError, NotFound, TooManyRequests
from notices.models import Channel
from notices.services import messages

LIFETIME = timedelta(hours=24)
SECRET_WAITS = timedelta(minutes=30)  # how long the message may take until it leaves
PER_DAY = 5  # messages with a link for one account
TEMPLATE = "pay_link"


class NoContactPhone(Conflict):
    code = "NO_CONTACT_PHONE"
    message = _("这个户号没有登记联系手机，不能发送缴费链接")


class TooManyLinks(TooManyRequests):
    code = "TOO_MANY_PAY_LINKS"
    message = _("这个户号今天发送的缴费链接太多，请明天再试")


class BillOfOtherAccount(Conflict):
    code = "BILL_OF_OTHER_ACCOUNT"
    message = _("这张账单不属于所选户号")


class LinkEnded(HallError):
    """Used, withdrawn or too old."""

    code = "PAY_LINK_ENDED"
    message = _("这个缴费链接已失效")
    status = 410


class NothingOwed(Conflict):
    code = "NOTHING_OWED"
    message = _("现在没有要缴的费用")


class AmountChanged(Conflict):
    code = "PAY_LINK_AMOUNT_CHANGED"
    message = _("金额刚刚有变化，请看过新的金额后再付款")


class LinkBusy(Conflict):
    """Somebody is paying into the account some other way; the link does not tell who or how."""

    code = "PAY_LINK_BUSY"
    message = _("这个户号正有一笔支付在进行，请半小时后再试")


def create(
    *,
    account_id: int,
    actor: Actor,
    as_of: datetime,
    amount_cents: int | None = None,
    bill_id: int | None = None,
    lifetime: timedelta = LIFETIME,
) -> str:
    """A new link's whole address, told this once: whoever sends it keeps it out of everything that is stored.

    Without an amount it asks for all that is owed when it is opened (of the bill, where one is named). Raises
    AmountOutOfRange, BillOfOtherAccount.
    """
    return _make(account_id, actor, as_of, amount_cents, bill_id, lifetime)[1]


def send(
    *,
    account_id: int,
    actor: Actor,
    as_of: datetime,
    amount_cents: int | None = None,
    bill_id: int | None = None,
    address: str | None = None,
) -> PayLink:
    """A new link is on its way to the account's contact phone; an earlier one that was sent is worth nothing.

    Leaves an audit row. Raises NothingOwed, NoContactPhone, TooManyLinks, AmountOutOfRange, BillOfOtherAccount.
    """
    with transaction.atomic():
        account = account_locks.account(account_id)
        phone = accounts.primary_phone(account)
        if not phone:
            raise NoContactPhone()
        _refuse_too_many(account, as_of)
        _withdraw_sent(account, actor=actor, as_of=as_of)
        link, url = _make(
            account_id, actor, as_of, amount_cents, bill_id, LIFETIME, sent_to=phones.mask(phone)
        )
        cents = reads.amount(link, as_of=as_of)
        if not cents:
            raise NothingOwed()
        _tell(account, phone, url, cents, as_of=as_of)
        audit.record(
            actor=actor,
            action="billing.pay_link.send",
            subject=link,
            detail={"account": account.number, "amount_cents": cents, "sent_to": link.sent_to},
            address=address,
            as_of=as_of,
        )
    return link


def find(token: str) -> PayLink:
    """The link with its account and payment, whatever its state; raises NotFound."""
    found = (
        PayLink.objects.filter(token_digest=digest(token))
        .select_related("account__customer", "payment", "bill")
        .first()
    )
    if found is None:
        raise NotFound()
    return found


def pay(*, link_id: int, gateway: str, shown_cents: int, actor: Actor, as_of: datetime) -> Payment:
    """The payment that the holder of the link confirmed, ready for the cashier; the one under way is continued.

    Raises LinkEnded, NothingOwed, AmountChanged (the amount is not the one that was shown), LinkBusy.
    """
    with transaction.atomic():
        account_id = PayLink.objects.values_list("account_id", flat=True).get(pk=link_id)
        account_locks.account(account_id)
        link = locks.pay_link(link_id)
        is_paid = link.payment is not None and link.payment.state == PaymentState.SUCCEEDED
        if is_paid or not link.is_open(as_of):
            raise LinkEnded()
        cents = reads.amount(link, as_of=as_of)
        if not cents:
            raise NothingOwed()
        if cents != shown_cents:
            raise AmountChanged()
        payment = _start(link, gateway, cents, actor=actor, as_of=as_of)
        if link.payment_id != payment.pk:
            link.payment = payment
            link.save(update_fields=["payment"])
    return payment


def withdraw(*, link_id: int, actor: Actor, reason: str, as_of: datetime) -> PayLink:
    """The link opens nothing any more; money that is under way with it still arrives. Raises LinkEnded."""
    with transaction.atomic():
        link = locks.pay_link(link_id)
        if link.state != PayLinkState.OPEN:
            raise LinkEnded()
        _move(link, PayLinkState.WITHDRAWN, actor=actor, reason=reason, as_of=as_of)
    return link


def paid(*, reference: str, actor: Actor, as_of: datetime) -> int:
    """Links whose payment this is are used up; how many were not before."""
    with transaction.atomic():
        links = locks.links_of_payment(reference)
        unused = [link for link in links if link.state != PayLinkState.USED]
        for link in unused:
            _move(link, PayLinkState.USED, actor=actor, reason=f"payment {reference}", as_of=as_of)
    return len(unused)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _make(
    account_id: int,
    actor: Actor,
    as_of: datetime,
    amount_cents: int | None,
    bill_id: int | None,
    lifetime: timedelta,
    sent_to: str = "",
) -> tuple[PayLink, str]:
    if amount_cents is not None and not 0 < amount_cents <= payments.MAX_CENTS:
        raise payments.AmountOutOfRange()
    if bill_id is not None and not Bill.objects.filter(pk=bill_id, account_id=account_id).exists():
        raise BillOfOtherAccount()
    token = secrets.token_urlsafe(18)
    with transaction.atomic():
        link = PayLink.objects.create(
            account_id=account_id,
            bill_id=bill_id,
            amount_cents=amount_cents,
            token_digest=digest(token),
            sent_to=sent_to,
            created_by=actor.ref,
            created_at=as_of,
            expires_at=as_of + lifetime,
        )
        PayLinkHistory.objects.create(link=link, to_state=link.state, actor=actor.ref, at=as_of)
    return link, f"{settings.BASE_URL}{reverse('billing:pay_link', args=[token])}"


def _start(link: PayLink, gateway: str, cents: int, *, actor: Actor, as_of: datetime) -> Payment:
    try:
        payment = payments.start(
            account_id=link.account_id,
            bill_id=link.bill_id,
            amount_cents=cents,
            gateway=gateway,
            payer_id=None,
            as_of=as_of,
            actor=actor,
        )
    except payments.PaymentInProgress as error:
        raise LinkBusy() from error
    if payment.payer_id is not None:  # a member's own, of the same amount: his page, not the link's
        raise LinkBusy()
    return payment


def _refuse_too_many(account: BillingAccount, as_of: datetime) -> None:
    sent = PayLink.objects.filter(account=account, created_at__gt=as_of - timedelta(days=1)).exclude(
        sent_to=""
    )
    if sent.count() >= PER_DAY:
        raise TooManyLinks()


def _withdraw_sent(account: BillingAccount, *, actor: Actor, as_of: datetime) -> None:
    for link in locks.open_links(account.pk):
        if link.sent_to:
            _move(link, PayLinkState.WITHDRAWN, actor=actor, reason="sent anew", as_of=as_of)


def _move(link: PayLink, to: PayLinkState, *, actor: Actor, reason: str, as_of: datetime) -> None:
    PAY_LINK_MACHINE.check(link.state, to)
    before, link.state = link.state, to
    link.save(update_fields=["state"])
    PayLinkHistory.objects.create(
        link=link, from_state=before, to_state=to, actor=actor.ref, reason=reason[:300], at=as_of
    )


def _tell(account: BillingAccount, phone: str, url: str, cents: int, *, as_of: datetime) -> None:
    messages.send_secret(
        code=TEMPLATE,
        recipient_ref=f"account:{account.number}",
        address=messages.Address(Channel.SMS, phone),
        context={
            "account_tail": account.number[-4:],
            "amount": money.display(cents),
            "url": url,
            "hours": str(LIFETIME // timedelta(hours=1)),
        },
        as_of=as_of,
        lifetime=SECRET_WAITS,
    )
