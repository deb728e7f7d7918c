"""Nobody serves himself: an account of one's own is neither exempted nor let off a rule by oneself."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import BillingAccount, Membership, User
from arrears.models import Exemption, ExemptionReason, ReinstallOverride
from arrears.services import disconnecting, exemptions, reinstalls
from billing.selectors.own_accounts import OwnAccount
from core import approvals
from core.actor import Actor
from core.models import Approval, ApprovalState
from tests.arrears import build, build_cut
from tests.arrears.build import ACTOR, noon
from tests.arrears.build_reinstalls import folder, signed  # noqa: F401  # a fixture
from tests.arrears.test_reinstalls import rule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
DAY = build_cut.DAY


def staff(name: str, *, of: BillingAccount | None = None) -> User:
    user = User.objects.create(username=name, is_staff=True, is_superuser=True)
    if of is not None:
        role = Membership.Role.VIEWER
        Membership.objects.create(user=user, account=of, role=role, created_at=noon(DAY))
    return user


def exempted(account: BillingAccount, by: User) -> approvals.Outcome:
    return exemptions.ask(
        account_id=account.pk, reason=ExemptionReason.HARDSHIP, note="x", active_from=DAY,
        active_to=DAY + timedelta(90), actor=Actor.user(by), as_of=noon(DAY),
    )  # fmt: skip


def let_off(account: BillingAccount, by: User) -> approvals.Outcome:
    return reinstalls.ask_override(
        account_id=account.pk, authority="张三 · 总经理", file=signed(), reason="x", actor=Actor.user(by),
        as_of=noon(DAY),
    )  # fmt: skip


WAYS: list[Callable[..., Any]] = [exempted, let_off]


@pytest.mark.parametrize("ask", WAYS)
def test_an_account_of_one_s_own_is_another_s_work(ask: Callable[..., approvals.Outcome]) -> None:
    at = build_cut.ready()
    rule()
    disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(at.day))
    me = staff("me", of=at.account)
    with pytest.raises(OwnAccount):
        ask(at.account, me)
    asked = ask(at.account, staff("colleague")).approval
    assert asked is not None
    for approve in (True, False):
        with pytest.raises(OwnAccount):
            approvals.decide(
                approval_id=asked.pk, approve=approve, actor=Actor.user(me), reason="x", as_of=noon(DAY)
            )
    assert not Exemption.objects.exists()
    assert not ReinstallOverride.objects.exists()
    assert Approval.objects.get(pk=asked.pk).state == ApprovalState.REQUESTED


def test_thirty_days_for_oneself_are_not_granted_at_once_either() -> None:
    account = build.account()
    with pytest.raises(OwnAccount):
        exemptions.ask(
            account_id=account.pk, reason=ExemptionReason.HARDSHIP, note="x", active_from=DAY,
            active_to=DAY + timedelta(10), actor=Actor.user(staff("me", of=account)), as_of=noon(DAY),
        )  # fmt: skip
    assert not Exemption.objects.exists()
