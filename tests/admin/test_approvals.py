"""The work page of what waits for a second person, and staff actions that ask for more than a reason."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core.actor import Actor
from core.models import Approval, ApprovalState, AuditRow, Heartbeat
from core.reasoned import Reasoned, ReasonOnlyForm, Submit
from tests.admin import build
from tests.conftest import NOON
from tests.core.approval_toys import ASK, DECIDE, KIND, LIMIT, moved, subject
from tests.core.test_approvals import submit

pytestmark = pytest.mark.django_db
LogIn = Callable[[User], Client]
DESK = "/admin/core/approval/waiting/"
MOST_QUERIES = 10


class MoveForm(ReasonOnlyForm):
    cents = forms.IntegerField(min_value=1)
    to = forms.CharField()


def _carry_out(row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime) -> str:
    Heartbeat.objects.filter(pk=row_id).update(detail={"moved": data["cents"], "to": data["to"]})
    return "好"


def _reasoned(name: str, carry_out: Any) -> Reasoned:
    return Reasoned(
        name=name,
        title="移动",  # type: ignore[arg-type]  # a plain text does for a test
        explanation="说明",  # type: ignore[arg-type]  # see above
        permission=ASK,
        applies=lambda row: True,
        carry_out=carry_out,
        form_class=MoveForm,
        initial=lambda row: {"cents": 7},
    )


@pytest.fixture(autouse=True)
def actions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats can be moved: at once by the page itself, or through four eyes."""
    kept = Submit(kind=KIND, amount=lambda row, data: int(data["cents"]))
    acts = (_reasoned("move", _carry_out), _reasoned("submit", kept))
    monkeypatch.setattr(type(admin.site.get_model_admin(Heartbeat)), "reasoned", acts)


def page(action: str, *keys: object) -> str:
    return f"{reverse('admin:core_heartbeat_act', args=[action])}?ids={','.join(map(str, keys))}"


def waiting(client: Client) -> list[dict[str, Any]]:
    found = client.get(DESK).context["entries"]
    assert isinstance(found, list)
    return found


def decide(client: Client, approval: Approval, decision: str, reason: str = "已核对") -> Any:
    return client.post(DESK, {"approval": approval.pk, "decision": decision, "reason": reason}, follow=True)


@pytest.fixture
def asked(db: None) -> Approval:
    by = Actor.user(build.staff_with(ASK, username="clerk"))
    approval = submit(subject(), LIMIT + 1, by, to="甲").approval
    assert approval is not None
    return approval


@pytest.fixture
def chief(asked: Approval, log_in: LogIn) -> Client:
    return log_in(build.staff_with(DECIDE, username="chief"))


def test_a_form_gives_the_action_its_values(desk: Client, root: User) -> None:
    row = subject()
    shown = desk.get(page("move", row.pk)).content.decode()
    assert 'name="cents" value="7"' in shown
    assert shown.index('name="to"') < shown.index('name="reason"')

    answer = desk.post(page("move", row.pk), {"cents": "9", "to": "甲", "reason": "核对"})

    assert answer.status_code == 302
    assert Heartbeat.objects.get().detail == {"moved": 9, "to": "甲"}
    audit = AuditRow.objects.get()
    assert (audit.actor, audit.action, audit.reason) == (Actor.user(root).ref, "core.heartbeat.move", "核对")


@pytest.mark.parametrize("wrong", [{"cents": "0"}, {"cents": "x"}, {"to": ""}, {"reason": ""}])
def test_a_form_that_is_wrong_does_nothing(desk: Client, wrong: dict[str, str]) -> None:
    row = subject()
    answer = desk.post(page("move", row.pk), {"cents": "9", "to": "甲", "reason": "核对", **wrong})
    assert answer.status_code == 200
    assert moved(row) == 0
    assert not AuditRow.objects.exists()


def test_an_action_with_a_form_is_for_one_row_at_a_time(desk: Client) -> None:
    rows = [subject(job) for job in ("a", "b")]
    assert page("move", "a") in desk.get(reverse("admin:core_heartbeat_change", args=["a"])).content.decode()
    assert 'value="move"' not in desk.get(reverse("admin:core_heartbeat_changelist")).content.decode()
    answer = desk.post(page("move", "a", "b"), {"cents": "9", "to": "甲", "reason": "核对"})
    assert answer.status_code == 404
    assert [moved(row) for row in rows] == [0, 0]


def test_an_action_up_to_the_limit_is_done_and_above_it_asked_for(desk: Client, root: User) -> None:
    small, big = subject("small"), subject("big")
    for row, cents in ((small, LIMIT), (big, LIMIT + 1)):
        desk.post(
            page("submit", row.pk),
            {"cents": str(cents), "to": "甲", "reason": "核对"},
            REMOTE_ADDR="127.0.0.9",
        )
    assert (moved(small), moved(big)) == (LIMIT, 0)
    approval = Approval.objects.get()
    assert (approval.kind, approval.object_id, approval.amount_cents) == (KIND, "big", LIMIT + 1)
    assert approval.data == {"cents": LIMIT + 1, "to": "甲"}
    assert approval.requested_by == Actor.user(root).ref
    rows = AuditRow.objects.order_by("id").values_list("action", "address", "reason")
    assert list(rows) == [
        (KIND, "127.0.0.9", "核对"),
        (f"{KIND}.requested", "127.0.0.9", "核对"),
    ]


def test_the_page_tells_what_is_needed_to_decide(asked: Approval, chief: Client) -> None:
    [entry] = waiting(chief)
    assert (str(entry["title"]), entry["detail"], entry["subject"]) == ("Trial", "至 甲", "任务心跳 job")
    assert (entry["requested_by"], entry["is_own"]) == ("clerk", False)
    assert chief.get(entry["subject_url"]).status_code in (200, 403)
    text = chief.get(DESK).content.decode()
    assert "¥10.01" in text
    assert "客户要求" in text


def test_a_second_person_approves(asked: Approval, chief: Client) -> None:
    answer = decide(chief, asked, "approve")
    assert "已办理" in answer.content.decode()
    assert waiting(chief) == []
    assert moved(Heartbeat.objects.get()) == LIMIT + 1
    asked.refresh_from_db()
    assert (asked.state, asked.decision_reason) == (ApprovalState.APPROVED, "已核对")
    assert AuditRow.objects.get(action=f"{KIND}.approved").address == "127.0.0.1"


def test_a_second_person_rejects(asked: Approval, chief: Client) -> None:
    assert "已驳回" in decide(chief, asked, "reject").content.decode()
    asked.refresh_from_db()
    assert (asked.state, moved(Heartbeat.objects.get())) == (ApprovalState.REJECTED, 0)


def test_whoever_asked_can_only_take_it_back(asked: Approval, log_in: LogIn) -> None:
    own = log_in(User.objects.get(username="clerk"))
    [entry] = waiting(own)
    assert entry["is_own"]
    assert "批准并办理" not in own.get(DESK).content.decode()
    for decision in ("approve", "reject"):
        assert "须由另一人审批" in decide(own, asked, decision).content.decode()
    asked.refresh_from_db()
    assert asked.state == ApprovalState.REQUESTED
    assert "申请已撤回" in decide(own, asked, "withdraw").content.decode()
    asked.refresh_from_db()
    assert (asked.state, moved(Heartbeat.objects.get())) == (ApprovalState.WITHDRAWN, 0)


@pytest.mark.parametrize("reason", ["", "x", "长" * 301])
def test_a_decision_without_a_reason_is_none(asked: Approval, chief: Client, reason: str) -> None:
    answer = decide(chief, asked, "approve", reason)
    assert answer.context["entries"][0]["form"].errors
    asked.refresh_from_db()
    assert asked.state == ApprovalState.REQUESTED


def test_others_neither_see_nor_decide_it(asked: Approval, log_in: LogIn) -> None:
    stranger = log_in(build.staff_with(ASK, username="stranger"))
    assert waiting(stranger) == []
    decide(stranger, asked, "approve")
    asked.refresh_from_db()
    assert (asked.state, moved(Heartbeat.objects.get())) == (ApprovalState.REQUESTED, 0)


def test_customers_and_strangers_are_sent_away(asked: Approval, log_in: LogIn) -> None:
    customer = User.objects.create(username="customer")
    for client in (log_in(customer), Client()):
        for answer in (client.get(DESK), client.post(DESK, {"approval": asked.pk, "decision": "approve"})):
            assert answer.status_code == 302
            assert "login" in answer["Location"]
    asked.refresh_from_db()
    assert asked.state == ApprovalState.REQUESTED


@pytest.mark.parametrize(
    "posted",
    [
        {},
        {"approval": "x", "decision": "approve"},
        {"approval": "9" * 30, "decision": "approve"},
        {"approval": "1", "decision": "explode", "reason": "原因"},
    ],
)
def test_odd_posts_are_not_found(chief: Client, posted: dict[str, str]) -> None:
    assert chief.post(DESK, posted).status_code == 404


def test_an_unknown_request_is_told_so(chief: Client) -> None:
    answer = chief.post(DESK, {"approval": "0", "decision": "approve", "reason": "原因"}, follow=True)
    assert "没有找到" in answer.content.decode()


def test_a_form_from_elsewhere_is_refused(asked: Approval) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(build.staff_with(DECIDE, username="chief"))
    posted = {"approval": asked.pk, "decision": "approve", "reason": "伪造"}
    assert client.post(DESK, posted).status_code == 403


def test_a_long_page_takes_few_queries(chief: Client, django_assert_max_num_queries: Any) -> None:
    for i in range(60):
        build.approval(KIND, subject=("core.Heartbeat", f"j{i}"))
    with django_assert_max_num_queries(MOST_QUERIES):
        answer = chief.get(DESK)
    assert len(answer.context["entries"]) == 20
    assert answer.context["page"].paginator.count == 61
    assert len(chief.get(f"{DESK}?p=4").context["entries"]) == 1
    assert chief.get(f"{DESK}?p=x").status_code == 200


@pytest.mark.parametrize(
    "subject", [("core.Heartbeat", "gone"), ("core.AuditRow", "x"), ("gone.Model", "1"), ("odd", "1")]
)
def test_what_the_request_was_about_may_be_gone(chief: Client, subject: tuple[str, str]) -> None:
    build.approval(KIND, subject=subject, requested_by="job:night", requested_at=NOON)
    entry = next(entry for entry in waiting(chief) if entry["requested_by"] == "job:night")
    assert (entry["subject"], entry["subject_url"]) == (subject[1], "")


def test_a_kind_that_is_no_more_is_shown_by_its_code(desk: Client, root: User) -> None:
    build.approval(requested_by=Actor.user(root).ref)
    [entry] = waiting(desk)
    assert (entry["title"], entry["detail"]) == ("tests.gone", "")


def test_the_menu_leads_there_whoever_has_something_to_do(log_in: LogIn) -> None:
    for permission, shown in ((ASK, True), (DECIDE, True), ("core.view_heartbeat", False)):
        client = log_in(build.staff_with(permission, username=permission))
        menu = client.get(reverse("admin:index")).context["sidebar_navigation"]
        assert (DESK in [item["link"] for item in menu[0]["items"]]) == shown
