from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Membership, MembershipHistory
from accounts.selectors import accounts
from accounts.services import members
from core.errors import NotFound
from tests.accounts import build
from tests.conftest import NOON
from tests.threads import together

pytestmark = pytest.mark.django_db


def test_binding_leaves_a_history_row() -> None:
    user, account = build.user(), build.account()
    build.bind(user, account)
    row = MembershipHistory.objects.get()
    assert (row.account, row.user_ref, row.role, row.change, row.actor, row.at) == (
        account,
        f"user:{user.pk}",
        "OWNER",
        "ADDED",
        "test:accounts",
        NOON,
    )


@pytest.mark.parametrize(("has", "asks"), [("OWNER", "OWNER"), ("OWNER", "PAYER"), ("PAYER", "VIEWER")])
def test_a_role_is_not_lowered(has: str, asks: str) -> None:
    user, account = build.user(), build.account()
    build.bind(user, account, has)
    with pytest.raises(members.AlreadyBound):
        build.bind(user, account, asks)
    assert (Membership.objects.get().role, MembershipHistory.objects.count()) == (has, 1)


def test_a_role_is_raised() -> None:
    user, account = build.user(), build.account()
    build.bind(user, account, "VIEWER")
    build.bind(user, account, "OWNER")
    assert Membership.objects.get().role == "OWNER"
    assert list(MembershipHistory.objects.order_by("pk").values_list("role", flat=True)) == [
        "VIEWER",
        "OWNER",
    ]


def test_an_account_that_does_not_exist() -> None:
    user = build.user()
    with pytest.raises(NotFound):
        members.bind(user_id=user.pk, account_id=0, role="OWNER", actor=build.ACTOR, as_of=NOON)


def test_nobody_collects_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MOST_ACCOUNTS", 2)
    user = build.user()
    for number in range(2):
        build.bind(user, build.account(f"810000000{number}"))
    with pytest.raises(members.TooManyAccounts):
        build.bind(user, build.account("8100000009"))
    assert Membership.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_same_binding_at_the_same_moment_is_one() -> None:
    user, account = build.user(), build.account()

    def bind() -> str:
        try:
            return build.bind(user, account).role
        except members.AlreadyBound as error:
            return error.code

    assert sorted(together(*[bind] * 4)) == ["ALREADY_BOUND"] * 3 + ["OWNER"]
    assert MembershipHistory.objects.count() == 1


def test_history_is_never_changed() -> None:
    build.bind(build.user(), build.account())
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        MembershipHistory.objects.update(at=NOON + timedelta(days=1))
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        MembershipHistory.objects.all().delete()


def test_what_a_user_sees() -> None:
    alice, bob = build.user(), build.user(build.OTHER_PHONE)
    build.bind(alice, build.account("8100000002"))
    build.bind(alice, build.account("8100000001"), "VIEWER")
    assert [account.number for account in accounts.of_user(alice)] == ["8100000001", "8100000002"]
    assert [row.role for row in accounts.memberships_of(alice)] == ["VIEWER", "OWNER"]
    assert not accounts.of_user(bob).exists()
    assert not accounts.memberships_of(bob).exists()
