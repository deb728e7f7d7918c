"""What staff do with numbers, stock and commands: with a reason, on record, and two of them where it matters."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core import approvals, clock
from core.actor import Actor
from core.errors import Forbidden
from core.models import Approval, AuditRow
from resources.adapters.base import AdapterError
from resources.models import Command, Device, LowStock, Number, NumberLockRule, StockItem, Transfer
from resources.services import provisioning
from tests.admin import build as staff
from tests.conftest import NOON
from tests.resources import build
from tests.resources.build import levels, minutes
from tests.resources.test_provisioning import Far

pytestmark = pytest.mark.django_db
DIGITS = "13812345678"


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def root() -> User:
    return staff.superuser()


@pytest.fixture
def desk(client: Client, root: User) -> Client:
    client.force_login(root)
    return client


def act(desk: Client, model: str, name: str, pk: int, **data: Any) -> Any:
    address = f"{reverse(f'admin:resources_{model}_act', args=[name])}?ids={pk}"
    assert desk.get(address).status_code == 200
    return desk.post(address, {"reason": "值班处理", **data})


def locked_number() -> Number:
    number = build.number()
    build.own(as_of=NOON - timedelta(days=2))
    build.take_back(as_of=NOON - timedelta(days=1))
    return number


def test_a_lock_ends_early_only_by_two_people_and_a_named_authority(desk: Client, root: User) -> None:
    number = locked_number()
    act(desk, "number", "unlock", number.pk, authority="省公司〔2026〕18 号")
    [asked] = Approval.objects.all()
    assert (asked.kind, asked.data) == ("resources.number_unlock", {"authority": "省公司〔2026〕18 号"})
    assert not Number.objects.free(as_of=NOON).exists()
    with pytest.raises(approvals.OwnRequest):
        approvals.decide(approval_id=asked.pk, approve=True, actor=Actor.user(root), reason="x", as_of=NOON)
    clerk = staff.staff_with("resources.change_number", username="clerk")
    with pytest.raises(Forbidden):
        approvals.decide(approval_id=asked.pk, approve=True, actor=Actor.user(clerk), reason="x", as_of=NOON)
    chief = staff.staff_with("resources.approve_number_unlock", username="chief")
    approvals.decide(approval_id=asked.pk, approve=True, actor=Actor.user(chief), reason="同意", as_of=NOON)
    assert Number.objects.free(as_of=minutes(1)).get() == number
    change = number.changes.latest("pk")
    assert (change.verb, change.actor) == ("UNLOCKED", f"user:{root.pk}")
    assert change.reason.startswith("省公司〔2026〕18 号")
    assert AuditRow.objects.filter(object_type="resources.Number", object_id=str(number.pk)).exists()


def test_without_an_authority_nothing_is_asked(desk: Client) -> None:
    number = locked_number()
    assert act(desk, "number", "unlock", number.pk, authority="").status_code == 200
    assert not Approval.objects.exists()


def test_a_lock_that_ended_meanwhile_is_not_ended_again(root: User) -> None:
    number = build.number()
    approvals.submit(
        kind="resources.number_unlock",
        subject=("resources.Number", number.pk),
        amount_cents=0,
        data={"authority": "x"},
        reason="客户要求",
        actor=Actor.user(root),
        as_of=NOON,
    )
    chief = staff.staff_with("resources.approve_number_unlock", username="chief")
    with pytest.raises(Exception, match="NUMBER_NOT_LOCKED"):
        approvals.decide(
            approval_id=Approval.objects.get().pk,
            approve=True,
            actor=Actor.user(chief),
            reason="同意",
            as_of=NOON,
        )


def test_staff_release_a_hold_with_a_reason(desk: Client) -> None:
    build.number()
    held = build.hold()
    with clock.stopped(minutes(1)):
        act(desk, "numberperiod", "release", held.period.pk)
    assert Number.objects.free(as_of=minutes(2)).exists()
    assert AuditRow.objects.get().reason == "值班处理"


def test_a_new_number_gets_its_marks_and_a_rule_is_for_days_to_come(desk: Client) -> None:
    build.number("13800000000")
    given = {"number_class": build.number_class().pk, "region": build.region().pk, "is_offered": "on"}
    desk.post(reverse("admin:resources_number_add"), {"digits": "13856708888", "reason": "新号段", **given})
    assert {"AAAA", "NO4", "5670"} <= set(Number.objects.get(digits="13856708888").marks)
    for day, count in (("2026-11-18", 0), ("2026-11-19", 1)):
        rule = {"number_class": "", "months": "3", "active_from": day, "reason": "新规定"}
        answer = desk.post(reverse("admin:resources_numberlockrule_add"), rule)
        assert answer.status_code == (302 if count else 200)
        assert NumberLockRule.objects.count() == count


def test_stock_is_moved_by_actions_alone(desk: Client) -> None:
    item = build.item(5)
    west = build.region("城西")
    target = build.item(0, place=west)
    for _ in range(2):  # the same key: the same delivery
        act(desk, "stockitem", "receive", item.pk, quantity="4", request_key="k" * 20)
    assert levels(item) == (9, 0, 0)
    act(desk, "stockitem", "send", item.pk, quantity="2", request_key="t" * 20, target=west.code)
    act(desk, "transfer", "arrive", Transfer.objects.get().pk, quantity="2")
    assert (levels(item), levels(target)) == ((7, 0, 0), (2, 0, 0))
    act(desk, "stockitem", "count", item.pk, found="6")
    act(desk, "stockitem", "line", item.pk, low_at="6")
    assert levels(item) == (6, 0, 0)
    assert LowStock.objects.get().item == item
    act(desk, "stockitem", "send", item.pk, quantity="99", request_key="u" * 20, target=west.code)
    assert levels(item) == (6, 0, 0)
    typed = {
        "sku": "NEW",
        "name": "新货",
        "place": west.pk,
        "low_at": "",
        "available": "99",
        "reason": "新货号",
    }
    desk.post(reverse("admin:resources_stockitem_add"), typed)
    assert levels(StockItem.objects.get(sku="NEW")) == (0, 0, 0)


def test_a_device_is_added_with_its_history_and_changes_state_by_action(desk: Client) -> None:
    typed = {"serial": "SN1", "kind": "BOX", "sku": "", "region": build.region().pk, "reason": "到货"}
    answer = desk.post(reverse("admin:resources_device_add"), typed)
    assert answer.status_code == 302, answer.context["errors"]
    device = Device.objects.get()
    assert device.history.count() == 1
    act(desk, "device", "set-state", device.pk, state="REPAIR")
    act(desk, "device", "set-state", device.pk, state="LOST")
    act(desk, "device", "set-state", device.pk, state="IN_STOCK")  # no such step
    device.refresh_from_db()
    assert device.state == "LOST"


def test_a_failed_command_is_a_persons_and_what_he_did_is_on_record(desk: Client, root: User) -> None:
    for key in ("k1", "k2"):
        build.command(key, subject=key)
    far = Far(*[AdapterError("REFUSED", permanent=True)] * 2)
    provisioning.work(clock=lambda: NOON, adapter=far)
    first, second = Command.objects.order_by("pk")
    page = desk.get(reverse("admin:resources_command_change", args=[first.pk])).content.decode()
    assert "重新执行" in page
    assert "已人工完成" in page
    act(desk, "command", "run-again", first.pk)
    act(desk, "command", "done-by-hand", second.pk)
    assert list(Command.objects.order_by("pk").values_list("state", flat=True)) == ["WAITING", "DONE"]
    actions = set(AuditRow.objects.values_list("action", "actor"))
    assert actions == {
        ("resources.command.run-again", f"user:{root.pk}"),
        ("resources.command.done-by-hand", f"user:{root.pk}"),
    }


def test_the_status_page_tells_of_both(desk: Client) -> None:
    build.item(1, low_at=5)
    build.command()
    provisioning.work(clock=lambda: NOON, adapter=Far(AdapterError("REFUSED", permanent=True)))
    text = desk.get(reverse("admin:core_heartbeat_status")).content.decode()
    assert "provisioning-failed.md" in text
    assert "stock-low.md" in text
    assert "BOX-4K" in text
