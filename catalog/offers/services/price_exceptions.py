"""One account pays another price: asked for by one member of staff, decided by another, never for days gone by."""

from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import BillingAccount
from catalog.choices import Charge
from catalog.offers import errors, locks
from catalog.offers.models import Offer
from catalog.offers.prices import PriceException
from catalog.offers.services import promises
from core import approvals, clock
from core.actor import Actor
from core.db import violated
from core.models import Approval, ApprovalState
from core.money import display

KIND = "catalog.price_exception"
MISSING = "—"
_NEEDED = ("offer", "charge", "amount_cents", "active_from", "active_to")
ASK, DECIDE = "catalog.add_priceexception", "catalog.approve_priceexception"


def ask(
    *,
    account_number: str,
    offer_id: int,
    charge: str,
    amount_cents: int,
    active_from: date,
    active_to: date,
    reason: str,
    actor: Actor,
    as_of: datetime,
    address: str | None = None,
) -> approvals.Outcome:
    """A request that a second person decides. Raises NoAccount, BadPeriod, NotPublished, BadAmounts, and what
    `approvals.submit` raises."""
    account = BillingAccount.objects.filter(number=account_number, closed_at=None).first()
    if account is None:
        raise errors.NoAccount()
    offer = Offer.objects.get(pk=offer_id)
    _check(offer, amount_cents, max(active_from, clock.local_date(as_of)), active_to)
    return approvals.submit(
        kind=KIND,
        subject=(BillingAccount._meta.label, account.pk),
        amount_cents=0,
        data={
            "offer": offer.pk,
            "offer_name": offer.name,
            "charge": charge,
            "amount_cents": amount_cents,
            "active_from": active_from.isoformat(),
            "active_to": active_to.isoformat(),
        },
        reason=reason,
        actor=actor,
        as_of=as_of,
        address=address,
    )


@transaction.atomic
def end(*, exception_id: int, ends_on: date, as_of: datetime) -> PriceException:
    """The published price holds again from that day on: where it works today, when no quote of today is valid any more.

    Raises TooSoon, PricePromised.
    """
    row = locks.exception(exception_id)
    if not max(clock.local_date(as_of), row.active_from) < ends_on < row.active_to:
        raise errors.TooSoon()
    promises.check_end(row, ends_on, as_of=as_of)
    row.active_to = ends_on
    row.save(update_fields=["active_to"])
    return row


def _check(offer: Offer, amount_cents: int, begins: date, ends: date) -> None:
    if amount_cents < 0:
        raise errors.BadAmounts()
    if offer.published_at is None:
        raise errors.NotPublished()
    if ends <= begins:
        raise errors.BadPeriod()


def _never_alone(*, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool:
    return False


def _describe(data: dict[str, Any]) -> str | Promise:
    """Offer, price and end, for whoever decides; the desk adds the reason. What is missing in the data is a dash."""
    charge, cents = data.get("charge"), data.get("amount_cents")
    return _("%(offer)s · %(charge)s %(amount)s · %(begin)s 至 %(end)s 前") % {
        "offer": data.get("offer_name") or MISSING,
        "charge": Charge(charge).label if charge in Charge.values else MISSING,
        "amount": display(cents) if isinstance(cents, int) else MISSING,
        "begin": data.get("active_from") or MISSING,
        "end": data.get("active_to") or MISSING,
    }


@approvals.kind(
    KIND,
    title=gettext_lazy("价格例外"),
    permission=ASK,
    approve_permission=DECIDE,
    limit=lambda: 0,
    has_amount=False,
    may_alone=_never_alone,
    describe=_describe,
)
def _grant(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    """From the day asked for, or from today where the decision came later: what was charged stays as it was."""
    if any(data.get(name) is None for name in _NEEDED):
        raise errors.ExceptionIncomplete()
    account = BillingAccount.objects.select_for_update().filter(pk=subject_id, closed_at=None).first()
    if account is None:
        raise errors.NoAccount()
    offer = locks.offer(data["offer"])
    begins = max(date.fromisoformat(data["active_from"]), clock.local_date(as_of))
    ends = date.fromisoformat(data["active_to"])
    _check(offer, data["amount_cents"], begins, ends)
    try:
        with transaction.atomic():
            PriceException.objects.create(
                account=account,
                offer=offer,
                charge=data["charge"],
                amount_cents=data["amount_cents"],
                reason=reason,
                approval=_request(account.pk),
                active_from=begins,
                active_to=ends,
                created_at=as_of,
            )
    except IntegrityError as error:
        if violated(error) == "price_exception_one_at_a_time":
            raise errors.ExceptionOverlaps() from error
        raise
    return _("价格例外已生效：%(text)s") % {"text": _describe(data)}


def _request(account_id: int) -> Approval:
    """The request that is being decided: of this kind one at most is open for an account."""
    return Approval.objects.get(
        kind=KIND,
        object_type=BillingAccount._meta.label,
        object_id=str(account_id),
        state=ApprovalState.REQUESTED,
    )
