"""What an operator runs by hand: a whole run leaves its heartbeat, a part does not; one account, region, or line."""

import csv
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import BillingAccount, Region
from arrears.models import DisconnectPlan, EvidenceRoot, EvidenceSeal
from arrears.services import bulk_assessing
from core import clock
from core.models import Heartbeat
from tests.arrears import build, build_cut
from tests.arrears.build import after, noon
from tests.arrears.build_cut import DAY

pytestmark = pytest.mark.django_db
JOBS = ("assess_arrears", "restore_services", "seal_evidence")


def owing(n: int) -> list[BillingAccount]:
    made = [build.account() for _n in range(n)]
    for each in made:
        build.line(each)
        build.bill(each)
        build.one(each, after(-3))
    return made


def far(account: BillingAccount) -> BillingAccount:
    """The account lies in the region FAR."""
    root = Region.objects.filter(parent=None).first() or Region.objects.create(
        code="ALL", name="集团", level=Region.Level.GROUP
    )
    region = Region.objects.create(code="FAR", name="远", parent=root, level=Region.Level.PROVINCE)
    BillingAccount.objects.filter(pk=account.pk).update(region=region)
    return account


@pytest.mark.parametrize("name", JOBS)
def test_a_whole_run_by_hand_leaves_the_heartbeat_of_the_job(name: str, capsys: Any) -> None:
    owing(1)
    call_command(name, "--json")
    beat = Heartbeat.objects.get(pk=name)
    assert (beat.last_ok, beat.detail) == (True, json.loads(capsys.readouterr().out))
    assert beat.last_finished_at is not None
    assert clock.now() - beat.last_finished_at < timedelta(minutes=5)


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("part", ["--dry-run", "--limit=1", "--account", "--region=FAR", "--as-of"])
def test_a_part_of_a_run_or_another_day_s_leaves_none(name: str, part: str) -> None:
    account = far(owing(1)[0])
    more = {"--account": [account.number], "--as-of": [noon(after(-2)).isoformat()]}.get(part, [])
    call_command(name, part, *more)
    assert not Heartbeat.objects.filter(pk=name).exists()


def test_a_whole_run_that_fails_or_is_stopped_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_job: Any) -> Any:
        yield bulk_assessing.Counts(looked=2, failed=1)

    monkeypatch.setattr(bulk_assessing, "run", broken)
    with pytest.raises(SystemExit):
        call_command("assess_arrears")
    beat = Heartbeat.objects.get(pk="assess_arrears")
    assert (beat.last_ok, beat.detail["failed"]) == (False, 1)
    monkeypatch.undo()
    done = list(bulk_assessing.watched(bulk_assessing.Job(as_of=clock.now(), stop=lambda: True)))
    beat.refresh_from_db()
    assert (done, beat.last_ok) == ([], False)


def test_evidence_of_one_account_or_region_is_sealed_without_a_root(capsys: Any) -> None:
    one, two, three = owing(3)
    far(two)

    def seal(*options: str) -> tuple[int, int]:
        capsys.readouterr()
        call_command("seal_evidence", "--as-of", noon(after(-3)).isoformat(), "--json", *options)
        counts = json.loads(capsys.readouterr().out)
        return counts["sealed"], counts["roots"]

    assert seal("--account", one.number, "--dry-run") == (1, 0)
    assert seal("--account", one.number) == (1, 0)
    assert seal("--region", "FAR") == (1, 0)
    assert set(EvidenceSeal.objects.values_list("account__number", flat=True)) == {one.number, two.number}
    assert not EvidenceRoot.objects.exists()
    assert seal() == (1, 1)
    assert EvidenceSeal.objects.filter(account=three).count() == 1
    for wrong in (("--account", "0000000000"), ("--region", "NOWHERE")):
        with pytest.raises(CommandError):
            call_command("seal_evidence", *wrong)


def _plan_of(tmp_path: Path, *options: str) -> list[str]:
    """The lines that a plan with these options looks at."""
    out = tmp_path / f"plan{DisconnectPlan.objects.count()}.csv"
    asked = ("--dry-run", "--out", str(out), "--as-of", noon(DAY).isoformat(), *build_cut.by(), *options)
    call_command("disconnect", *asked)
    return [row[0] for row in list(csv.reader(out.read_text().splitlines()))[2:]]


def test_a_plan_of_one_account_and_of_one_line(tmp_path: Path) -> None:
    at, other = build_cut.warned(lines=2), build_cut.warned()
    own = sorted(at.account.paid_subscriptions.values_list("number", flat=True))
    assert sorted(_plan_of(tmp_path)) == sorted([*own, other.row.number])
    assert sorted(_plan_of(tmp_path, "--account", at.account.number)) == own
    assert _plan_of(tmp_path, "--line", own[1]) == [own[1]]
    assert _plan_of(tmp_path, "--line", own[1], "--line", other.row.number) == [own[1], other.row.number]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ("--account", "0000000000"),
        lambda: ("--line", "S0000000000"),
        lambda: ("--account", build.account().number),  # pays for no line
    ],
)
def test_what_is_not_there_is_no_plan_of_everything(
    wrong: Callable[[], tuple[str, str]], tmp_path: Path
) -> None:
    build_cut.warned()
    with pytest.raises(CommandError):
        _plan_of(tmp_path, *wrong())
    assert not DisconnectPlan.objects.exists()


def test_a_plan_that_is_carried_out_is_narrowed_by_nothing(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        call_command("disconnect", "--plan", str(tmp_path / "x.csv"), "--account", "1")
