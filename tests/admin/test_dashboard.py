"""The staff's first page: right figures, few queries, nothing that its reader may not see."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing.models import CounterMethod, Receipt
from billing.services import counter
from billing.services.money import receipts, suspense
from core import clock
from core.models import Heartbeat, OutboxRow
from hall.selectors import dashboard
from tests.admin import build
from tests.billing import build as money
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
MOST_QUERIES = 20  # session, user, permissions, and one for each figure


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


def figure(client: Client, title: str) -> dict[str, Any]:
    cards = client.get(reverse("admin:index")).context["cards"]
    return next(card for card in cards if str(card["title"]) == title)


def test_empty_hall_shows_zeroes(desk: Client) -> None:
    answer = desk.get(reverse("admin:index"))
    assert answer.context["collected"]["cents"] == 0
    assert {card["figure"] for card in answer.context["cards"]} == {"0", "¥0.00"}
    assert {card["tone"] for card in answer.context["cards"]} == {"ok"}


def test_full_hall_takes_few_queries(desk: Client, django_assert_max_num_queries: Any) -> None:
    build.hall(8)
    with django_assert_max_num_queries(MOST_QUERIES):
        assert desk.get(reverse("admin:index")).status_code == 200


def test_money_of_today_and_of_the_week_by_gateway(desk: Client) -> None:
    for days, cents in ((0, 2600), (0, 400), (1, 1000), (8, 9999)):
        payment = money.payment(money.account(), cents)
        money.apply(payment, money.report(payment), as_of=NOON - timedelta(days=days))
    assert Receipt.objects.count() == 4

    collected = desk.get(reverse("admin:index")).context["collected"]

    assert (collected["cents"], collected["receipts"]) == (3000, 2)
    assert [(str(row["name"]), row["cents"]) for row in collected["gateways"]] == [("支付宝", 3000)]
    assert [day["cents"] for day in collected["days"]] == [0, 0, 0, 0, 0, 1000, 3000]
    assert collected["days"][-1]["height"] == 100


def test_money_of_the_past_that_an_import_brought_is_not_collected_today(desk: Client) -> None:
    receipts.book(
        account_id=money.account().pk,
        gateway="import:accounts-receivable",
        trade_no="1",
        amount_cents=100,
        paid_at=NOON - timedelta(days=5000),
        as_of=NOON,
    )
    assert desk.get(reverse("admin:index")).context["collected"]["cents"] == 0


def test_day_begins_at_midnight_in_shanghai(desk: Client) -> None:
    midnight = NOON - timedelta(hours=12)
    for at in (midnight, midnight - timedelta(seconds=1)):
        payment = money.payment(money.account(), 100)
        money.apply(payment, money.report(payment), as_of=at)
    assert desk.get(reverse("admin:index")).context["collected"]["cents"] == 100


def test_stuck_callbacks_are_those_given_up_or_too_late(desk: Client) -> None:
    payment = money.payment(money.account())
    build.dead_callback(payment)
    for seconds in (30, 90):
        late = build.dead_callback(payment, at=NOON - timedelta(seconds=seconds))
        type(late).objects.filter(pk=late.pk).update(state="NEW")

    card = figure(desk, "卡住的回调")

    assert (card["figure"], card["tone"]) == ("2", "bad")
    assert card["note"] == "需人工 1，超时未入账 1"


def test_money_nobody_has_used_is_shown(desk: Client) -> None:
    account = money.account()
    money.bill(account, 2600)
    payment = money.payment(account, 3000)
    money.apply(payment, money.report(payment))

    assert figure(desk, "未销账款项")["figure"] == "¥4.00"


def test_undecided_payments_and_dead_news_are_counted(desk: Client) -> None:
    money.payment(money.account(), as_of=NOON - timedelta(hours=2))
    build.outbox_row()
    build.outbox_row(OutboxRow.State.DONE)

    assert figure(desk, "待定支付")["note"] == "确认中 0，过期未关闭 1"
    assert figure(desk, "停止的消息")["figure"] == "1"


def test_money_that_somebody_must_look_at_colours_the_card(desk: Client) -> None:
    payment = money.payment(money.account())
    unknown = money.report(payment, reference="HP20260101999999", trade_no="T1")
    suspense.apply(report=unknown, as_of=NOON - timedelta(days=1), actor=build.ACTOR)
    card = figure(desk, "未销账款项")
    assert (card["figure"], card["tone"]) == ("¥26.00", "warn")
    assert card["note"] == "待核查 0 笔，过渡 1 笔，退款待更正 0 笔"
    with clock.stopped(NOON + timedelta(days=7)):
        assert figure(desk, "未销账款项")["tone"] == "bad"


def test_what_waits_for_a_second_person_is_shown(desk: Client) -> None:
    build.approval(requested_at=NOON - timedelta(days=2))
    build.approval(subject=("core.Heartbeat", "other"))

    card = figure(desk, "待审批")

    assert (card["figure"], card["tone"]) == ("2", "warn")
    assert card["note"] == "共 ¥1,600.00，最久已等 2 天"


def test_jobs_say_how_they_are() -> None:
    beat = {"expected_every_seconds": 60, "last_finished_at": NOON}
    Heartbeat.objects.create(job="fine", **beat)
    Heartbeat.objects.create(job="broken", **beat, last_ok=False)
    Heartbeat.objects.create(job="quiet", **beat | {"last_finished_at": NOON - timedelta(hours=1)})
    Heartbeat.objects.create(job="check_ledgers", **beat, last_ok=False, detail={"differences": 2})

    said = {job["job"]: str(job["text"]) for job in dashboard.jobs(NOON)}

    assert next(iter(said)) == "check_ledgers"
    assert said["check_ledgers"] == "账务不平：2 处"
    assert (said["fine"], said["broken"], said["quiet"]) == ("正常", "上次失败", "已中断")


def test_each_sees_only_the_figures_of_what_he_may_look_at(log_in: Callable[[User], Client]) -> None:
    client = log_in(build.staff_with("notices.view_delivery"))
    answer = client.get(reverse("admin:index"))
    assert [str(card["title"]) for card in answer.context["cards"]] == ["未送达通知"]
    assert answer.context["collected"] is None
    assert answer.context["jobs"] is None
    assert "今日收款" not in answer.content.decode()


def test_menu_names_only_what_he_may_look_at(log_in: Callable[[User], Client]) -> None:
    client = log_in(build.staff_with("notices.view_delivery"))
    menu = client.get(reverse("admin:index")).context["sidebar_navigation"]
    assert [str(item["title"]) for group in menu for item in group["items"]] == [
        "工作台",
        "未送达的通知",
        "发送",
    ]


def test_figures_lead_to_their_rows(desk: Client) -> None:
    build.hall(4)
    for card in desk.get(reverse("admin:index")).context["cards"]:
        assert desk.get(card["url"]).status_code == 200


def test_staff_without_any_permission_are_told_so(log_in: Callable[[User], Client]) -> None:
    answer = log_in(build.staff_with()).get(reverse("admin:index"))
    assert "请联系管理员分配权限" in answer.content.decode()


def test_cash_that_stays_in_a_till_warns(desk: Client) -> None:
    assert figure(desk, "未解款现金")["tone"] == "ok"
    clerk = build.staff_with(username="cashier")
    counter.receive(
        account_id=money.account().pk,
        method=CounterMethod.CASH,
        paper_no="K0001",
        amount_cents=2600,
        taken_by_id=clerk.pk,
        as_of=clock.now() - timedelta(days=2),
        actor=build.ACTOR,
    )
    card = figure(desk, "未解款现金")
    assert (card["figure"], card["tone"]) == ("¥26.00", "warn")
    assert "最久 2 天" in str(card["note"])
