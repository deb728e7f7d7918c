"""The copy of a customer's data has his orders and invitations to families; of others at most a tail."""

import json
from collections.abc import Iterator

import pytest

from accounts import personal_data
from accounts.models import Membership
from catalog.holdings.families import Family, FamilyInvitation
from core import clock
from tests.catalog.orders import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


def test_orders_with_their_parts_and_no_strangers() -> None:
    alice, account = build.home()
    bob, other = build.home()
    hd = build.offer("hd", 3000, once=5000)
    mine, theirs = build.ordered(alice, account, hd), build.ordered(bob, other, hd)
    found = personal_data.everything(alice)
    [order] = found["orders"]
    assert (order["number"], order["by_me"], order["slip_number"]) == (mine.number, True, mine.slip_number)
    assert mine.bill is not None
    assert (order["account"], order["bill"]) == (account.number, mine.bill.number)
    [line] = order["lines"]
    assert (line["action"], line["offer__name"], line["amount_cents"]) == ("ADD", hd.name, 5000)
    text = json.dumps(found, ensure_ascii=False)
    for strange in (theirs.number, theirs.slip_number, other.number):
        assert strange not in text


def test_another_members_order_is_told_without_his_slip() -> None:
    alice, account = build.home()
    payer = build.member(account, Membership.Role.PAYER)
    order = build.ordered(alice, account, build.offer("hd", 3000))
    [told] = personal_data.everything(payer)["orders"]
    assert (told["number"], told["by_me"], told["slip_number"]) == (order.number, False, None)


def test_who_left_the_account_keeps_his_own_orders_alone() -> None:
    alice, account = build.home()
    payer = build.member(account, Membership.Role.PAYER)
    order = build.ordered(alice, account, build.offer("hd", 3000))
    Membership.objects.filter(user__in=(alice, payer)).delete()
    assert [row["number"] for row in personal_data.everything(alice)["orders"]] == [order.number]
    assert personal_data.everything(payer)["orders"] == []


def test_invitations_to_a_family_show_the_other_side_by_its_tail() -> None:
    alice, account = build.home()
    bob, other = build.home()
    share = build.offer("share", 3000)
    build.ordered(alice, account, share)
    held = build.held(account, share)
    family = Family.objects.create(number="F1", payer=account, subscription=held, created_at=NOON)
    FamilyInvitation.objects.create(
        reference="R1",
        family=family,
        account_number=other.number,
        account=other,
        created_at=NOON,
        expires_at=NOON,
    )
    [by_her] = personal_data.everything(alice)["family_invitations"]
    [to_him] = personal_data.everything(bob)["family_invitations"]
    assert (by_her["payer"], by_her["account"]) == (account.number, f"****{other.number[-4:]}")
    assert (to_him["payer"], to_him["account"]) == (f"****{account.number[-4:]}", other.number)
    assert personal_data.everything(build.member(account, Membership.Role.PAYER))["family_invitations"] == []
