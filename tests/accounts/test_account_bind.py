"""account.bind: a code to the contact phone binds; until it is right nothing tells whether the account exists."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import BillingAccount, CodeRequest, Contact, Membership, MembershipHistory, User
from accounts.services import code_requests, codes, contacts, members
from core.errors import HallError
from notices.models import Delivery
from operations.context import Context
from operations.models import Channel, Slip, SlipState
from operations.services import slips
from tests.accounts import build
from tests.accounts.sms import code_to, text_to
from tests.conftest import NOON

Committed = Callable[..., AbstractContextManager[list[Any]]]
pytestmark = pytest.mark.django_db
REAL, NONE = "8100000001", "8199999999"


@pytest.fixture
def account() -> BillingAccount:
    return build.account(REAL, contact=build.OTHER_PHONE)


@pytest.fixture
def wang(account: BillingAccount) -> User:
    return build.user(build.PHONE)


class Desk:
    """One user at the web page of the operation."""

    def __init__(self, user: User, committed: Committed) -> None:
        self.ctx = Context(user=user, channel=Channel.WEB, as_of=NOON, address="192.0.2.7")
        self._committed = committed
        self._key = 0

    def later(self, minutes: int) -> None:
        self.ctx = replace(self.ctx, as_of=self.ctx.as_of + timedelta(minutes=minutes))

    def quote(self, number: str) -> slips.Quoted:
        return slips.quote(operation="account.bind", ctx=self.ctx, raw={"account_number": number})

    def send_code(self, number: str) -> str:
        with self._committed(execute=True):
            return slips.send_code(operation="account.bind", ctx=self.ctx, raw={"account_number": number})

    def submit(self, number: str, code: str, **raw: str) -> Slip:
        self._key += 1
        confirmation: Mapping[str, str] = {"agreed": "yes", "code": code}
        with self._committed(execute=True):
            return slips.submit(
                operation="account.bind",
                ctx=self.ctx,
                raw={"account_number": number},
                quote_digest=self.quote(number).digest,
                confirmation=confirmation,
                idempotency_key=f"test-key-{self._key}",
            )

    def refusal(self, number: str, code: str) -> str:
        with pytest.raises(HallError) as caught:
            self.submit(number, code)
        return f"{caught.value.code} {caught.value.text}"


@pytest.fixture
def desk(wang: User, django_capture_on_commit_callbacks: Committed) -> Desk:
    return Desk(wang, django_capture_on_commit_callbacks)


def test_who_is_told_the_code_by_the_contact_pays_for_him(
    desk: Desk, wang: User, account: BillingAccount
) -> None:
    desk.send_code(REAL)
    slip = desk.submit(REAL, code_to(build.OTHER_PHONE))
    assert slip.state == SlipState.DONE
    membership = Membership.objects.get()
    assert (membership.user, membership.account, membership.role) == (wang, account, "PAYER")
    history = MembershipHistory.objects.get()
    assert (history.user_ref, history.role, history.change, history.at) == (
        f"user:{wang.pk}",
        "PAYER",
        "ADDED",
        NOON,
    )


def test_who_reads_the_contact_s_messages_owns_the_account(
    account: BillingAccount, django_capture_on_commit_callbacks: Committed
) -> None:
    desk = Desk(build.user(build.OTHER_PHONE), django_capture_on_commit_callbacks)
    desk.send_code(REAL)
    desk.submit(REAL, code_to(build.OTHER_PHONE))
    assert Membership.objects.get().role == "OWNER"


def test_a_claimed_phone_makes_no_owner(
    account: BillingAccount, django_capture_on_commit_callbacks: Committed
) -> None:
    claims = User.objects.create(username="claims", phone=build.OTHER_PHONE)
    desk = Desk(claims, django_capture_on_commit_callbacks)
    desk.send_code(REAL)
    desk.submit(REAL, code_to(build.OTHER_PHONE))
    assert Membership.objects.get().role == "PAYER"


def test_the_contact_is_told_who_bound_his_account(desk: Desk) -> None:
    desk.send_code(REAL)
    desk.submit(REAL, code_to(build.OTHER_PHONE))
    assert text_to(build.OTHER_PHONE) == (
        "【网上营业厅】尾号 0001 的户号已被手机号 138****0001 绑定。如非您同意，请联系客服。"
    )


def test_the_number_as_people_type_it(desk: Desk) -> None:
    desk.send_code("８１０ 0000 001")
    desk.submit("8100000001 ", code_to(build.OTHER_PHONE))
    assert Membership.objects.get().account.number == REAL


@pytest.mark.parametrize("number", ["", "户号", "81<script>", "8" * 33, "81'--", "81\0"])
def test_what_is_no_number_is_said_beside_the_field(desk: Desk, number: str) -> None:
    with pytest.raises(HallError) as caught:
        desk.quote(number)
    assert caught.value.code == "INVALID_INPUT"


def test_right_and_wrong_numbers_cannot_be_told_apart(desk: Desk) -> None:
    """Quote, sending, sending again, wrong codes, no code, used-up guesses: the same answers for both."""
    quotes = [desk.quote(number) for number in (REAL, NONE)]
    shown = [
        str(quoted.quote.as_json()).replace(number, "N")
        for quoted, number in zip(quotes, (REAL, NONE), strict=True)
    ]
    assert shown[0] == shown[1]
    assert (
        desk.refusal(REAL, "123456")
        == desk.refusal(NONE, "123456")
        == "CODE_EXPIRED 验证码已失效，请重新获取"
    )
    assert desk.send_code(REAL) == desk.send_code(NONE) == ""
    for number in (REAL, NONE):
        with pytest.raises(code_requests.TooManyCodes):
            desk.send_code(number)
    for _ in range(5):
        assert (
            desk.refusal(REAL, "abc") == desk.refusal(NONE, "abc") == "WRONG_CODE 验证码不正确，请核对后再试"
        )
    assert desk.refusal(REAL, "abc") == desk.refusal(NONE, "abc") == "CODE_EXPIRED 验证码已失效，请重新获取"
    facts = Slip.objects.values_list("state", "refusal_code", "customer", "region")
    by_number = [sorted(facts.filter(data__account_number=number)) for number in (REAL, NONE)]
    assert by_number[0] == by_number[1]
    assert [row.is_sent for row in CodeRequest.objects.order_by("pk")] == [True, False]
    assert not Membership.objects.exists()


def test_an_account_without_a_contact_is_as_if_it_were_not(desk: Desk) -> None:
    build.account("8100000002", contact="")
    assert desk.send_code("8100000002") == ""
    assert desk.refusal("8100000002", "123456").startswith("WRONG_CODE")
    assert not Delivery.objects.exists()


def test_a_code_for_one_account_binds_no_other(desk: Desk) -> None:
    build.account("8100000002", contact="+8613800000009")
    desk.send_code(REAL)
    desk.send_code("8100000002")
    assert desk.refusal("8100000002", code_to(build.OTHER_PHONE)).startswith("WRONG_CODE")
    assert not Membership.objects.exists()


def test_a_code_for_one_user_binds_for_no_other(
    desk: Desk, django_capture_on_commit_callbacks: Committed
) -> None:
    desk.send_code(REAL)
    other = Desk(build.user("+8613800000005"), django_capture_on_commit_callbacks)
    assert other.refusal(REAL, code_to(build.OTHER_PHONE)).startswith("CODE_EXPIRED")
    assert not Membership.objects.exists()


def test_a_wrong_code_is_counted_although_the_slip_is_refused(desk: Desk) -> None:
    desk.send_code(REAL)
    right = code_to(build.OTHER_PHONE)
    for guess in range(5):
        assert desk.refusal(REAL, f"{(int(right) + 1 + guess) % 1_000_000:06d}").startswith("WRONG_CODE")
    assert desk.refusal(REAL, right).startswith("CODE_EXPIRED")
    assert Slip.objects.filter(state=SlipState.REFUSED).count() == 6
    assert not Membership.objects.exists()


def test_asking_for_many_numbers_ends_soon(desk: Desk) -> None:
    for number in range(10):
        desk.send_code(f"81000001{number:02d}")
    with pytest.raises(code_requests.TooManyCodes):
        desk.send_code(REAL)
    assert not Delivery.objects.exists()


def test_an_owner_is_told_that_he_has_it(desk: Desk, wang: User, account: BillingAccount) -> None:
    build.bind(wang, account)
    with pytest.raises(members.AlreadyBound):
        desk.quote(REAL)


def test_a_stranger_s_binding_is_not_told(
    desk: Desk, account: BillingAccount, django_capture_on_commit_callbacks: Committed
) -> None:
    build.bind(build.user("+8613800000005"), account)
    assert desk.quote(REAL).quote.price_cents == 0


def test_a_payer_who_proves_the_contact_phone_becomes_owner(
    account: BillingAccount, django_capture_on_commit_callbacks: Committed
) -> None:
    li = build.user(build.OTHER_PHONE)
    build.bind(li, account, Membership.Role.PAYER)
    desk = Desk(li, django_capture_on_commit_callbacks)
    desk.send_code(REAL)
    desk.submit(REAL, code_to(build.OTHER_PHONE))
    assert Membership.objects.get().role == "OWNER"


def test_a_payer_who_binds_again_stays_what_he_is(desk: Desk, wang: User, account: BillingAccount) -> None:
    build.bind(wang, account, Membership.Role.PAYER)
    desk.send_code(REAL)
    assert desk.refusal(REAL, code_to(build.OTHER_PHONE)).startswith("ALREADY_BOUND")
    assert MembershipHistory.objects.count() == 1
    assert "绑定" not in text_to(build.OTHER_PHONE)


def test_a_contact_removed_meanwhile_binds_nobody(desk: Desk) -> None:
    desk.send_code(REAL)
    code = code_to(build.OTHER_PHONE)
    Contact.objects.all().delete()
    assert desk.refusal(REAL, code).startswith("WRONG_CODE")
    assert not Membership.objects.exists()


def test_a_new_contact_gets_the_news(desk: Desk, account: BillingAccount) -> None:
    desk.send_code(REAL)
    code = code_to(build.OTHER_PHONE)
    contacts.add(account_id=account.pk, kind="PHONE", value="13800000007", is_primary=True, as_of=NOON)
    desk.submit(REAL, code)
    assert "已被手机号" in text_to("+8613800000007")


def test_a_code_is_used_once(desk: Desk, wang: User) -> None:
    desk.send_code(REAL)
    code = code_to(build.OTHER_PHONE)
    desk.submit(REAL, code)
    Membership.objects.all().delete()
    assert desk.refusal(REAL, code).startswith(codes.CodeExpired.code)
