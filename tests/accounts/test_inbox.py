"""Everything somebody was told, on one page: his own, as far as his role goes, and no stranger's."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import BillingAccount, Membership, User
from accounts.selectors import inbox
from accounts.services import inbox as marks
from notices.models import Channel, DeliveryState, InboxMark, Message
from notices.services import messages
from notices.services.messages import INBOX, Address
from tests.accounts import build
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
ELSEWHERE = Address(Channel.SMS, "+8613900000042")
PAGE = "/me/messages/"


@pytest.fixture
def bob(db: None) -> User:
    return build.user("+8613800000099", name="外人")


@pytest.fixture
def page(alice: User) -> Client:
    return browser(alice)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def tell(account: BillingAccount, code: str = "payment_received", *ways: Address, key: str = "") -> Message:
    contexts = {
        "payment_received": {"account_tail": "0001", "amount": "¥26.00", "receipt": "R1"},
        "contact_added": {"account_tail": "0001", "contact": "139****0042"},
        "account_bound": {"account_tail": "0001", "phone": "139****0042"},
        "restored": {"account_tail": "0001", "day": "2026-12-01", "url": "https://x.test/", "help_line": "1"},
    }
    return messages.send(
        code=code,
        recipient_ref=f"account:{account.number}",
        addresses=ways or (ELSEWHERE,),
        context=contexts[code],
        dedupe_key=key or f"test:{code}",
        as_of=NOON,
    )


def codes(user: User) -> set[str]:
    return set(inbox.of(user).messages.values_list("code", flat=True))


def test_the_text_as_sent_with_its_state_and_a_masked_address(page: Client, account: BillingAccount) -> None:
    tell(account)
    shown = page.get(PAGE).content.decode()
    assert "已收到缴费 ¥26.00，收据号 R1" in shown
    assert "139****0042" in shown
    assert "13900000042" not in shown
    assert "等待发送" in shown
    assert "未读" in shown


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (DeliveryState.SENT, "已发出，还没有收到回执"),
        (DeliveryState.DELIVERED, "已送达"),
        (DeliveryState.FAILED, "没有送达"),
    ],
)
def test_the_state_in_his_words(page: Client, account: BillingAccount, state: str, words: str) -> None:
    message = tell(account)
    message.deliveries.update(state=state)
    assert words in page.get(PAGE).content.decode()


def test_one_way_that_arrived_is_enough_and_the_inbox_is_none(account: BillingAccount, alice: User) -> None:
    message = tell(account, "restored", ELSEWHERE, INBOX)
    message.deliveries.filter(channel=Channel.INBOX).update(state=DeliveryState.DELIVERED)
    assert inbox.state(message) == DeliveryState.QUEUED
    message.deliveries.filter(channel=Channel.SMS).update(state=DeliveryState.FAILED)
    assert inbox.state(Message.objects.get()) == DeliveryState.FAILED
    only = tell(account, "restored", INBOX, key="second")
    only.deliveries.update(state=DeliveryState.DELIVERED)
    assert inbox.state(only) == DeliveryState.DELIVERED


def test_a_secret_shows_that_it_was_sent_and_no_text(page: Client, alice: User) -> None:
    messages.send_secret(
        code="login_code",
        recipient_ref=f"user:{alice.pk}",
        address=Address(Channel.SMS, alice.proven_phone or ""),
        context={"code": "482913", "minutes": "5"},
        as_of=NOON,
        lifetime=timedelta(minutes=5),
    )
    shown = page.get(PAGE).content.decode()
    assert "登录验证码" in shown
    assert "不保存内容" in shown
    assert "482913" not in shown


def test_strangers_see_nothing(account: BillingAccount, bob: User) -> None:
    tell(account)
    assert codes(bob) == set()
    assert "收据号 R1" not in browser(bob).get(PAGE).content.decode()
    assert Client().get(PAGE).status_code == 302


def test_what_went_to_his_phone_is_his_since_he_has_proven_it(account: BillingAccount, bob: User) -> None:
    to_bob = Address(Channel.SMS, bob.proven_phone or "")
    tell(account, "payment_received", to_bob)
    assert codes(bob) == {"payment_received"}
    User.objects.filter(pk=bob.pk).update(phone_verified_at=NOON + timedelta(seconds=1))
    bob.refresh_from_db()
    assert codes(bob) == set()


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("OWNER", {"payment_received", "contact_added", "account_bound"}),
        ("HANDLER", {"payment_received", "contact_added", "account_bound"}),
        ("PAYER", {"payment_received"}),
        ("VIEWER", {"payment_received"}),
    ],
)
def test_members_see_what_their_role_may(
    account: BillingAccount, bob: User, role: str, seen: set[str]
) -> None:
    membership = build.bind(bob, account, "OWNER")
    Membership.objects.filter(pk=membership.pk).update(role=role)
    before = codes(bob)
    for code in ("payment_received", "contact_added", "account_bound"):
        tell(account, code)
    assert codes(bob) - (before - {"account_bound"}) >= seen
    assert {"contact_added", "account_bound"} & codes(bob) == seen - {"payment_received"}


def test_newest_first_in_pages_and_filtered(page: Client, account: BillingAccount) -> None:
    for number in range(21):
        tell(account, key=f"many:{number}")
    tell(account, "restored", INBOX, key="last")
    assert next(iter(page.get(PAGE).context["page_obj"])).code == "restored"
    assert len(page.get(PAGE, {"page": "2"}).context["page_obj"]) >= 2
    by_channel = page.get(PAGE, {"channel": "INBOX"}).context["page_obj"]
    assert [row.code for row in by_channel] == ["restored"]
    assert page.get(PAGE, {"account": "8100009999", "channel": "x", "page": "-"}).status_code == 200


def test_unread_until_he_says_so(page: Client, account: BillingAccount, alice: User) -> None:
    message = tell(account)
    unread = inbox.of(alice).unread
    assert unread >= 1
    assert page.get(PAGE).context["unread"] == unread  # looking changes nothing
    assert f"{unread} 条未读" in page.get(reverse("accounts:profile")).content.decode()
    assert page.post(f"{PAGE}read/", {"up_to": str(message.pk)}).status_code == 302
    assert inbox.of(alice).unread == 0
    assert list(page.get(PAGE, {"unread": "1"}).context["page_obj"]) == []
    assert "条未读" not in page.get(reverse("accounts:profile")).content.decode()
    tell(account, key="later")
    assert inbox.of(alice).unread == 1


def test_a_mark_never_goes_back_nor_ahead_of_what_there_is(account: BillingAccount, alice: User) -> None:
    first, second = tell(account, key="a"), tell(account, key="b")
    marks.read(user=alice, up_to=10**15, as_of=NOON)
    assert InboxMark.objects.get().up_to == second.pk
    marks.read(user=alice, up_to=first.pk, as_of=NOON)
    assert InboxMark.objects.get().up_to == second.pk


@pytest.mark.parametrize("up_to", ["", "x", "-1", "½", "9" * 40, "\x00"])
def test_nonsense_marks_nothing(page: Client, account: BillingAccount, up_to: str) -> None:
    tell(account)
    assert page.post(f"{PAGE}read/", {"up_to": up_to}).status_code == 302
    assert not InboxMark.objects.exists()
    assert page.get(f"{PAGE}read/").status_code == 405


def test_as_many_queries_for_one_as_for_twenty(
    account: BillingAccount, alice: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        tell(account, "restored", ELSEWHERE, INBOX, key=f"many:{number}")
    client = browser(alice)
    client.get(PAGE)
    with django_assert_max_num_queries(12):
        client.get(PAGE)
    with django_assert_max_num_queries(4):
        assert inbox.of(alice).unread >= 20


def test_in_english(page: Client, account: BillingAccount) -> None:
    tell(account)
    page.cookies["django_language"] = "en"
    assert page.get(PAGE).status_code == 200
