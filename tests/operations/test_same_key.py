"""The same idempotency key, submitted at the same moment by several clicks: real threads, real commits."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from core.models import AuditRow
from operations import registry
from operations.context import Context
from operations.models import Slip, SlipState
from operations.quotes import Done, Pending, Quote
from operations.services import slips
from tests.operations.toys import SoldOut, Toy
from tests.threads import together

CLICKS = 4
DATA = {"pieces": "1", "colour": "red"}
pytestmark = pytest.mark.django_db(transaction=True)


class SlowToy(Toy):
    """Takes long enough that all clicks are under way together; each time it is carried out leaves a row."""

    code = "toy.slow"

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        AuditRow.objects.create(
            actor="test:toy", action="toy", object_type="toy", object_id="1", reason="", at=ctx.as_of
        )
        time.sleep(0.3)
        if self.broken_in:
            raise RuntimeError("broken")
        if self.left == 0:
            raise SoldOut(left=0)
        return Done("已买好")


@pytest.fixture
def clicks(ctx: Context) -> Any:
    registry.register(SlowToy)
    digest = slips.quote(operation="toy.slow", ctx=ctx, raw=DATA).digest

    def click() -> str:
        try:
            return submit().number
        except (slips.Refused, slips.Unexpected, SoldOut) as refused:
            return refused.slip_number

    def submit() -> Slip:
        return slips.submit(
            operation="toy.slow",
            ctx=ctx,
            raw=DATA,
            quote_digest=digest,
            confirmation={"agreed": "yes"},
            idempotency_key="key-00001",
        )

    yield [click] * CLICKS
    registry.unregister("toy.slow")


def test_one_is_carried_out_and_all_get_its_slip(clicks: list[Callable[[], str]]) -> None:
    numbers = together(*clicks)
    assert len(set(numbers)) == 1
    assert Slip.objects.count() == 1
    assert AuditRow.objects.filter(action="toy").count() == 1


def test_one_is_refused_and_all_get_its_refusal(
    clicks: list[Callable[[], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SlowToy, "left", 0)
    numbers = together(*clicks)
    assert len(set(numbers)) == 1
    assert Slip.objects.count() == 1
    assert not AuditRow.objects.filter(action="toy").exists()


def test_a_bug_leaves_one_failed_slip_for_all(
    clicks: list[Callable[[], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each click that waited may try in its turn, and fails as well; only the last word is kept."""
    monkeypatch.setattr(Toy, "broken_in", "slow")
    numbers = together(*clicks)
    assert len(set(numbers)) == 1
    assert Slip.objects.get().state == SlipState.FAILED
    assert not AuditRow.objects.filter(action="toy").exists()


def test_control_without_the_constraint_each_click_is_carried_out(
    clicks: list[Callable[[], str]], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that the clicks above do race: only the unique constraint holds them back."""
    constraint = next(c for c in Slip._meta.constraints if c.name == "slip_idempotency")
    # Without it several slips have the key; each click then takes the one with its own number.
    monkeypatch.setattr("operations.services.records.Slip.objects.get", _newest)
    with connection.schema_editor() as editor:
        editor.remove_constraint(Slip, constraint)
    try:
        numbers = together(*clicks)
    finally:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE operations_slip, operations_sliphistory CASCADE")
        with connection.schema_editor() as editor:
            editor.add_constraint(Slip, constraint)
    assert len(set(numbers)) == CLICKS
    assert AuditRow.objects.filter(action="toy").count() == CLICKS


def _newest(**key: Any) -> Slip:
    return Slip.objects.filter(**key).latest("pk")
