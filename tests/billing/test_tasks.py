import pytest

from billing import tasks
from billing.models import CallbackState, GatewayCallback
from billing.services.payments import callbacks
from core import clock, pokes
from core.models import Heartbeat
from tests.billing import build
from tests.concurrency.races import stored
from tests.conftest import NOON

pytestmark = pytest.mark.django_db(transaction=True)
MARK = f"poke:{callbacks.QUEUE.task}"


def test_a_long_backlog_is_worked_off_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that is over leaves the rest, and a message for the next turn: a task without end would be killed."""
    monkeypatch.setattr(tasks, "_TURN_SECONDS", 0.0)
    payment = build.payment(build.account())
    for _ in range(60):
        stored(payment)
    pokes.speak_again()
    pokes.broker().delete(MARK)
    with clock.stopped(NOON):
        assert tasks.apply_callbacks() == 50
        assert pokes.flush(5)
        assert pokes.broker().exists(MARK) == 1
        assert tasks.apply_callbacks() == 10
        assert tasks.apply_callbacks() == 0
    assert set(GatewayCallback.objects.values_list("state", "attempts")) == {(CallbackState.APPLIED, 1)}


def test_the_job_that_asks_the_gateways_says_that_it_ran() -> None:
    with clock.stopped(NOON):
        assert tasks.settle_undecided() == 0
    beat = Heartbeat.objects.get(job="settle_undecided")
    assert (beat.last_ok, beat.detail) == (True, {"due": 0})
