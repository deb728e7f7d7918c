"""A line that may be cut for arrears, everything proven; and what takes one condition of it away."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from accounts.models import BillingAccount, Contact, User
from arrears.disconnect_rules import Missing
from arrears.models import (
    ArrearsCase,
    DisconnectPlan,
    Exemption,
    ExemptionReason,
    PlanLine,
    PlanState,
    Promise,
)
from arrears.services import assessing, plans
from billing.models import Bill, Dispute
from catalog.choices import SuspensionReason
from catalog.holdings.services import suspensions
from catalog.models import Subscription
from notices.models import Delivery, DeliveryReceipt, DeliveryState
from tests.arrears import build
from tests.arrears.build import ACTOR, after, noon
from tests.billing import build as money
from tests.catalog.holdings import build as holdings

STEPS = (-3, 1, 23, 30, 31, 81, 91)  # days on which something happens; the 31st is the suspension
SUSPENDED = 31
DAY = after(SUSPENDED + 61)
_count = itertools.count(1)


@dataclass
class Scene:
    account: BillingAccount
    row: Subscription
    day: date = DAY

    @property
    def line(self) -> PlanLine:
        return PlanLine.objects.get(subscription=self.row)

    @property
    def plan(self) -> DisconnectPlan:
        return self.line.plan


def person() -> User:
    """Staff who may make plans and approve them, everywhere."""
    return User.objects.create(username=f"approver{next(_count)}", is_staff=True, is_superuser=True)


def by() -> tuple[str, str]:
    """Who makes a plan, as the command is told."""
    return "--by", person().username


def deliver(on: date, *, is_verified: bool = True) -> None:
    """Everything that waits arrives that day, with the provider's receipt."""
    waiting = Delivery.objects.filter(state=DeliveryState.QUEUED).exclude(channel="LETTER")
    ids = list(waiting.values_list("pk", flat=True))
    receive(ids, on, is_verified=is_verified)
    for state in (DeliveryState.SENT, DeliveryState.DELIVERED):
        Delivery.objects.filter(pk__in=ids).update(state=state, sent_at=noon(on))
    Delivery.objects.filter(pk__in=ids).update(delivered_at=noon(on))


def receive(ids: list[int], on: date, *, is_verified: bool = True) -> None:
    DeliveryReceipt.objects.bulk_create(
        DeliveryReceipt(
            delivery_id=pk,
            provider="sms",
            provider_message_id=f"receipt-{pk}",
            status="DELIVERED",
            received_at=noon(on),
            is_verified=is_verified,
            raw=b"{}",
        )
        for pk in ids
    )


def warned(*, is_verified: bool = True, lines: int = 1, **account: Any) -> Scene:
    """Off for arrears since the 31st day, and told of the disconnection on the 81st."""
    made = build.account(**account)
    rows = [build.line(made) for _line in range(lines)]
    build.bill(made)
    for n in STEPS:
        assessing.assess_one(made.pk, actor=ACTOR, as_of=noon(after(n)))
        deliver(after(n), is_verified=is_verified)
    return Scene(made, rows[0])


def planned(*, begun: bool = True, **wanted: Any) -> DisconnectPlan:
    """Of everything that has been off for long enough, approved by two; being run."""
    plan = plans.make(plans.Wanted(**wanted), made_by_id=person().pk, as_of=noon(DAY)).plan
    for _person in range(2):
        plans.approve(plan_id=plan.pk, user_id=person().pk, reason="核对无误", as_of=noon(DAY))
    if begun:
        DisconnectPlan.objects.filter(pk=plan.pk).update(state=PlanState.RUNNING)
    plan.refresh_from_db()
    return plan


def ready(**scene: Any) -> Scene:
    """All there."""
    made = warned(**scene)
    planned()
    return made


def resumed(at: Scene) -> None:
    suspensions.resume(number=at.row.number, reason=SuspensionReason.ARREARS, actor=ACTOR, as_of=noon(at.day))


def a_day_early(at: Scene) -> None:
    at.day = after(SUSPENDED + 60)


def paid(at: Scene) -> None:
    build.pay(at.account, 100_000, at.day)


def closed(at: Scene) -> None:
    ArrearsCase.objects.update(closed_at=noon(at.day), close_reason="PAID")


def nobody(at: Scene) -> None:
    Contact.objects.filter(account=at.account).delete()


def another_contact(at: Scene) -> None:
    Contact.objects.create(
        account=at.account, kind=Contact.Kind.EMAIL, value="new@example.com", created_at=noon(at.day)
    )


def late(at: Scene) -> None:
    Delivery.objects.filter(message__code="disconnection_ahead").update(delivered_at=noon(after(86)))


def disputed(at: Scene) -> None:
    Dispute.objects.create(
        number="D1", bill=Bill.objects.get(), cause="AMOUNT", text="不对", raised_by=person(),
        created_at=noon(at.day), promised_on=at.day,
    )  # fmt: skip


def paying(at: Scene) -> None:
    money.payment(at.account, 100, as_of=noon(at.day))


def promised(at: Scene) -> None:
    Promise.objects.create(
        number="PR1", account=at.account, slip=holdings.slip(at.account), promised_on=after(90), until=at.day,
        owed_cents=2600,
    )  # fmt: skip


def exempt(at: Scene) -> None:
    Exemption.objects.create(
        account=at.account, reason=ExemptionReason.HARDSHIP, note="x", active_from=at.day,
        active_to=after(200), created_by="test", created_at=noon(at.day),
    )  # fmt: skip


def cancelled(at: Scene) -> None:
    plans.cancel(plan_id=at.plan.pk, as_of=noon(at.day))


TAKEN: dict[Missing, Callable[[Scene], None]] = {
    Missing.NOT_SUSPENDED: resumed,
    Missing.TOO_EARLY: a_day_early,
    Missing.NOT_OWED: paid,
    Missing.NO_CASE: closed,
    Missing.NOBODY: nobody,
    Missing.NOT_DELIVERED: another_contact,
    Missing.NOTICE_TOO_LATE: late,
    Missing.DISPUTE: disputed,
    Missing.IN_FLIGHT: paying,
    Missing.PROMISE: promised,
    Missing.EXEMPTION: exempt,
    Missing.WARRANT: cancelled,
}
