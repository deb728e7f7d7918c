"""Who stands behind a plan: its maker is known and cannot approve it; who approved it still may when it is run."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Post, User
from arrears.models import DisconnectPlan
from arrears.services import plans
from catalog.models import Termination
from tests.admin.build import staff_with
from tests.arrears import build_cut
from tests.arrears.build import noon
from tests.arrears.build_cut import DAY

pytestmark = pytest.mark.django_db
MAKE, APPROVE = "arrears.add_disconnectplan", "arrears.approve_disconnectplan"


def dry_run(out: Path, *by: str) -> DisconnectPlan:
    call_command("disconnect", "--dry-run", "--out", str(out), "--as-of", noon(DAY).isoformat(), *by)
    return DisconnectPlan.objects.get()


def approve(plan: DisconnectPlan, user: User) -> DisconnectPlan:
    return plans.approve(plan_id=plan.pk, user_id=user.pk, reason="核对无误", as_of=noon(DAY))


def run(out: Path) -> None:
    call_command("disconnect", "--plan", str(out), "--as-of", noon(DAY).isoformat())


def test_whoever_makes_a_plan_by_the_command_cannot_approve_it(tmp_path: Path) -> None:
    build_cut.warned()
    maker = staff_with(MAKE, APPROVE, username="maker")
    plan = dry_run(tmp_path / "plan.csv", "--by", "maker")
    assert plan.made_by == maker
    with pytest.raises(plans.OwnPlan):
        approve(plan, maker)


@pytest.mark.parametrize(
    "by", [(), ("--by", "nobody"), ("--by", "reader"), ("--by", "gone"), ("--by", "customer")]
)
def test_a_plan_has_a_maker_who_may_make_it(by: tuple[str, ...], tmp_path: Path) -> None:
    build_cut.warned()
    staff_with(APPROVE, username="reader")
    User.objects.filter(pk=staff_with(MAKE, username="gone").pk).update(is_active=False)
    User.objects.create(username="customer")
    with pytest.raises(CommandError, match="--by"):
        dry_run(tmp_path / "plan.csv", *by)
    assert not (tmp_path / "plan.csv").exists()
    assert not DisconnectPlan.objects.exists()


def _left(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def _no_staff(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=False)


def _other_work(user: User) -> None:
    Post.objects.get(user=user).role.permissions.clear()


@pytest.mark.parametrize("change", [_left, _no_staff, _other_work])
@pytest.mark.parametrize("is_begun", [False, True])
def test_who_approved_it_and_may_not_any_more_does_not_count_when_it_is_run(
    change: Any, is_begun: bool, tmp_path: Path
) -> None:
    build_cut.warned()
    plan = dry_run(tmp_path / "plan.csv", *build_cut.by())
    first = staff_with(APPROVE, username="first")
    approve(plan, first)
    approve(plan, build_cut.person())
    if is_begun:
        DisconnectPlan.objects.update(state="RUNNING")
    change(first)
    with pytest.raises(CommandError, match="另一人"):
        run(tmp_path / "plan.csv")
    assert not Termination.objects.exists()
    approve(plan, build_cut.person())
    run(tmp_path / "plan.csv")
    assert Termination.objects.count() == 1


def test_the_yes_of_who_may_not_say_it_does_not_approve(tmp_path: Path) -> None:
    build_cut.warned()
    plan = dry_run(tmp_path / "plan.csv", *build_cut.by())
    approve(plan, staff_with(MAKE, username="reader"))
    assert approve(plan, build_cut.person()).state == "MADE"
