"""Agreements by which a bank debits an account's bills: asked for here, signed at the bank, ended on either side.

Ending takes effect here at once and always: the bank is told afterwards, again and again until it has heard. All
changes of an account's agreements are made under the account's lock. No transaction is open while the bank is asked.
"""

import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import locks as account_locks
from accounts import rules
from accounts.models import Contact, Membership
from accounts.rules import Action
from accounts.services.accounts import refuse_closed
from billing.gateways import registry
from billing.gateways.base import GatewayError
from billing.gateways.debit.base import AgreementReport, AgreementRequest, AgreementStatus
from billing.models import (
    DEBIT_AGREEMENT_MACHINE,
    DebitAgreement,
    DebitAgreementHistory,
    DebitAgreementState,
)
from billing.models.debits import OPEN
from billing.services.payments.settling import NETWORK
from core import money, pokes
from core.actor import Actor
from core.errors import Conflict, Forbidden, HallError
from notices.models import Channel
from notices.services import messages
from operations.models import SlipState
from operations.services import slips

log = logging.getLogger(__name__)
LIFETIME = timedelta(hours=1)  # to sign at the bank
SUBJECT = "debit_agreement"  # of the slip that waits for the signature; its id is the agreement's reference
TELL_TASK = "billing.tell_debit_ends"
_S = DebitAgreementState
_ROLES = rules.roles_for(Action.MOVE_CREDIT)  # who may sign


class AlreadySigned(Conflict):
    code = "DEBIT_ALREADY_SIGNED"
    message = _("这个户号已经开通银行代扣；要修改上限，请先终止再重新签约")


class NotSigned(Conflict):
    code = "DEBIT_NOT_SIGNED"
    message = _("这个户号没有开通银行代扣")


class SigningOver(Conflict):
    """Signed already, ended, or too old."""

    code = "DEBIT_SIGNING_OVER"
    message = _("这份代扣协议现在不能签约，请重新申请")


class BankUnavailable(HallError):
    code = "DEBIT_BANK_UNAVAILABLE"
    message = _("银行暂时连不上，请稍后再试")
    status = 503


def request(
    *,
    account_id: int,
    user_id: int,
    max_cents: int,
    language: str,
    consent: str,
    actor: Actor,
    as_of: datetime,
) -> DebitAgreement:
    """A PENDING agreement that its user can sign; an earlier PENDING one of the account has ended.

    Raises Forbidden for who does not own the account, AccountClosed, and AlreadySigned.
    """
    with transaction.atomic():
        account = account_locks.account(account_id)
        if not _owns(account_id, user_id):
            raise Forbidden()
        refuse_closed(account)
        for row in _open(account_id):
            if row.state == _S.ACTIVE:
                raise AlreadySigned()
            _move(row, _S.ENDED, reason="replaced", actor=actor, as_of=as_of)
        made = DebitAgreement.objects.create(
            reference=secrets.token_hex(12),
            account_id=account_id,
            user_id=user_id,
            gateway=registry.debit_gateway().code,
            max_cents=max_cents,
            consent=consent,
            language=language,
            created_at=as_of,
            sign_by=as_of + LIFETIME,
        )
        _note(made, "", reason="asked for", actor=actor, as_of=as_of)
    return made


def sign_url(row: DebitAgreement, *, as_of: datetime) -> str:
    """Where the customer signs. Raises SigningOver, BankUnavailable."""
    if row.state != _S.PENDING or row.sign_by <= as_of:
        raise SigningOver()
    wanted = AgreementRequest(
        reference=row.reference,
        account_number=row.account.number,
        max_cents=row.max_cents,
        sign_by=row.sign_by,
        return_url=settings.BASE_URL + reverse("billing:debit_return", args=[row.reference]),
    )
    try:
        return registry.debit_gateway().sign(wanted)
    except (GatewayError, ImproperlyConfigured) as error:
        log.exception("no way to sign", extra={"agreement": row.reference})
        raise BankUnavailable() from error


def refresh(row: DebitAgreement, *, actor: Actor, as_of: datetime) -> DebitAgreement:
    """The agreement as it is after the bank was asked about it. Raises GatewayError when it cannot tell."""
    if row.state not in OPEN:
        return row
    report = registry.debit_gateway().query_agreement(row.reference)
    return apply(agreement_id=row.pk, report=report, actor=actor, as_of=as_of)


def apply(*, agreement_id: int, report: AgreementReport, actor: Actor, as_of: datetime) -> DebitAgreement:
    """The agreement is as the report says, whatever came between. What was ended here stays so."""
    with transaction.atomic():
        row = _locked(agreement_id)
        if row.state == _S.PENDING and report.status == AgreementStatus.ACTIVE:
            row.agreement_no, row.signed_at = report.agreement_no, report.signed_at or as_of
            _move(row, _S.ACTIVE, reason=f"signed as {report.agreement_no}", actor=actor, as_of=as_of)
        elif row.state in OPEN and report.status == AgreementStatus.ENDED:
            row.ended_there_at = as_of
            _move(row, _S.ENDED, reason="ended at the bank", actor=actor, as_of=as_of)
        elif row.state == _S.PENDING and row.sign_by <= as_of:
            _move(row, _S.ENDED, reason="not signed in time", actor=actor, as_of=as_of)
    return row


def end(*, account_id: int, actor: Actor, as_of: datetime, reason: str = "ended by the customer") -> int:
    """No debit of the account begins any more, and the bank will be told; how many agreements ended.

    A debit that is at the bank at this moment may still arrive. Raises NotSigned.
    """
    with transaction.atomic():
        account_locks.account(account_id)
        rows = _open(account_id)
        if not rows:
            raise NotSigned()
        for row in rows:
            _move(row, _S.ENDED, reason=reason, actor=actor, as_of=as_of)
    return len(rows)


def ended_at_bank(*, agreement_id: int, actor: Actor, as_of: datetime) -> None:
    """The bank refused a debit because there is no agreement any more."""
    with transaction.atomic():
        row = _locked(agreement_id)
        if row.state in OPEN:
            row.ended_there_at = as_of
            _move(row, _S.ENDED, reason="ended at the bank", actor=actor, as_of=as_of)


def ask_about_pending(*, actor: Actor, as_of: datetime) -> int:
    """The bank is asked about those who never came back from it; how many were asked about."""
    rows = DebitAgreement.objects.filter(state=_S.PENDING).order_by("pk")
    return _each(rows, lambda row: refresh(row, actor=actor, as_of=as_of))


def tell_ends(*, as_of: datetime) -> int:
    """The bank knows of each end, unless it cannot be reached; how many it was told of."""
    rows = DebitAgreement.objects.filter(state=_S.ENDED, ended_there_at=None).order_by("pk")

    def tell(row: DebitAgreement) -> None:
        registry.debit_gateway().end_agreement(row.reference)
        DebitAgreement.objects.filter(pk=row.pk, ended_there_at=None).update(ended_there_at=as_of)

    return _each(rows, tell)


def _each(rows: "QuerySet[DebitAgreement]", ask: Callable[[DebitAgreement], object]) -> int:
    """Asks the bank about one after the other, until it is silent; about how many it could be asked."""
    asked = 0
    for row in rows:
        try:
            ask(row)
            asked += 1
        except GatewayError as error:
            log.warning("bank not asked", extra={"agreement": row.reference, "code": error.code})
            if error.code == NETWORK:
                break
    return asked


def lapse(*, actor: Actor, as_of: datetime, account_number: str | None = None) -> int:
    """Ends the agreements of who may not sign for the account any more, of that account or of all; how many."""
    owner = Membership.objects.filter(
        account_id=OuterRef("account_id"), user_id=OuterRef("user_id"), role__in=_ROLES
    )
    forsaken = DebitAgreement.objects.filter(~Exists(owner), state__in=OPEN)
    if account_number is not None:
        forsaken = forsaken.filter(account__number=account_number)
    rows = list(forsaken.order_by("pk"))
    for row in rows:
        with transaction.atomic():
            found = _locked(row.pk)
            if found.state in OPEN and not _owns(found.account_id, found.user_id):
                _move(found, _S.ENDED, reason="no longer the account's owner", actor=actor, as_of=as_of)
    return len(rows)


def _open(account_id: int) -> list[DebitAgreement]:
    """The account's lock is held."""
    return list(DebitAgreement.objects.filter(account_id=account_id, state__in=OPEN).order_by("pk"))


def _locked(agreement_id: int) -> DebitAgreement:
    """As it is now, under the lock of its account."""
    account_id = DebitAgreement.objects.values_list("account_id", flat=True).get(pk=agreement_id)
    account_locks.account(account_id)
    return DebitAgreement.objects.select_related("account").get(pk=agreement_id)


def _move(
    row: DebitAgreement, to: DebitAgreementState, *, reason: str, actor: Actor, as_of: datetime
) -> None:
    """One step with its history row; who waits for it is told: the slip, the account's contact, the bank."""
    DEBIT_AGREEMENT_MACHINE.check(row.state, to)
    before, row.state = row.state, to
    row.save(update_fields=["state", "agreement_no", "signed_at", "ended_there_at"])
    _note(row, before, reason=reason, actor=actor, as_of=as_of)
    _finish_slip(row, reason=reason, actor=actor, as_of=as_of)
    if to == _S.ENDED and row.ended_there_at is None:
        pokes.after_commit(TELL_TASK, queue="payments")
    if _S.ACTIVE in (before, to):
        _tell_contact("debit_signed" if to == _S.ACTIVE else "debit_ended", row, as_of=as_of)


def _note(row: DebitAgreement, before: str, *, reason: str, actor: Actor, as_of: datetime) -> None:
    DebitAgreementHistory.objects.create(
        agreement=row, from_state=before, to_state=row.state, actor=actor.ref, reason=reason, at=as_of
    )


def _finish_slip(row: DebitAgreement, *, reason: str, actor: Actor, as_of: datetime) -> None:
    signed = row.state == _S.ACTIVE
    text = _("银行代扣已开通，每笔扣款前都会短信通知您。") if signed else _("没有签约，银行代扣没有开通。")
    slips.finish(
        subject_kind=SUBJECT,
        subject_id=row.reference,
        state=SlipState.DONE if signed else SlipState.CANCELLED,
        as_of=as_of,
        actor=actor,
        reason="" if signed else reason,
        result={"text": text, "url": reverse("billing:balance")},
    )


def _tell_contact(code: str, row: DebitAgreement, *, as_of: datetime) -> None:
    phone = contact(row.account_id)
    if not phone:
        return
    messages.send(
        code=code,
        recipient_ref=f"account:{row.account.number}",
        addresses=[messages.Address(Channel.SMS, phone)],
        context={"account_tail": row.account.number[-4:], "max": money.display(row.max_cents)},
        dedupe_key=f"{code}:{row.reference}",
        as_of=as_of,
        language=row.language,
    )


def contact(account_id: int) -> str:
    """The E.164 number that stands for the account; "" when there is none."""
    rows = Contact.objects.filter(account_id=account_id, kind=Contact.Kind.PHONE, is_primary=True)
    return rows.values_list("value", flat=True).first() or ""


def _owns(account_id: int, user_id: int) -> bool:
    owners = Membership.objects.filter(account_id=account_id, role__in=_ROLES)
    return owners.filter(user_id=user_id).exists()
