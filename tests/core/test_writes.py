from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from core import writes
from operations.models import Channel, Slip, SlipHistory, SlipState

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def _slip(key: str = "key-of-one", **values: object) -> Slip:
    given: dict[str, object] = {
        "number": "S20261102",
        "operation": "toy.buy",
        "operation_version": 1,
        "channel": Channel.WEB,
        "data": {"words": ["一", "two"], "none": None},
        "idempotency_key": key,
        "input_hash": "",
        "started_at": NOON,
    }
    return Slip(**given | values)


def _step(to: str, slip: Slip | None = None) -> SlipHistory:
    return SlipHistory(slip=slip, from_state="", to_state=to, actor="job:test", reason="", at=NOON)


def test_a_numbered_row_with_its_history_is_what_save_would_have_written() -> None:
    slip = _slip()
    with CaptureQueriesContext(connection) as said:
        writes.insert(slip, _step("DRAFT"), link="slip", numbered="slip_number")
    assert len(said) == 1
    read = Slip.objects.get(pk=slip.pk)
    same = {field.attname: getattr(slip, field.attname) for field in Slip._meta.concrete_fields}
    assert same == {field.attname: getattr(read, field.attname) for field in Slip._meta.concrete_fields}
    assert read.number.startswith("S20261102")
    assert len(read.number) == len("S20261102") + 10
    assert [step.to_state for step in read.history.all()] == ["DRAFT"]
    slip.refresh_from_db()


def test_a_key_that_is_taken_writes_nothing() -> None:
    assert writes.insert_unless_known(_slip(), numbered="slip_number")
    again = _slip()
    assert not writes.insert_unless_known(again, numbered="slip_number")
    assert again.pk is None
    assert Slip.objects.count() == 1


def test_a_batch_writes_each_step_in_its_order() -> None:
    slip = _slip()
    writes.insert(slip, numbered="slip_number")
    batch = writes.Batch()
    for state in (SlipState.QUOTED, SlipState.REFUSED):
        slip.state, slip.refusal_text = state, f"100 % {state}"
        batch.update(slip, ["state", "refusal_text"])
    batch.insert(_step("QUOTED", slip), _step("REFUSED", slip))
    assert Slip.objects.get(pk=slip.pk).state == SlipState.DRAFT
    batch.send()
    batch.send()
    read = Slip.objects.get(pk=slip.pk)
    assert (read.state, read.refusal_text) == (SlipState.REFUSED, "100 % REFUSED")
    assert [step.to_state for step in read.history.order_by("pk")] == ["QUOTED", "REFUSED"]


def test_laws_see_each_step() -> None:
    slip = _slip()
    writes.insert(slip, numbered="slip_number")
    slip.state = SlipState.DONE
    with pytest.raises(IntegrityError), transaction.atomic():
        writes.update(slip, "state")
