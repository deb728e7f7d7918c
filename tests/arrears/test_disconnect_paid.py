"""Who has paid what was late is not cut, whether or not anybody has heard of it: the law asks the bills."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from arrears.disconnect_rules import Missing
from arrears.models import ArrearsCase
from arrears.services import disconnecting, plans
from arrears.services.disconnecting import NotCut
from billing.models import Bill, Payment, PaymentState
from catalog.models import Termination
from core.models import OutboxRow
from tests.arrears import build, build_cut
from tests.arrears.build import ACTOR, noon
from tests.arrears.build_cut import Scene
from tests.arrears.test_disconnecting import WAYS, app_role, is_untouched, refused_by_law  # noqa: F401
from tests.billing import build as money
from tests.core.test_roles import made_roles  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db
LATE_CENTS = 2600


def paid(at: Scene) -> None:
    """The penalty for all that was late comes as a bill of its own, due today."""
    build.pay(at.account, LATE_CENTS, at.day)
    assert Bill.objects.open().get().kind == "PENALTY"


def paid_before_the_next_bill(at: Scene) -> None:
    build.bill(at.account, due_on=at.day + timedelta(15))
    build.pay(at.account, LATE_CENTS, at.day)


def paid_but_for_what_is_thirty_days_late(at: Scene) -> None:
    """On the 31st it would be off for that one, too."""
    build.bill(at.account, due_on=at.day - timedelta(30))
    build.pay(at.account, LATE_CENTS, at.day)


def paid_ahead_of_the_bills(at: Scene) -> None:
    """Credit that nobody has put to a bill covers the oldest first."""
    build.bill(at.account, due_on=at.day + timedelta(15))
    row = at.account.balance
    row.balance_cents += LATE_CENTS
    row.save(update_fields=["balance_cents"])


PAID: list[Callable[[Scene], None]] = [
    paid,
    paid_before_the_next_bill,
    paid_but_for_what_is_thirty_days_late,
    paid_ahead_of_the_bills,
]


def refused_everywhere(at: Scene, role: str, code: Missing) -> None:
    """By the door, past it, as the application's role, and by the run of a plan; nothing is changed."""
    line = at.line
    with pytest.raises(NotCut) as refused:
        disconnecting.cut(line_id=line.pk, actor=ACTOR, as_of=noon(at.day))
    assert refused.value.missing == (code,)
    for way in WAYS:
        assert refused_by_law(way, at, role) == (code,), way
    [counts] = plans.run(plans.Job(plan_id=line.plan_id, as_of=noon(at.day), actor=ACTOR))
    line.refresh_from_db()
    assert (counts.cut, line.state, line.refusals) == (0, "REFUSED", [code])
    assert is_untouched(at)


@pytest.mark.parametrize("pays", PAID)
def test_whoever_has_just_paid_is_not_cut_though_nobody_has_heard_of_it(
    pays: Callable[[Scene], None],
    app_role: str,  # noqa: F811
) -> None:
    at = build_cut.ready()
    pays(at)
    if pays is not paid_ahead_of_the_bills:
        assert OutboxRow.objects.filter(event__startswith="billing.").exclude(state="DONE").exists()
    assert ArrearsCase.objects.get().stage == "DISCONNECT_WARNED"
    refused_everywhere(at, app_role, Missing.NOT_OWED)


def test_another_bill_that_is_late_long_enough_is_not_forgotten() -> None:
    at = build_cut.ready()
    build.bill(at.account, due_on=at.day - timedelta(31))
    build.pay(at.account, LATE_CENTS, at.day)
    disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    assert Termination.objects.count() == 1


def undecided(at: Scene, *, days: int) -> Payment:
    row = money.payment(at.account, 100, as_of=noon(at.day - timedelta(days)))
    Payment.objects.filter(pk=row.pk).update(state=PaymentState.UNKNOWN)
    return row


def test_what_may_have_been_paid_stops_it_however_long_ago(app_role: str) -> None:  # noqa: F811
    at = build_cut.ready()
    undecided(at, days=40)
    refused_everywhere(at, app_role, Missing.IN_FLIGHT)


def test_no_plan_is_made_for_what_may_have_been_paid() -> None:
    at = build_cut.warned()
    undecided(at, days=40)
    made = plans.make(plans.Wanted(), made_by_id=None, as_of=noon(at.day))
    assert (made.to_cut, at.line.refusals) == (0, [Missing.IN_FLIGHT])


def test_what_was_only_begun_stops_it_for_three_days() -> None:
    at = build_cut.ready()
    money.payment(at.account, 100, as_of=noon(at.day - timedelta(3)))
    disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    assert Termination.objects.count() == 1
