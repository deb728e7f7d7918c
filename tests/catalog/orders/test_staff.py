"""What staff see and do: steps and ages, what is stuck, retry and cancel, the share that needs nobody."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from accounts.models import BillingAccount
from catalog.holdings.services import subscriptions
from catalog.models import LineState, Order, OrderState, Subscription, SubscriptionState
from catalog.orders import errors
from catalog.orders.selectors import desk
from catalog.orders.services import orders, retrying, watch
from core import scopes
from core.actor import Actor
from core.models import Heartbeat
from hall.upkeep import status
from hall.upkeep.findings import BAD, OK
from tests.admin import build as staff
from tests.billing import build as money
from tests.catalog.orders import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
CLERK = Actor("user:999999")
HOUR = timedelta(hours=1)


def in_trouble(code: str = "hd") -> tuple[Order, BillingAccount]:
    user, account = build.home()
    build.credit(account, 5000)
    order = build.ordered(user, account, build.offer(code, 3000, once=5000, entitlements=(code,)))
    build.switch(adapter=build.Broken())
    order.refresh_from_db()
    return order, account


def test_a_retry_switches_it_on_and_the_order_is_done() -> None:
    order, account = in_trouble()
    assert retrying.retry(number=order.number, actor=CLERK, as_of=NOON + HOUR, reason="换了卡") == 1
    assert order.lines.get().error == ""
    build.switch(NOON + HOUR)
    order.refresh_from_db()
    assert order.state == OrderState.COMPLETED
    assert Subscription.objects.get().state == SubscriptionState.ACTIVE
    assert money.balance(account) == 0
    with pytest.raises(errors.NothingToRetry):
        retrying.retry(number=order.number, actor=CLERK, as_of=NOON + HOUR, reason="再试")


def test_what_merely_takes_long_is_stuck_but_not_given_up() -> None:
    user, account = build.home()
    order = build.ordered(user, account, build.offer("hd", entitlements=("HD",)))
    late = NOON + timedelta(hours=settings.ORDER_PROMISE_HOURS)
    [*_, counts] = watch.run(watch.Job(as_of=late))
    assert (counts.given_up, counts.stuck) == (0, 1)
    order.refresh_from_db()
    assert order.state == OrderState.IN_PROGRESS


def test_the_status_page_tells_of_stuck_orders() -> None:
    [finding] = status.orders(NOON)
    assert finding.tone == OK
    order, _account = in_trouble()
    [finding] = status.orders(NOON)
    assert (finding.tone, finding.figure) == (BAD, "1")
    assert order.number in finding.note


def test_steps_and_ages() -> None:
    user, account = build.home()
    build.ordered(user, account, build.offer("a", once=100))
    in_trouble()
    found = {step.state: step.counts for step in desk.by_step(Order.objects.all(), as_of=NOON + 2 * HOUR)}
    assert found[OrderState.ACCEPTED] == (0, 1, 0, 0)
    assert found[OrderState.IN_PROGRESS] == (0, 1, 0, 0)
    for age, count in (("1h", 0), ("24h", 2), ("3d", 0), ("more", 0), ("nonsense", 2)):
        assert desk.aged(Order.objects.all(), age, as_of=NOON + 2 * HOUR).count() == count


def test_the_share_that_needed_nobody() -> None:
    user, account = build.home()
    hd = build.offer("hd", most_per_account=3)
    build.ordered(user, account, hd)
    build.ordered(user, account, hd)
    order, _account = in_trouble("vod")
    retrying.retry(number=order.number, actor=CLERK, as_of=NOON + HOUR, reason="换了卡")
    build.switch(NOON + HOUR)
    found = desk.automated(scopes.everything, as_of=NOON + 2 * HOUR)
    assert [(row.offer, row.finished, row.automated, row.percent) for row in found] == [
        ("产品 vod", 1, 0, 0),
        ("产品 hd", 2, 2, 100),
    ]


def test_the_work_page_and_the_list(client: Client) -> None:
    order, account = in_trouble()
    client.force_login(staff.superuser())
    page = client.get("/admin/catalog/order/desk/").content.decode()
    assert order.number in page
    assert "NO_SUCH_CARD" in page
    listed = client.get(f"/admin/catalog/order/?state__exact=IN_PROGRESS&age=1h&q={account.number}")
    assert listed.status_code == 200
    detail = client.get(f"/admin/catalog/order/{order.pk}/change/").content.decode()
    assert "重新开通" in detail
    assert "取消订单" in detail


def test_staff_who_may_not_see_orders_are_turned_away(client: Client) -> None:
    client.force_login(staff.staff_with("content.view_article"))
    assert client.get("/admin/catalog/order/desk/").status_code == 403


def test_cancelled_by_staff_what_is_not_on_costs_nothing() -> None:
    order, account = in_trouble()
    orders.give_up(number=order.number, code=orders.BY_STAFF, actor=CLERK, as_of=NOON)
    order.refresh_from_db()
    assert (order.state, order.lines.get().state) == (OrderState.FAILED, LineState.FAILED)
    assert money.balance(account) == 5000
    assert money.books_are_right()
    assert order.history.latest("pk").actor == CLERK.ref


def test_what_is_on_by_now_is_not_taken_back() -> None:
    order, account = in_trouble()
    held = Subscription.objects.get()
    subscriptions.activate(number=held.number, actor=CLERK, as_of=NOON)
    orders.give_up(number=order.number, code=orders.BY_STAFF, actor=CLERK, as_of=NOON)
    order.refresh_from_db()
    assert order.state == OrderState.COMPLETED
    assert money.balance(account) == 0


def test_the_command_counts_and_changes_nothing_in_a_dry_run(capsys: pytest.CaptureFixture[str]) -> None:
    user, account = build.home()
    build.ordered(user, account, build.offer("a", once=100))
    late = (NOON + timedelta(hours=73)).isoformat()
    call_command("watch_orders", "--as-of", late, "--dry-run", "--json", "--account", account.number)
    assert '"cancelled": 1' in capsys.readouterr().out
    assert Order.objects.get().state == OrderState.ACCEPTED
    call_command("watch_orders", "--as-of", late, "--limit", "5", "--region", "NOWHERE")
    assert Order.objects.get().state == OrderState.ACCEPTED
    call_command("watch_orders", "--as-of", late)
    assert Order.objects.get().state == OrderState.CANCELLED


@pytest.mark.django_db(transaction=True)
def test_the_job_leaves_a_heartbeat() -> None:
    watch.run_now(as_of=NOON)
    beat = Heartbeat.objects.get(pk=watch.JOB)
    assert (beat.last_ok, beat.detail["stuck"]) == (True, 0)
