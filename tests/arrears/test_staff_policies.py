"""A policy is written by two people, is sound, and ends the one before it; what runs is never edited."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Region
from arrears import policy_rules
from arrears.choices import Proof, Stage
from arrears.models import Policy, PolicyNotice
from arrears.policy_rules import Draft, Fault, NoticeDraft, StageDraft
from arrears.selectors import policies as policy_reads
from arrears.services import policies
from core import approvals, clock
from core.actor import Actor
from core.errors import Forbidden, HallError
from core.models import Approval, AuditRow
from notices import kinds
from tests.admin import build as staff
from tests.arrears.build import noon

pytestmark = pytest.mark.django_db
TODAY = clock.local_date(clock.now())  # the database lets policies end from tomorrow on
AS_OF = noon(TODAY)
NEW = "admin:arrears_policy_new"


def after(days: int) -> date:
    return TODAY + timedelta(days)


def draft(**changes: Any) -> Draft:
    """Like the general one, from ten days ahead."""
    old = Policy.objects.get(code="default")
    made = Draft(
        code="default-2",
        title="新策略",
        region_id=None,
        customer_kind="",
        minimum_cents=100,
        promise_days=7,
        promises_a_month=1,
        active_from=after(10),
        active_to=None,
        stages=tuple(
            StageDraft(row.stage, row.days, row.minimum_stay_days, row.cap_per_run)
            for row in old.stages.order_by("pk")
        ),
        notices=tuple(
            NoticeDraft(
                row.stage, row.days, row.template_code, row.needed_for, row.needed_proof, row.needed_days
            )
            for row in old.notices.order_by("pk")
        ),
    )
    return replace(made, **changes)


def clerk(name: str = "clerk", *, region: Region | None = None) -> Actor:
    rights = ("arrears.add_policy", "arrears.approve_policy")
    return Actor.user(staff.staff_with(*rights, username=name, region=region))


def ask(made: Draft, actor: Actor, **more: Any) -> Approval:
    asked = policies.ask(made, reason="新办法", actor=actor, as_of=AS_OF, **more).approval
    assert asked is not None
    return asked


def approve(asked: Approval, actor: Actor, *, at: Any = AS_OF) -> str:
    return approvals.decide(approval_id=asked.pk, approve=True, actor=actor, reason="同意", as_of=at).text


def counts() -> tuple[int, int]:
    return Policy.objects.count(), Approval.objects.count()


def test_one_writes_and_another_approves_and_the_one_before_ends() -> None:
    author, boss = clerk(), clerk("boss")
    asked = ask(draft(), author)
    assert Policy.objects.count() == 1
    with pytest.raises(approvals.OwnRequest):
        approve(asked, author)
    approve(asked, boss)
    new, old = Policy.objects.get(code="default-2"), Policy.objects.get(code="default")
    assert (old.active_to, new.active_from, new.active_to, new.created_by) == (
        after(10), after(10), None, author.ref,
    )  # fmt: skip
    assert policy_reads.facts_of(new).stages == policy_reads.facts_of(old).stages
    assert new.notices.count() == old.notices.count() >= 7
    assert policy_reads.book(after(9)).find(None, "").id == old.pk  # type: ignore[union-attr]  # there is one
    assert policy_reads.book(after(10)).find(None, "").id == new.pk  # type: ignore[union-attr]  # there is one


def test_what_is_approved_late_begins_tomorrow() -> None:
    asked = ask(draft(), clerk())
    approve(asked, clerk("boss"), at=noon(after(20)))
    assert Policy.objects.get(code="default-2").active_from == after(21)


def test_whoever_decides_reads_all_that_it_says() -> None:
    kind = approvals.find(policies.NEW)
    assert kind is not None
    told = str(kind.describe(draft().plain()))
    for part in (
        "新策略",
        "全部地区",
        "全部客户",
        "¥1.00",
        "欠费停机第 31 天",
        "拆机预告 50",
        after(10).isoformat(),
    ):
        assert part in told
    assert policy_rules.from_plain(draft().plain()) == draft()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"active_from": after(0)}, "POLICY_IN_THE_PAST"),
        ({"region_id": -1, "active_to": after(10)}, "POLICY_IN_THE_PAST"),
        ({"active_to": after(20)}, "POLICY_STILL_NEEDED"),
        ({"code": "default"}, "POLICY_CODE_TAKEN"),
        ({"stages": (), "notices": ()}, "POLICY_UNSOUND"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(changes: dict[str, Any], code: str) -> None:
    before = counts()
    with pytest.raises(HallError) as refused:
        ask(draft(**changes), clerk())
    assert refused.value.code == code
    assert counts() == before


def test_what_lacks_its_data_is_not_granted() -> None:
    asked = Approval.objects.create(
        kind=policies.NEW, object_type="arrears.Policy", object_id="own", amount_cents=0, data={}, reason="x",
        requested_by="user:0", requested_at=AS_OF,
    )  # fmt: skip
    with pytest.raises(policies.Incomplete):
        approve(asked, clerk("boss"))
    assert Policy.objects.count() == 1


def test_two_for_the_same_days_are_refused() -> None:
    author, boss = clerk(), clerk("boss")
    first, second = ask(draft(active_from=after(20)), author), ask(draft(code="default-3"), author)
    approve(first, boss)
    with pytest.raises(policies.Overlaps):
        approve(second, boss)
    assert set(Policy.objects.values_list("code", "active_to")) == {
        ("default", after(20)),
        ("default-2", None),
    }
    with pytest.raises(policies.Overlaps):
        ask(draft(code="default-4"), author)


def test_a_region_writes_its_own_and_no_others() -> None:
    east, west = (
        Region.objects.create(code=code, name=code, level=Region.Level.CITY, parent=staff.operator())
        for code in ("EAST", "WEST")
    )
    author, boss = clerk(region=east), clerk("boss", region=east)
    for elsewhere in (None, west.pk):
        with pytest.raises(Forbidden):
            ask(draft(region_id=elsewhere), author)
    approve(ask(draft(region_id=east.pk), author), boss)
    own = Policy.objects.get(code="default-2")
    assert own.region == east
    assert Policy.objects.get(code="default").active_to is None
    asked = policies.ask_end(
        policy_id=own.pk, ends_on=after(30), reason="试点结束", actor=author, as_of=noon(after(15))
    ).approval
    assert asked is not None
    approve(asked, boss, at=noon(after(16)))
    own.refresh_from_db()
    assert own.active_to == after(30)


def test_an_end_is_ahead_and_the_general_policy_stays() -> None:
    general = Policy.objects.get(code="default")
    how: dict[str, Any] = {"reason": "x", "actor": clerk(), "as_of": AS_OF}
    with pytest.raises(policies.StillNeeded):
        policies.ask_end(policy_id=general.pk, ends_on=after(30), **how)
    east = Region.objects.create(code="EAST", name="EAST", level=Region.Level.CITY)
    own = Policy.objects.create(
        code="own", title="x", region=east, active_from=after(-9), active_to=after(9), created_at=AS_OF, created_by="x"
    )  # fmt: skip
    for day in (after(0), after(9), after(10)):
        with pytest.raises(policies.NotAhead):
            policies.ask_end(policy_id=own.pk, ends_on=day, **how)
    assert not Approval.objects.exists()


def with_stage(stage: Stage, days: int) -> dict[str, Any]:
    rows = draft().stages
    return {"stages": tuple(replace(row, days=days) if row.stage == stage else row for row in rows)}


def without(*stages: Stage) -> dict[str, Any]:
    kept = draft()
    return {
        "stages": tuple(row for row in kept.stages if row.stage not in stages),
        "notices": tuple(row for row in kept.notices if row.stage not in stages),
    }


def notices(**changes: Any) -> dict[str, Any]:
    """The notice that a disconnection needs is another one."""
    rows = draft().notices
    return {
        "notices": tuple(
            replace(row, **changes) if row.template_code == "disconnection_ahead" else row for row in rows
        )
    }


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (dict, ()),
        (lambda: {"stages": (), "notices": ()}, (Fault.NO_STAGES,)),
        (lambda: without(Stage.OVERDUE), (Fault.STAGE_GAP,)),
        (lambda: with_stage(Stage.SUSPENDED, 30), (Fault.TOO_EARLY, Fault.NOTICE_OUTSIDE)),
        (lambda: with_stage(Stage.DISCONNECTED, 60), (Fault.TOO_EARLY, Fault.NOTICE_OUTSIDE)),
        (lambda: with_stage(Stage.OVERDUE, -3), (Fault.BACKWARDS, Fault.NOTICE_OUTSIDE)),
        (lambda: {"stages": draft().stages[:3]}, (Fault.NOTICE_WITHOUT_STAGE,)),
        (lambda: without(Stage.SUSPENDED, Stage.DISCONNECT_WARNED, Stage.DISCONNECTED), ()),
        (lambda: {"notices": draft().notices + draft().notices[-1:]}, (Fault.NOTICE_TWICE,)),
        (lambda: notices(template_code="otp"), (Fault.UNKNOWN_NOTICE,)),
        (lambda: notices(stage=Stage.SUSPENDED, days=31), (Fault.NOTICE_TWICE, Fault.NEEDED_TOO_LATE)),
        (lambda: notices(needed_proof=Proof.SENT), (Fault.UNHEARD,)),
        (lambda: notices(needed_days=6), (Fault.UNHEARD,)),
        (lambda: notices(needed_for=""), (Fault.UNHEARD,)),
    ],
)
def test_an_unsound_policy_names_every_fault(made: Any, found: tuple[Fault, ...]) -> None:
    assert policy_rules.faults(draft(**made()), policies.TELLABLE) == found


def test_what_policies_tell_has_a_text() -> None:
    assert set(PolicyNotice.objects.values_list("template_code", flat=True)) <= set(policies.TELLABLE)
    assert [kinds.find(code) is not None for code in policies.TELLABLE].count(False) == 0


def typed(page: Any, **changes: str) -> dict[str, str]:
    """What the browser sends back of that page."""
    values: dict[str, Any] = {}
    for form in (page.context["form"], *page.context["stages"], *page.context["notices"]):
        values |= {field.html_name: field.value() for field in form}
    for formset in (page.context["stages"], page.context["notices"]):
        values |= {field.html_name: field.value() for field in formset.management_form}
    return {name: "" if value is None else str(value) for name, value in values.items()} | changes


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(clock, "now", lambda: AS_OF)
    made = Client()
    made.force_login(staff.staff_with("arrears.view_policy", "arrears.add_policy", "arrears.approve_policy"))
    return made


def test_the_page_begins_with_the_present_policy_and_asks(client: Client) -> None:
    page = client.get(reverse(NEW))
    whole = typed(page, code="default-2", reason="新办法", active_from=after(10).isoformat())
    refused = client.post(reverse(NEW), whole | {"stages-3-days": "30"})
    assert refused.status_code == 200
    assert "停机须在逾期超过 30 天后" in refused.content.decode()
    spare = f"notices-{len(draft().notices)}-stage"
    for wrong in ({"minimum": "x"}, {"region": "NOWHERE"}, {spare: "OVERDUE"}, {"code": "大写"}):
        assert client.post(reverse(NEW), whole | wrong).status_code == 200, wrong
    assert not Approval.objects.exists()
    assert client.post(reverse(NEW), whole).status_code == 302
    asked = Approval.objects.get()
    assert asked.kind == policies.NEW
    made = policy_rules.from_plain(asked.data)
    assert (made.stages, len(made.notices)) == (draft().stages, len(draft().notices))
    client.post(
        reverse("admin:core_approval_desk"), {"approval": asked.pk, "decision": "approve", "reason": "好的"}
    )
    assert Policy.objects.count() == 1
    other = Client()
    other.force_login(staff.staff_with("arrears.approve_policy", username="boss"))
    other.post(
        reverse("admin:core_approval_desk"), {"approval": asked.pk, "decision": "approve", "reason": "好的"}
    )
    assert Policy.objects.get(code="default-2").active_from == after(10)
    assert AuditRow.objects.filter(action="arrears.policy.approved").count() == 1


def test_a_running_policy_is_not_edited(client: Client) -> None:
    row = Policy.objects.get(code="default")
    page = reverse("admin:arrears_policy_change", args=[row.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, {"title": "x"}).status_code == 403
    end = f"{reverse('admin:arrears_policy_act', args=['end-policy'])}?ids={row.pk}"
    client.post(end, {"ends_on": date(2030, 1, 1).isoformat(), "reason": "不要了"})
    row.refresh_from_db()
    assert (row.active_to, Approval.objects.count()) == (None, 0)
