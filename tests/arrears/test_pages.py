"""What customers in arrears read: on every page, and on the page that tells it all."""

from datetime import date

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import BillingAccount, Membership, User
from arrears.models import ArrearsCase, ExemptionReason
from arrears.selectors import outlook
from arrears.services import exemptions
from billing.models import Bill, DisputeCause
from billing.services.bills import disputes
from catalog.models import Subscription
from core import clock
from notices.models import Message
from tests.arrears import build, build_restore
from tests.arrears.build import ACTOR, after, noon
from tests.billing import build as money
from tests.catalog.orders import build as orders
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
BANNER = 'class="arrears '


@pytest.fixture(autouse=True)
def no_limits() -> None:
    cache.clear()


@pytest.fixture
def account() -> BillingAccount:
    """Alice's, with two contacts, a line, and a bill that is due on DUE."""
    made = build.account(address="清河市和平路 1 号")
    build.line(made)
    build.bill(made)
    return made


@pytest.fixture
def alice(account: BillingAccount) -> User:
    return member(account, Membership.Role.OWNER)


def member(of: BillingAccount, role: str) -> User:
    user = money.user()
    Membership.objects.create(user=user, account=of, role=role, created_at=NOON)
    return user


def lived(of: BillingAccount, until: int) -> None:
    """Every day since the bill was due soon, all notices delivered."""
    build.days(of, after(-4), after(until))


def page(user: User, address: str, on: date, status: int = 200) -> str:
    web = Client()
    web.force_login(user)
    with clock.stopped(noon(on)):
        answer = web.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def banner(user: User, on: date) -> str:
    """What stands over every page; "" for nothing."""
    text = page(user, "/help/", on)
    return text.partition(BANNER)[2].partition("</aside>")[0]


def test_nothing_is_said_to_who_owes_nothing_late(alice: User, account: BillingAccount) -> None:
    assert banner(alice, after(-1)) == ""
    lived(account, -1)
    assert build.stage(account) == "REMINDED"
    assert banner(alice, after(-1)) == ""


def test_nothing_is_said_to_visitors(account: BillingAccount) -> None:
    lived(account, 2)
    with clock.stopped(noon(after(2))):
        assert BANNER not in Client().get("/help/").content.decode()


def test_late_he_reads_what_is_owed_and_when_he_would_be_off(alice: User, account: BillingAccount) -> None:
    lived(account, 2)
    text = banner(alice, after(2))
    assert f"户号 {account.number} 欠费 ¥26.00" in text
    assert "2026年3月4日 已到期" in text
    assert "最早 2026年4月4日 停机，在这之前缴清就不会停机" in text
    assert f'href="/pay/?account={account.number}"' in text
    assert f'href="/arrears/{account.number}/"' in text
    assert (
        f'href="/pay/?account={account.number}"' in page(alice, "/arrears/", after(2)).partition("<main")[2]
    )


def test_the_day_moves_with_the_notice_that_nobody_has_proof_of(alice: User, account: BillingAccount) -> None:
    build.days(account, after(-4), after(29), is_delivered=False)
    assert "最早 2026年4月9日 停机" in banner(alice, after(29))


def test_off_he_reads_how_it_comes_back_and_when_it_would_be_cut(
    alice: User, account: BillingAccount
) -> None:
    lived(account, 40)
    text = banner(alice, after(40))
    assert "从 2026年4月4日 起因欠费 ¥26.00 停机" in text
    assert "缴清后自动恢复" in text
    assert "2026年6月4日 以前不会拆机" in text


def test_paid_and_not_yet_judged_he_reads_that_it_comes_back(alice: User, account: BillingAccount) -> None:
    lived(account, 40)
    build.pay(account, 100_000, after(40))
    text = banner(alice, after(40))
    assert "正在恢复服务" in text
    assert "/pay/" not in text
    build.one(account, after(40))
    assert banner(alice, after(40)) == ""


def test_a_payment_that_is_being_checked_asks_for_no_second_one(alice: User, account: BillingAccount) -> None:
    lived(account, 2)
    money.payment(account, 2600, as_of=noon(after(2)))
    text = banner(alice, after(2))
    assert "请不要重复付款；确认以前不会停机" in text
    assert "/pay/" not in text


def test_an_exemption_says_until_when(alice: User, account: BillingAccount) -> None:
    lived(account, 2)
    exemptions.ask(
        account_id=account.pk, reason=ExemptionReason.HARDSHIP, note="核实", active_from=after(2),
        active_to=after(12), actor=ACTOR, as_of=noon(after(2)),
    )  # fmt: skip
    assert "2026年3月15日 及以前不会因欠费停机" in banner(alice, after(2))


def test_under_a_longer_exemption_no_promise_is_offered(alice: User, account: BillingAccount) -> None:
    lived(account, 2)
    shown = f"/arrears/{account.number}/"
    assert "/operations/bill.promise/" in page(alice, shown, after(2))
    exemptions.ask(
        account_id=account.pk, reason=ExemptionReason.HARDSHIP, note="核实", active_from=after(2),
        active_to=after(12), actor=ACTOR, as_of=noon(after(2)),
    )  # fmt: skip
    assert "/operations/bill.promise/" not in page(alice, shown, after(2))


def test_a_promise_says_until_when(alice: User, account: BillingAccount) -> None:
    lived(account, 2)
    orders.done(alice, "bill.promise", {"account": account.number}, as_of=noon(after(2)))
    assert "已延期至 2026年3月13日" in banner(alice, after(2))
    shown = page(alice, f"/arrears/{account.number}/", after(2))
    assert "已经申请过延期，有效期至 2026年3月13日" in shown


def test_a_dispute_says_that_the_rest_is_still_to_be_paid(alice: User, account: BillingAccount) -> None:
    second = build.bill(account, 3000)
    lived(account, 2)
    dispute(second, alice, after(2))
    text = banner(alice, after(2))
    assert "欠费 ¥26.00" in text
    assert "答复以前不会停机" in text


def dispute(bill: Bill, by: User, on: date) -> None:
    disputes.begin(
        bill_id=bill.pk,
        cause=DisputeCause.AMOUNT,
        text="不对",
        raised_by_id=by.pk,
        actor=ACTOR,
        as_of=noon(on),
    )


def test_who_owes_nothing_costs_one_query(alice: User, account: BillingAccount) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert outlook.concerning(alice, as_of=noon(after(-10))) == []
    assert len(asked) == 1


def test_who_is_in_arrears_costs_a_few_whatever_the_history(alice: User, account: BillingAccount) -> None:
    lived(account, 40)
    for month in range(1, 6):
        build.bill(account, due_on=after(-20 * month))
    with CaptureQueriesContext(connection) as asked:
        assert len(outlook.concerning(alice, as_of=noon(after(40)))) == 1
    assert len(asked) <= 14


def test_the_worst_account_is_shown_and_the_others_are_counted(alice: User, account: BillingAccount) -> None:
    other = build.account()
    Membership.objects.create(user=alice, account=other, role=Membership.Role.OWNER, created_at=NOON)
    build.bill(other, 9900, due_on=after(30))
    lived(account, 40)
    build.days(other, after(27), after(40))
    text = banner(alice, after(40))
    assert f"户号 {account.number} 从" in text
    assert "另有 1 个户号" in text
    listed = page(alice, "/arrears/", after(40))
    assert f"户号 {other.number} 欠费 ¥99.00" in listed
    assert listed.index(account.number) < listed.index(other.number)


def test_the_page_tells_who_was_told_what_and_whether_it_arrived(
    alice: User, account: BillingAccount
) -> None:
    lived(account, 31)
    text = page(alice, f"/arrears/{account.number}/", after(31))
    assert "通知：停机预告" in text
    assert "通知：明日停机" in text
    contact = account.contacts.order_by("pk")[0].value
    assert f"{contact[3:6]}****{contact[-4:]}" in text
    assert contact[3:] not in text
    assert "已送达" in text
    assert "欠费停机" in text
    assert "2026年6月4日" in text


def test_what_cannot_be_had_says_why(alice: User, account: BillingAccount) -> None:
    lived(account, 2)
    text = page(alice, f"/arrears/{account.number}/", after(2))
    assert f"/operations/bill.promise/?account={account.number}" in text
    assert "延期至 2026年3月13日" in text
    lived(account, 40)
    text = page(alice, f"/arrears/{account.number}/", after(40))
    assert "已经停机，不能再延期" in text
    assert "/operations/bill.promise/" not in text
    assert "/operations/service.dispute_disconnection/" in text


def test_a_disputed_bill_is_marked_and_another_may_be(alice: User, account: BillingAccount) -> None:
    second = build.bill(account, 3000)
    lived(account, 2)
    dispute(Bill.objects.exclude(pk=second.pk).get(account=account), alice, after(2))
    text = page(alice, f"/arrears/{account.number}/", after(2))
    assert "有异议，不计入" in text
    assert f"/operations/bill.dispute/?bill={second.number}" in text


def test_with_everything_disputed_no_page_says_that_all_is_well(alice: User, account: BillingAccount) -> None:
    lived(account, 2)
    dispute(Bill.objects.get(account=account), alice, after(2))
    build.one(account, after(2))
    text = page(alice, f"/arrears/{account.number}/", after(2))
    assert "您对账单的异议正在核查" in text
    assert "没有欠费" not in text


def test_what_is_due_later_is_not_late(alice: User, account: BillingAccount) -> None:
    text = page(alice, f"/arrears/{account.number}/", after(-5))
    assert "这个户号没有逾期的账单" in text
    assert "这个户号没有欠费" not in text


def test_who_may_only_look_is_offered_nothing_to_do(account: BillingAccount) -> None:
    viewer = member(account, Membership.Role.VIEWER)
    lived(account, 40)
    text = page(viewer, f"/arrears/{account.number}/", after(40))
    assert "从 2026年4月4日 起因欠费 ¥26.00 停机" in text
    for way in ("/operations/", f"/pay/?account={account.number}"):
        assert way not in text.partition("<main")[2].partition("</main>")[0]
    assert "/pay/" not in banner(viewer, after(40))


def test_strangers_find_nothing(account: BillingAccount) -> None:
    bob = member(build.account(), Membership.Role.OWNER)
    lived(account, 40)
    for number in (account.number, "nothing"):
        page(bob, f"/arrears/{number}/", after(40), status=404)
    assert account.number not in page(bob, "/arrears/", after(40))
    assert banner(bob, after(40)) == ""
    assert Client().get("/arrears/").status_code == 302


def test_an_account_in_order_says_so(alice: User, account: BillingAccount) -> None:
    build.pay(account, 2600, after(-10))
    text = page(alice, f"/arrears/{account.number}/", after(-5))
    assert "这个户号没有欠费" in text
    assert "/services/pause/" in text
    assert "没有欠费的户号" in page(alice, "/arrears/", after(-5))


def test_who_has_bound_nothing_is_led_to_it() -> None:
    assert "还没有绑定户号" in page(money.user(), "/arrears/", after(0))


def test_after_the_cut_he_reads_until_when_the_number_is_kept() -> None:
    cut = build_restore.cut()
    text = banner(cut.user, build_restore.CUT)
    assert f"户号 {cut.account.number} 因欠费 ¥26.00 已拆机" in text
    assert "号码 13812345678 为您保留至 2026年12月4日，缴清后可以恢复" in text
    assert "/pay/" in text
    assert "/arrears/restore/" not in text
    said = Message.objects.filter(code="disconnected").values_list("context__keep_until", flat=True)
    assert set(said) == {"2026年12月4日"}
    whole = page(cut.user, f"/arrears/{cut.account.number}/", build_restore.CUT)
    assert "保留至 2026年12月4日" in whole
    assert f"/arrears/restore/?subscription={cut.line.number}" in whole
    assert "/operations/service.dispute_disconnection/" in whole


def test_once_all_is_paid_the_number_waits_until_its_last_day() -> None:
    cut = build_restore.cut()
    build_restore.pay(cut)
    text = banner(cut.user, build_restore.LAST_DAY)
    assert "这一天及以前可以恢复" in text
    for address in ("/arrears/", f"/arrears/{cut.account.number}/"):
        main = page(cut.user, address, build_restore.LAST_DAY).partition("<main")[2]
        assert f'class="btn btn--primary" href="/arrears/restore/?subscription={cut.line.number}"' in main
    assert f"/arrears/restore/?subscription={cut.line.number}" in text
    assert banner(cut.user, build_restore.FREE) == ""


def test_after_the_cut_a_dispute_promises_no_service(alice: User) -> None:
    cut = build_restore.cut()
    dispute(Bill.objects.get(account=cut.account), cut.user, build_restore.CUT)
    text = page(cut.user, f"/arrears/{cut.account.number}/", build_restore.CUT)
    assert "您对账单的异议正在核查，请等待答复" in text
    assert "以前不会停机" not in text


def test_the_debt_is_told_when_the_number_is_gone() -> None:
    cut = build_restore.cut()
    text = banner(cut.user, build_restore.FREE)
    assert "因欠费 ¥26.00 已拆机" in text
    assert "欠费仍需缴清" in text
    assert "13812345678" not in text


def test_past_cases_stay_to_be_read(alice: User, account: BillingAccount) -> None:
    lived(account, 40)
    build.pay(account, 100_000, after(40))
    build.one(account, after(40))
    text = page(alice, f"/arrears/{account.number}/", after(41))
    assert "上一次欠费的经过" in text
    assert "已缴清" in text
    assert ArrearsCase.objects.get().close_reason == "PAID"


def test_a_pause_is_resumed_from_here_while_late(alice: User, account: BillingAccount) -> None:
    lived(account, 2)
    assert "/services/pause/" not in page(alice, f"/arrears/{account.number}/", after(2))
    row = Subscription.objects.get()
    assert not build.is_off(row)
