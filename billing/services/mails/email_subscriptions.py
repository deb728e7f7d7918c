"""Bills by e-mail, with double opt-in: who asked must open the link that only the mailbox got, logged in as himself.

So neither a mistyped address nor a stranger's curiosity brings one person's bills to another. The token is in the mail
alone; the table holds its digest. The link for unsubscribing is signed, needs no log-in, and can do nothing else.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import connection, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts.models import Membership
from accounts.selectors import accounts
from billing import locks
from billing.models import (
    EMAIL_SUBSCRIPTION_MACHINE,
    EmailSubscription,
    EmailSubscriptionHistory,
    EmailSubscriptionState,
)
from billing.selectors.email_subscriptions import ROLES
from core.actor import Actor
from core.errors import Conflict, Forbidden, HallError, NotFound, TooManyRequests
from notices import email_addresses, selectors
from notices.models import Channel, Failure
from notices.services import messages

LIFETIME = timedelta(hours=48)  # of the link that confirms
SECRET_WAITS = timedelta(hours=1)  # how long that mail may take until it leaves
PAUSE = timedelta(minutes=1)  # between two requests for one account
PER_DAY, PER_ADDRESS_AND_DAY = 10, 5  # requests of one user; mails to one address, whoever asks
SOFT_IN_A_ROW = 3  # so many mails that the mailbox could not take are as good as a refusal
REF = "email_subscription:"
_S = EmailSubscriptionState


class AlreadySubscribed(Conflict):
    code = "ALREADY_SUBSCRIBED"
    message = _("这个户号的电子账单已经寄往这个邮箱")


class NotSubscribed(Conflict):
    code = "NOT_SUBSCRIBED"
    message = _("这个户号没有开通电子账单")


class TooManySubscriptions(TooManyRequests):
    code = "TOO_MANY_EMAIL_SUBSCRIPTIONS"
    message = _("申请太频繁，请稍后再试")


class LinkEnded(HallError):
    """Too old, replaced by a later one, refused, or its mailbox took no mail."""

    code = "EMAIL_LINK_ENDED"
    message = _("这个确认链接已失效，请重新申请")
    status = 410


def request(
    *,
    account_id: int,
    user_id: int,
    address: str,
    language: str,
    consent: str,
    actor: Actor,
    as_of: datetime,
) -> EmailSubscription:
    """A PENDING subscription, and a mail with its link on its way; an earlier PENDING one of the account has ended.

    What is ACTIVE stays so until the new one is confirmed. `address` is clean (notices.email_addresses). An address
    that got enough mails today gets no more of them, and nobody is told. Raises Forbidden, AlreadySubscribed,
    TooManySubscriptions.
    """
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        account_locks.account(account_id)
        _check_role(account_id, user_id)
        open_rows = locks.email_subscriptions(account_id)
        if any((row.state, row.address) == (_S.ACTIVE, address) for row in open_rows):
            raise AlreadySubscribed()
        is_sent = _spend(account_id, user_id, address, as_of=as_of)
        for row in open_rows:
            if row.state == _S.PENDING:
                _move(row, _S.ENDED, reason="replaced", actor=actor, as_of=as_of)
        made = EmailSubscription.objects.create(
            reference=secrets.token_hex(12),
            account_id=account_id,
            user_id=user_id,
            address=address,
            language=language,
            consent=consent,
            token_digest=_digest(token),
            created_at=as_of,
            confirm_by=as_of + LIFETIME,
        )
        _note(made, "", reason="asked for", actor=actor, as_of=as_of)
        _ask(made, token, is_sent=is_sent, as_of=as_of)
    return made


def find(*, token: str, user_id: int) -> EmailSubscription:
    """What the link of the mail confirms; NotFound for anybody but who asked for it. Reads only."""
    found = EmailSubscription.objects.filter(token_digest=_digest(token), user_id=user_id)
    row = found.select_related("account").first()
    if row is None:
        raise NotFound()
    return row


def is_confirmable(row: EmailSubscription, *, as_of: datetime) -> bool:
    """Whether its link still confirms something."""
    return row.state == _S.PENDING and as_of < row.confirm_by


def confirm(*, token: str, user_id: int, actor: Actor, as_of: datetime) -> EmailSubscription:
    """The subscription is ACTIVE and all others of the account have ended; the account's contact is told.

    Again: nothing changes. Raises NotFound, or LinkEnded (also when the user may no longer decide about the account).
    """
    account_id = find(token=token, user_id=user_id).account_id
    with transaction.atomic():
        account_locks.account(account_id)
        open_rows = locks.email_subscriptions(account_id)
        row = next((row for row in open_rows if row.token_digest == _digest(token)), None)
        if row is not None and row.state == _S.ACTIVE:
            return row
        if row is None or not is_confirmable(row, as_of=as_of) or not _has_role(account_id, user_id):
            raise LinkEnded()
        for other in open_rows:
            if other is not row:
                _move(other, _S.ENDED, reason="replaced", actor=actor, as_of=as_of)
        row.confirmed_at = as_of
        _move(row, _S.ACTIVE, reason="confirmed", actor=actor, as_of=as_of)
        _tell_contact("email_bill_started", row, as_of=as_of)
    return row


def unsubscribe(*, account_id: int, actor: Actor, as_of: datetime) -> int:
    """No bill of the account goes out by mail any more; how many subscriptions ended. Raises NotSubscribed."""
    with transaction.atomic():
        account_locks.account(account_id)
        open_rows = locks.email_subscriptions(account_id)
        if not open_rows:
            raise NotSubscribed()
        for row in open_rows:
            _move(row, _S.ENDED, reason="unsubscribed", actor=actor, as_of=as_of)
    return len(open_rows)


def unsubscribe_url(row: EmailSubscription) -> str:
    """The address for the mails of this subscription; it serves as long as the hall's key does."""
    return settings.BASE_URL + reverse("billing:email_unsubscribe", args=[_signer().sign(row.reference)])


def find_by_link(token: str) -> EmailSubscription:
    """The subscription that an unsubscribing link is about; raises NotFound. Reads only."""
    try:
        reference = _signer().unsign(token)
    except BadSignature:
        raise NotFound() from None
    row = EmailSubscription.objects.filter(reference=reference).select_related("account").first()
    if row is None:
        raise NotFound()
    return row


def unsubscribe_by_link(*, token: str, as_of: datetime) -> EmailSubscription:
    """This one subscription has ended, also when it had before. Raises NotFound."""
    row = find_by_link(token)
    end = _Ending(_S.ENDED, "unsubscribed by link", Actor("link:email_unsubscribe"))
    return _end_one(row, end, as_of=as_of) or row


def delivery_failed(*, reference: str, failure: str, actor: Actor, as_of: datetime) -> None:
    """What the failure of a mail means for its subscription: nothing, BOUNCED (the customer is told), or ENDED.

    An address that takes no mail, or could not take three in a row, is BOUNCED; who complains about spam has
    unsubscribed. Our own trouble means nothing.
    """
    row = EmailSubscription.objects.filter(reference=reference).first()
    if row is None:
        raise NotFound()
    if failure == Failure.COMPLAINT:
        _end_one(row, _Ending(_S.ENDED, "called spam by its reader", actor), as_of=as_of)
    elif failure == Failure.HARD:
        _end_one(row, _Ending(_S.BOUNCED, "address takes no mail", actor), as_of=as_of)
    elif failure == Failure.SOFT and _soft_in_a_row(row) >= SOFT_IN_A_ROW:
        _end_one(row, _Ending(_S.BOUNCED, f"{SOFT_IN_A_ROW} mails in a row not taken", actor), as_of=as_of)


def lapse(*, actor: Actor, as_of: datetime, account_number: str | None = None) -> int:
    """Ends what was not confirmed in time, and what nobody with the right to it stands behind any more; how many.

    With a number only those of that account.
    """
    values: dict[str, Any] = {
        "actor": actor.ref,
        "at": as_of,
        "roles": ROLES,
        "account": account_number,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LAPSE, values)
        return int(cursor.rowcount)


_LAPSE = """
    WITH late AS (
        SELECT s.id, s.state, CASE WHEN s.state = 'PENDING' AND s.confirm_by <= %(at)s
                                   THEN 'not confirmed in time' ELSE 'no longer in charge of the account' END AS reason
          FROM billing_emailsubscription s
         WHERE (%(account)s::text IS NULL
                OR s.account_id = (SELECT id FROM accounts_billingaccount WHERE number = %(account)s))
           AND ((s.state = 'PENDING' AND s.confirm_by <= %(at)s)
                OR (s.state IN ('PENDING', 'ACTIVE')
                    AND NOT EXISTS (SELECT 1 FROM accounts_membership m
                                     WHERE m.account_id = s.account_id AND m.user_id = s.user_id
                                       AND m.role = ANY(%(roles)s))))
         ORDER BY s.id FOR UPDATE),
    ended AS (UPDATE billing_emailsubscription s SET state = 'ENDED' FROM late WHERE s.id = late.id RETURNING s.id)
    INSERT INTO billing_emailsubscriptionhistory (subscription_id, from_state, to_state, actor, reason, at)
    SELECT late.id, late.state, 'ENDED', %(actor)s, late.reason, %(at)s FROM late JOIN ended USING (id)"""


class _Ending:
    """How a subscription stops."""

    def __init__(self, to: EmailSubscriptionState, reason: str, actor: Actor) -> None:
        self.to, self.reason, self.actor = to, reason, actor


def _end_one(row: EmailSubscription, end: _Ending, *, as_of: datetime) -> EmailSubscription | None:
    """The row after the step; None when it had ended (or bounced) already."""
    with transaction.atomic():
        account_locks.account(row.account_id)
        found = next((each for each in locks.email_subscriptions(row.account_id) if each.pk == row.pk), None)
        if found is None or not EMAIL_SUBSCRIPTION_MACHINE.allows(found.state, end.to):
            return None
        was_active = found.state == _S.ACTIVE
        _move(found, end.to, reason=end.reason, actor=end.actor, as_of=as_of)
        if end.to == _S.BOUNCED and was_active:
            _tell_contact("email_bill_stopped", found, as_of=as_of)
    return found


def _soft_in_a_row(row: EmailSubscription) -> int:
    return selectors.soft_failures_in_a_row(recipient_ref=REF + row.reference, channel=Channel.EMAIL)


def _spend(account_id: int, user_id: int, address: str, *, as_of: datetime) -> bool:
    """Whether the mail really goes out. Raises TooManySubscriptions for who asks too often.

    How often others named the address is nobody's business: beyond its limit nothing is sent, and nothing said.
    """
    account_locks.code_requests(f"email:{address}", f"email-user:{user_id}")
    rows = EmailSubscription.objects.filter(created_at__gt=as_of - timedelta(days=1))
    is_too_soon = rows.filter(account_id=account_id, created_at__gt=as_of - PAUSE).exists()
    if is_too_soon or rows.filter(user_id=user_id).count() >= PER_DAY:
        raise TooManySubscriptions()
    return rows.filter(address=address).count() < PER_ADDRESS_AND_DAY


def _ask(row: EmailSubscription, token: str, *, is_sent: bool, as_of: datetime) -> None:
    send = messages.send_secret if is_sent else messages.rehearse_secret
    send(
        code="email_bill_confirm",
        recipient_ref=REF + row.reference,
        address=messages.Address(Channel.EMAIL, row.address),
        context={
            "account_tail": row.account.number[-4:],
            "hours": str(LIFETIME // timedelta(hours=1)),
            "url": settings.BASE_URL + reverse("billing:email_confirm", args=[token]),
            "unsubscribe_url": unsubscribe_url(row),
        },
        as_of=as_of,
        lifetime=SECRET_WAITS,
        language=row.language,
    )


def _tell_contact(code: str, row: EmailSubscription, *, as_of: datetime) -> None:
    """By SMS to the account's contact phone, where there is one."""
    phone = accounts.primary_phone(row.account)
    if not phone:
        return
    messages.send(
        code=code,
        recipient_ref=f"account:{row.account.number}",
        addresses=[messages.Address(Channel.SMS, phone)],
        context={
            "account_tail": row.account.number[-4:],
            "email": email_addresses.mask(row.address),
        },
        dedupe_key=f"{code}:{row.reference}",
        as_of=as_of,
        language=row.language,
    )


def _move(
    row: EmailSubscription, to: EmailSubscriptionState, *, reason: str, actor: Actor, as_of: datetime
) -> None:
    EMAIL_SUBSCRIPTION_MACHINE.check(row.state, to)
    before, row.state = row.state, to
    row.save(update_fields=["state", "confirmed_at"])
    _note(row, before, reason=reason, actor=actor, as_of=as_of)


def _note(row: EmailSubscription, before: str, *, reason: str, actor: Actor, as_of: datetime) -> None:
    EmailSubscriptionHistory.objects.create(
        subscription=row,
        from_state=before,
        to_state=row.state,
        actor=actor.ref,
        reason=reason,
        at=as_of,
    )


def _has_role(account_id: int, user_id: int) -> bool:
    return Membership.objects.filter(account_id=account_id, user_id=user_id, role__in=ROLES).exists()


def _check_role(account_id: int, user_id: int) -> None:
    if not _has_role(account_id, user_id):
        raise Forbidden()


def _digest(token: str) -> str:
    """With its purpose in it: no other token of the hall can be this one."""
    return hashlib.sha256(b"billing.email_confirm\0" + token.encode()).hexdigest()


def _signer() -> Signer:
    return Signer(salt="billing.email_unsubscribe")
