"""The operators' commands: what each option narrows, what a dry run says, how they end."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import BillingAccount, Region
from arrears.models import ArrearsCase, CaseNotice, DisconnectPlan, StageChange
from arrears.services import casework
from catalog.choices import SuspensionReason
from catalog.holdings.services import suspensions
from catalog.models import Suspension
from core.models import OutboxRow
from notices.models import Delivery, Message
from tests.arrears import build, build_cut
from tests.arrears.build import ACTOR, after, noon

pytestmark = pytest.mark.django_db


def call(name: str, capsys: Any, on: date, *options: str) -> dict[str, int]:
    """The counts that the command ends with."""
    capsys.readouterr()
    call_command(name, "--as-of", noon(on).isoformat(), "--json", *options)
    counts: dict[str, int] = json.loads(capsys.readouterr().out)
    return counts


def everything() -> list[int]:
    kinds = (ArrearsCase, StageChange, CaseNotice, Message, Delivery, Suspension, OutboxRow)
    return [kind._default_manager.count() for kind in kinds]


def owing(n: int, **bill: Any) -> list[BillingAccount]:
    made = [build.account() for _n in range(n)]
    for each in made:
        build.line(each)
        build.bill(each, **bill)
    return made


@pytest.mark.parametrize("steps", [(-3,), (-3, 1), (-3, 1, 23), (-3, 1, 23, 30, 31)])
def test_a_dry_run_counts_what_the_run_then_does_and_writes_nothing(
    steps: tuple[int, ...], capsys: Any
) -> None:
    owing(3)
    for n in steps[:-1]:
        build.run(after(n))
        build.deliver(after(n))
    before = everything()
    said = call("assess_arrears", capsys, after(steps[-1]), "--dry-run")
    assert everything() == before
    done = call("assess_arrears", capsys, after(steps[-1]))
    assert done == said
    assert done["opened"] + done["moved"] == 3
    assert done["told"] == 9
    assert done["suspended"] == (3 if steps[-1] == 31 else 0)


def test_a_dry_run_counts_what_comes_back(capsys: Any) -> None:
    [account] = owing(1)
    build.days(account, after(-3), after(31))
    build.pay(account, 3000, after(32))
    said = call("assess_arrears", capsys, after(32), "--dry-run")
    assert build.stage(account) == "SUSPENDED"
    assert said == call("assess_arrears", capsys, after(32))
    assert (said["closed"], said["restored"]) == (1, 1)


def test_only_so_many_only_one_only_there(capsys: Any) -> None:
    accounts = owing(4)
    root = Region.objects.filter(parent=None).first() or Region.objects.create(
        code="ALL", name="集团", level=Region.Level.GROUP
    )
    far = Region.objects.create(code="FAR", name="远", parent=root, level=Region.Level.PROVINCE)
    BillingAccount.objects.filter(pk=accounts[3].pk).update(region=far)
    assert call("assess_arrears", capsys, after(-3), "--region", "FAR")["opened"] == 1
    assert build.stage(accounts[3]) == "REMINDED"
    assert call("assess_arrears", capsys, after(-3), "--account", accounts[1].number)["opened"] == 1
    assert build.stage(accounts[1]) == "REMINDED"
    assert call("assess_arrears", capsys, after(-3), "--limit", "1") == {
        **call("assess_arrears", capsys, after(-3), "--limit", "1", "--dry-run"),
        "opened": 1, "told": 3, "looked": 1,
    }  # fmt: skip
    assert build.stage(accounts[0]) == "REMINDED"
    assert build.stage(accounts[2]) == "NONE"


@pytest.mark.parametrize("name", ["assess_arrears", "send_disconnection_notices", "restore_services"])
@pytest.mark.parametrize(
    "wrong", [("--region", "NOWHERE"), ("--account", "0000000000"), ("--limit", "0"), ("--as-of", "soon")]
)
def test_what_is_not_there_is_refused_and_nothing_changes(name: str, wrong: tuple[str, str]) -> None:
    owing(1)
    before = everything()
    with pytest.raises(CommandError):
        call_command(name, *wrong)
    assert everything() == before


def test_a_failed_account_is_named_the_others_are_done_and_it_ends_with_1(
    capsys: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    accounts = owing(3)
    real = casework.write

    def write(judged: Any, **how: Any) -> Any:
        if any(each.subject.account_id == accounts[1].pk for each in judged):
            raise RuntimeError("its data is broken")
        return real(judged, **how)

    monkeypatch.setattr(casework, "write", write)
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        call_command("assess_arrears", "--as-of", noon(after(-3)).isoformat(), "--json")
    assert ended.value.code == 1
    counts = json.loads(capsys.readouterr().out)
    assert (counts["opened"], counts["failed"]) == (2, 1)
    assert [build.stage(each) for each in accounts] == ["REMINDED", "NONE", "REMINDED"]
    named = [each.account for each in caplog.records if each.message == "account not assessed"]
    assert named == [accounts[1].pk]
    monkeypatch.undo()
    assert call("assess_arrears", capsys, after(-3))["opened"] == 1


def test_restore_services_brings_back_only_what_arrears_had_stopped(capsys: Any) -> None:
    account = build.account()
    rows = [build.line(account) for _n in range(3)]
    for row, more in zip(rows, (None, SuspensionReason.FRAUD_CHECK, SuspensionReason.CUSTOMER), strict=True):
        if more:
            suspensions.suspend(number=row.number, reason=more, actor=ACTOR, as_of=noon(after(-5)))
    build.bill(account)
    build.days(account, after(-3), after(31))
    assert all(build.is_off(row) for row in rows)
    build.pay(account, 3000, after(32))  # and no worker carries out the news
    assert call("restore_services", capsys, after(32), "--dry-run") == {
        "looked": 1,
        "restored": 3,
        "failed": 0,
    }
    assert all(build.is_off(row) for row in rows)
    assert call("restore_services", capsys, after(32)) == {"looked": 1, "restored": 3, "failed": 0}
    assert not any(build.is_off(row) for row in rows)
    assert [suspensions.is_on(row) for row in rows] == [True, False, False]
    assert Message.objects.filter(code="restored").count() == 3
    assert build.stage(account) == "NONE"
    assert call("restore_services", capsys, after(32)) == {}


def test_restore_services_leaves_who_owes_and_passes_by_who_fails(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid, owes, broken = owing(3)
    lines = {each.pk: each.paid_subscriptions.get() for each in (paid, owes, broken)}
    for each in (paid, owes, broken):
        build.days(each, after(-3), after(31))
    for each in (paid, broken):
        build.pay(each, 3000, after(32))
    real = casework.restore

    def restore(account_ids: Any, **how: Any) -> Any:
        if broken.pk in account_ids:
            raise RuntimeError("its data is broken")
        return real(account_ids, **how)

    monkeypatch.setattr(casework, "restore", restore)
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        call_command("restore_services", "--as-of", noon(after(32)).isoformat(), "--json")
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out) == {"looked": 3, "restored": 1, "failed": 1}
    assert {pk: build.is_off(row) for pk, row in lines.items()} == {
        paid.pk: False, owes.pk: True, broken.pk: True,
    }  # fmt: skip


def test_a_customer_with_two_accounts_loses_only_what_the_one_in_arrears_pays_for(capsys: Any) -> None:
    [late] = owing(1)
    other = build.account()
    BillingAccount.objects.filter(pk=other.pk).update(customer=late.customer)
    own, sponsored = build.line(other), build.line(other)
    type(sponsored).objects.filter(pk=sponsored.pk).update(payer=late)
    for n in (-3, 1, 23, 30, 31):
        call("assess_arrears", capsys, after(n))
        build.deliver(after(n))
    assert build.stage(other) == "NONE"
    assert not build.is_off(own)
    assert build.is_off(sponsored)


def test_files_that_cannot_be_written_or_read_are_named_and_nothing_is_planned(tmp_path: Path) -> None:
    there = tmp_path / "plan.csv"
    there.write_text("mine")
    for out in (there, tmp_path / "nowhere" / "plan.csv"):
        with pytest.raises(CommandError, match="plan.csv"):
            call_command("disconnect", "--dry-run", "--out", str(out), *build_cut.by())
    assert there.read_text() == "mine"
    with pytest.raises(CommandError, match="none.csv"):
        call_command("disconnect", "--plan", str(tmp_path / "none.csv"))
    assert not DisconnectPlan.objects.exists()
    new = ("--region", "NOWHERE", "--out", str(tmp_path / "new.csv"), *build_cut.by())
    with pytest.raises(CommandError):
        call_command("disconnect", "--dry-run", *new)
    assert not (tmp_path / "new.csv").exists()
