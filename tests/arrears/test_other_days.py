"""Where customers are served, no command writes as if it were another day: `--as-of` makes up no waiting time."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from arrears.models import ArrearsCase, DisconnectPlan, EvidenceRoot, StageChange
from catalog.models import Suspension
from core import clock, heartbeats
from core.models import Heartbeat
from tests.arrears import build

pytestmark = pytest.mark.django_db
JOBS = ("assess_arrears", "send_disconnection_notices", "restore_services", "seal_evidence")
WRONG = (timedelta(days=-61), timedelta(days=-1, minutes=-1), timedelta(minutes=5), timedelta(days=61))


@pytest.fixture(autouse=True)
def _production(settings: Any) -> None:
    settings.ALLOW_OTHER_DAYS = False


def when(ago: timedelta) -> str:
    return (clock.now() + ago).isoformat()


def owing() -> None:
    made = build.account()
    build.line(made)
    build.bill(made)


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("ago", WRONG)
def test_no_other_day_is_written_only_looked_at(name: str, ago: timedelta) -> None:
    owing()
    with pytest.raises(CommandError, match="写入"):
        call_command(name, "--as-of", when(ago))
    call_command(name, "--as-of", when(ago), "--dry-run")
    kinds = (ArrearsCase, StageChange, Suspension, EvidenceRoot, Heartbeat)
    assert not any(kind._default_manager.exists() for kind in kinds)


@pytest.mark.parametrize("name", JOBS)
def test_a_run_of_an_hour_ago_is_done_unless_there_was_one_since(name: str) -> None:
    call_command(name, "--as-of", when(timedelta(hours=-1)))
    job = "assess_arrears" if name == "send_disconnection_notices" else name
    with heartbeats.beat(job, every=timedelta(days=1), as_of=clock.now() - timedelta(minutes=30)):
        pass
    with pytest.raises(CommandError):
        call_command(name, "--as-of", when(timedelta(hours=-1)))
    call_command(name, "--as-of", when(timedelta(minutes=-20)))
    call_command(name)


@pytest.mark.parametrize("ago", WRONG)
def test_no_plan_of_another_day_is_made_or_carried_out(ago: timedelta, tmp_path: Path) -> None:
    out = tmp_path / "plan.csv"
    for asked in (("--dry-run", "--out", str(out)), ("--plan", str(out))):
        with pytest.raises(CommandError, match="写入"):
            call_command("disconnect", *asked, "--as-of", when(ago))
    assert (out.exists(), DisconnectPlan.objects.exists()) == (False, False)


def test_only_settings_of_nobody_s_customers_allow_it() -> None:
    folder = Path(__file__).parents[2] / "hall" / "settings"
    allowing = {file.stem for file in folder.glob("*.py") if "ALLOW_OTHER_DAYS" in file.read_text("utf-8")}
    assert allowing == {"dev", "test", "bench"}
