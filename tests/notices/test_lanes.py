"""What goes first, what is written late, and the inbox."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from notices import rules
from notices.models import Channel, Delivery, DeliveryAttempt, Message
from notices.queue import DELIVERIES
from notices.services import bulk_messages, messages, sending, texts
from notices.services import inbox as inboxes
from tests.conftest import NOON
from tests.notices import build
from tests.notices.conftest import Gateway
from tests.threads import together

pytestmark = pytest.mark.django_db


def tell(key: str, *addresses: messages.Address, **more: Any) -> Message:
    return messages.send(
        code="payment_received",
        recipient_ref="account:1",
        addresses=addresses or [build.PHONE],
        context=build.PAID,
        dedupe_key=key,
        as_of=more.pop("as_of", NOON),
        **more,
    )


def test_a_smaller_priority_goes_first_however_late_it_came(gateway: Gateway) -> None:
    ordinary = tell("1", as_of=NOON - timedelta(hours=1))
    first, last = tell("2", priority=1), tell("3", priority=9)
    for _turn in range(3):
        sending.work(clock=lambda: NOON, limit=1)
    sent = [message["message_id"] for message in gateway.messages]
    assert sent == [row.deliveries.get().reference for row in (first, ordinary, last)]


def test_codes_go_before_everything(gateway: Gateway, django_capture_on_commit_callbacks: Any) -> None:
    tell("1", priority=1)
    with django_capture_on_commit_callbacks(execute=True):
        build.send_secret("482913")
    sending.work(clock=lambda: NOON, limit=1)
    assert gateway.code() == "482913"


def test_a_letter_is_no_work_of_the_workers(gateway: Gateway) -> None:
    build.template("信：{{ amount }}", version=90, channel=Channel.LETTER, title="缴费")
    delivery = tell("1", messages.Address("LETTER", "王小明\n幸福路 1 号")).deliveries.get()
    assert sending.work(clock=lambda: NOON) == 0
    depth = DELIVERIES.depth(as_of=NOON + timedelta(days=9))
    assert (depth.waiting, depth.oldest_due) == (0, timedelta(0))
    delivery.refresh_from_db()
    assert delivery.state == "QUEUED"


@pytest.fixture
def inbox() -> None:
    build.template("站内：{{ amount }}", version=90, channel=Channel.INBOX, title="缴费")


@pytest.mark.usefixtures("inbox")
def test_the_inbox_is_delivered_by_our_own_writing_and_has_no_proof() -> None:
    delivery = tell("1", messages.INBOX).deliveries.get()
    assert sending.work(clock=lambda: NOON) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.delivered_at, delivery.provider) == ("DELIVERED", NOON, "inbox")
    assert delivery.body == "站内：¥26.00"
    assert not delivery.receipts.exists()


@pytest.mark.usefixtures("inbox")
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_the_inboxes_count_each_once() -> None:
    for n in range(40):
        tell(str(n), messages.INBOX)
    done = together(*[lambda: inboxes.deliver(as_of=NOON, limit=7) for _ in range(3)])
    assert sum(done) == 21
    assert Delivery.objects.filter(state="DELIVERED", attempts=1).count() == 21


def later(*letters: bulk_messages.Letter) -> int:
    return bulk_messages.send(code="payment_received", letters=letters, as_of=NOON, is_written_later=True)


def letter(n: int, address: messages.Address = build.PHONE, **context: str) -> bulk_messages.Letter:
    return bulk_messages.Letter(f"toy:{n}", address, build.PAID | context, f"toy:{n}")


def test_many_are_written_when_they_go_out(gateway: Gateway) -> None:
    assert later(letter(1), letter(2, amount="¥7.00")) == 2
    assert set(Delivery.objects.values_list("body", flat=True)) == {""}
    assert sending.work(clock=lambda: NOON) == 2
    rows = Delivery.objects.order_by("pk")
    assert [row.body for row in rows] == gateway.texts
    assert ["¥26.00" in rows[0].body, "¥7.00" in rows[1].body] == [True, True]


@pytest.mark.usefixtures("inbox")
def test_inboxes_are_written_too() -> None:
    later(letter(1, messages.INBOX))
    sending.work(clock=lambda: NOON)
    assert Delivery.objects.get().body == "站内：¥26.00"


def test_that_they_can_be_written_is_known_at_once() -> None:
    bad = bulk_messages.Letter("toy:1", build.PHONE, {}, "toy:bad")
    with pytest.raises(rules.BadTemplate, match="no value for"):
        later(bad)
    assert not Message.objects.exists()


def test_one_that_cannot_be_written_after_all_does_not_stop_the_others(gateway: Gateway) -> None:
    later(letter(1), letter(2))
    broken = Delivery.objects.order_by("pk")[0]
    row = Delivery.objects.select_related("message", "template").get(pk=broken.pk)
    row.message.context = {}
    assert texts.fill([row], as_of=NOON) == {broken.pk}
    broken.refresh_from_db()
    assert (broken.state, broken.error, broken.failure) == ("FAILED", texts.UNWRITABLE, "OTHER")
    assert sending.work(clock=lambda: NOON) == 1


def test_a_text_is_written_once_and_a_secret_s_never() -> None:
    later(letter(1))
    row = Delivery.objects.get()
    Delivery.objects.filter(pk=row.pk).update(body="as sent")
    secret = build.send_secret()
    for key in (row.pk, secret.pk):
        with pytest.raises(IntegrityError, match="never change: body"), transaction.atomic():
            Delivery.objects.filter(pk=key).update(body="something else")


def test_a_text_is_not_added_to_what_went_out() -> None:
    later(letter(1))
    Delivery.objects.update(state="SENT")
    with pytest.raises(IntegrityError, match="never change: body"), transaction.atomic():
        Delivery.objects.update(body="invented later")


def test_tries_are_never_changed(gateway: Gateway) -> None:
    build.delivery()
    sending.work(clock=lambda: NOON)
    for change in (lambda: DeliveryAttempt.objects.update(error="x"), DeliveryAttempt.objects.all().delete):
        with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
            change()


def test_those_claimed_together_go_by_priority_too(gateway: Gateway) -> None:
    ordinary, first = tell("1"), tell("2", priority=1)
    sending.work(clock=lambda: NOON)
    sent = [message["message_id"] for message in gateway.messages]
    assert sent == [row.deliveries.get().reference for row in (first, ordinary)]


def test_what_is_due_is_found_by_an_index_in_its_order() -> None:
    """However many wait: sorting them for each claim would take longer the more there are."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_seqscan = off")
        values: Any = DELIVERIES._claim_values(20, NOON, "SMS")
        cursor.execute(f"EXPLAIN {DELIVERIES._claim_sql(False, 'SMS')}", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "using delivery_due" in plan
    assert "Sort" not in plan
