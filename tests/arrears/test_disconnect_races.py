"""A payment, or a contact, in the second of the disconnection; a machine that dies in it."""

import os
import signal
import subprocess
import sys
import threading
from functools import partial
from typing import Any

import pytest
from django.db import connection

from arrears import disconnect_rules, locks
from arrears.disconnect_rules import Missing
from arrears.models import PlanLine, PlanState
from arrears.services import disconnecting, plans
from arrears.services.disconnecting import NotCut
from catalog.models import Termination
from tests.arrears import build_cut
from tests.arrears.build import ACTOR, noon
from tests.arrears.build_cut import DAY, Scene
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
MEANWHILE = {Missing.NOT_OWED: build_cut.paid, Missing.NOT_DELIVERED: build_cut.another_contact}


@pytest.mark.parametrize("code", list(MEANWHILE))
def test_without_the_services_lock_it_would_be_too_late_and_the_law_sees_it(
    code: Missing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race, shown: judged as ready, then somebody pays or leaves a contact. Only the law is left to refuse."""
    at = build_cut.ready()
    monkeypatch.setattr(locks, "accounts", lambda ids: None)
    real = disconnect_rules.missing
    judged: list[tuple[Missing, ...]] = []

    def meanwhile(facts: Any, today: Any) -> tuple[Missing, ...]:
        judged.append(real(facts, today))
        together(partial(MEANWHILE[code], at))
        return judged[-1]

    monkeypatch.setattr(disconnect_rules, "missing", meanwhile)
    with pytest.raises(NotCut) as refused:
        disconnecting.cut(line_id=at.line.pk, actor=ACTOR, as_of=noon(DAY))
    assert judged == [()]  # the service alone would have cut him
    assert refused.value.missing == (code,)
    assert not Termination.objects.exists()


@pytest.mark.parametrize("code", list(MEANWHILE))
def test_with_the_lock_whoever_comes_in_that_second_waits(
    code: Missing, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = build_cut.ready()
    line_id = at.line.pk
    real = disconnect_rules.missing
    judged, came = threading.Event(), threading.Event()
    seen: list[bool] = []

    def slowly(facts: Any, today: Any) -> tuple[Missing, ...]:
        found: tuple[Missing, ...] = real(facts, today)
        judged.set()
        seen.append(came.wait(1.0))  # whether he came through while the lock is held
        return found

    def comes(scene: Scene) -> None:
        assert judged.wait(20)
        MEANWHILE[code](scene)
        came.set()

    monkeypatch.setattr(disconnect_rules, "missing", slowly)
    cut: Any = partial(disconnecting.cut, line_id=line_id, actor=ACTOR, as_of=noon(DAY))
    together(cut, partial(comes, at))
    assert seen == [False]
    assert came.is_set()
    assert Termination.objects.count() == 1


_DYING = """
import os, signal, sys
import django
django.setup()
from django.db import connection
from arrears.services import disconnecting, plans
from core import clock
from core.actor import Actor
real, done = disconnecting.cut, []
def cut(**how):
    row = real(**how)
    done.append(1)
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return row
disconnecting.cut = cut
from datetime import datetime
job = plans.Job(plan_id=int(sys.argv[1]), as_of=datetime.fromisoformat(sys.argv[2]), actor=Actor("test:killed"))
list(plans.run(job))
"""


def test_killed_in_the_middle_it_goes_on_and_cuts_nothing_twice() -> None:
    for _n in range(3):
        build_cut.warned()
    plan = build_cut.planned(begun=False)
    known = connection.settings_dict
    user = known["USER"] + (f":{known['PASSWORD']}" if known["PASSWORD"] else "")
    url = f"postgresql://{user}@{known['HOST']}:{known['PORT']}/{known['NAME']}"
    died = subprocess.run(
        [sys.executable, "-c", _DYING, str(plan.pk), noon(DAY).isoformat()],
        env=os.environ | {"DATABASE_URL": url},
        check=False,
        timeout=120,
    )
    assert died.returncode == -signal.SIGKILL
    assert Termination.objects.count() == 1  # the second was not committed
    states = PlanLine.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["DONE", "WAITING", "WAITING"]
    *_each, counts = plans.run(plans.Job(plan_id=plan.pk, as_of=noon(DAY), actor=ACTOR))
    plan.refresh_from_db()
    assert (counts.cut, plan.state, Termination.objects.count()) == (2, PlanState.DONE, 3)
