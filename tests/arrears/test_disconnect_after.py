"""After the cut: the debt stays, grows by rule, is told by rule, is paid online, or is given up by two."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from arrears.models import ArrearsCase, PlanLine
from arrears.services import disconnecting, write_offs
from billing.models import Bill, BillKind, Dispute
from billing.selectors import penalties
from catalog.models import Subscription
from core import approvals, clock
from core.actor import Actor
from core.errors import HallError
from notices.models import Message
from tests.admin.build import staff_with
from tests.api.build import Api, token_of
from tests.arrears import build, build_cut, build_restore
from tests.arrears.build import after, noon
from tests.arrears.build_restore import CUT, DIGITS, LATER
from tests.catalog.orders import build as orders

pytestmark = pytest.mark.django_db


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_debt_stays_on_his_pages_and_over_the_interface() -> None:
    at = build_restore.cut()
    api = Api(token_of(at.user))  # of the real today
    with clock.stopped(noon(LATER)):
        client = browser(at.user)
        for page in ("/bills/", f"/arrears/{at.account.number}/", f"/pay/?account={at.account.number}"):
            answer = client.get(page)
            assert answer.status_code == 200, page
            assert "26.00" in answer.content.decode(), page
        text = client.get("/arrears/restore/").content.decode()
        assert DIGITS in text
        assert "26.00" in text
        [row] = api.get("/api/arrears/").json()["results"]
    assert (row["stage"], row["owed_cents"]) == ("DISCONNECTED", 2600)


def test_where_only_a_disputed_debt_is_left_the_page_says_so_and_where_to_pay() -> None:
    at = build_restore.cut()
    build_restore.sim()
    Dispute.objects.create(
        number="D1", bill=Bill.objects.get(account=at.account), cause="AMOUNT", text="不对", raised_by=at.user,
        created_at=noon(CUT), promised_on=LATER,
    )  # fmt: skip
    pay = f"/pay/?account={at.account.number}"
    with clock.stopped(noon(LATER)):
        client = browser(at.user)
        text = client.get("/arrears/restore/").content.decode()
        assert "37.70" in client.get(pay).content.decode()  # with its penalty
    assert "正在异议核查的逾期欠费" in text
    assert "没有别的逾期欠费了" in text
    assert f'href="{pay}"' in text
    with pytest.raises(HallError) as refused:
        orders.quoted(at.user, "number.restore", at.raw, as_of=noon(LATER))
    assert pay in refused.value.text


def test_the_penalty_goes_on_by_rule_up_to_its_cap() -> None:
    at = build_restore.cut()
    bill = Bill.objects.get(account=at.account)
    days = (CUT, CUT + timedelta(10), after(2000))
    found = [penalties.accrued([bill.pk], on=day)[bill.pk].cents for day in days]
    assert found[1] - found[0] == 78  # 26.00 × 0.3 % × 10 days
    assert found[2] <= 2600


def test_he_is_reminded_as_often_as_the_policy_says_and_no_more() -> None:
    at = build_restore.cut()
    days: list[int] = []
    for n in range(92, 260):
        build.one(at.account, after(n))
        if Message.objects.filter(code="debt_remains").count() > 2 * len(days):
            days.append(n)
    assert days == [31 + 91, 31 + 121, 31 + 181]
    assert Message.objects.filter(code="debt_remains").count() == 3 * 2  # his phone and the inbox
    build_restore.pay(at, after(260))
    for n in range(260, 300):
        build.one(at.account, after(n))
    assert Message.objects.filter(code="debt_remains").count() == 6


def test_paid_years_later_without_a_line_the_case_ends() -> None:
    at = build_restore.cut()
    build_restore.pay(at, after(800))
    case = ArrearsCase.objects.earliest("pk")
    assert (case.stage, case.close_reason) == ("DISCONNECTED", "PAID")
    assert not ArrearsCase.objects.open().exists()
    assert not Bill.objects.filter(account=at.account, open_cents__gt=0).exists()
    assert Bill.objects.filter(account=at.account, kind=BillKind.PENALTY).exists()
    assert not Subscription.objects.filter(account=at.account, state="ACTIVE").exists()


def test_given_up_by_two_nobody_is_reminded_any_more() -> None:
    at = build_restore.cut()
    bill = Bill.objects.get(account=at.account)
    clerk = Actor.user(staff_with(write_offs.ASK, username="clerk"))
    boss = Actor.user(staff_with(write_offs.DECIDE, username="boss"))
    on = noon(after(110))
    asked = write_offs.ask(
        bill_id=bill.pk, amount_cents=2600, reason="查无此人", actor=clerk, as_of=on
    ).approval
    assert asked is not None
    assert build.stage(at.account) == "DISCONNECTED"
    approvals.decide(approval_id=asked.pk, approve=True, actor=boss, reason="属实", as_of=on)
    assert ArrearsCase.objects.get().close_reason == "WRITTEN_OFF"
    for n in range(111, 300):
        build.one(at.account, after(n))
    assert not Message.objects.filter(code="debt_remains").exists()


def test_the_other_lines_of_who_pays_come_back_when_he_has_paid() -> None:
    """One was cut, the other is only off: it is no reason to leave it off."""
    scene = build_cut.warned(lines=2)
    build_cut.planned(cap=1)
    [line] = PlanLine.objects.filter(state="WAITING")
    disconnecting.cut(line_id=line.pk, actor=build.ACTOR, as_of=noon(build_cut.DAY))
    [left] = Subscription.objects.filter(account=scene.account, state="ACTIVE")
    assert build.is_off(left)
    build.pay(scene.account, 2600, after(100))
    orders.news(noon(after(100)))
    build.one(scene.account, after(100))
    assert not build.is_off(left)
