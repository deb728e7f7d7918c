"""The bulk writer leaves the rows that the single one would."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notices import rules, selectors
from notices.models import Delivery, Message
from notices.services import bulk_messages, messages
from notices.services.bulk_messages import Letter
from tests.conftest import NOON
from tests.notices import build
from tests.threads import together

pytestmark = pytest.mark.django_db
ROWS = 40
_MESSAGE = ("code", "language", "context", "attachment", "unsubscribe_url", "created_at", "recipient_ref")
_DELIVERY = (
    "channel",
    "address",
    "body",
    "state",
    "attempts",
    "template_id",
    "created_at",
    "next_attempt_at",
)


def letter(n: int, *, key: str = "", language: str = "") -> Letter:
    return Letter(
        recipient_ref=f"toy:{n}",
        address=messages.Address("SMS", f"+861380000{n:04d}"),
        context=build.PAID | {"amount": f"¥{n}.00"},
        dedupe_key=key or f"toy:{n}",
        language=language or ("en" if n % 3 else "zh-hans"),
        attachment=f"toy:{n}" if n % 2 else "",
        unsubscribe_url=f"https://hall.example/{n}/" if n % 2 else "",
    )


def rows() -> list[tuple[object, ...]]:
    found = Delivery.objects.order_by("address").values_list(
        *_DELIVERY, *(f"message__{name}" for name in _MESSAGE)
    )
    return list(found)


def test_the_same_rows_as_one_by_one() -> None:
    letters = [letter(n) for n in range(ROWS)]
    with transaction.atomic():
        assert bulk_messages.send(code="payment_received", letters=letters, as_of=NOON) == ROWS
        together_written = rows()
        transaction.set_rollback(True)
    assert len(together_written) == ROWS
    for each in letters:
        messages.send(
            code="payment_received",
            recipient_ref=each.recipient_ref,
            addresses=[each.address],
            context=each.context,
            dedupe_key=each.dedupe_key,
            as_of=NOON,
            language=each.language,
            attachment=each.attachment,
            unsubscribe_url=each.unsubscribe_url,
        )
    assert rows() == together_written


def test_the_number_of_queries_does_not_grow() -> None:
    def queries(letters: list[Letter]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            bulk_messages.send(code="payment_received", letters=letters, as_of=NOON)
        return len(seen)

    assert queries([letter(n) for n in range(3)]) == queries([letter(n) for n in range(10, 60)])


def test_again_is_nothing() -> None:
    letters = [letter(n) for n in range(3)]
    assert bulk_messages.send(code="payment_received", letters=letters, as_of=NOON) == 3
    assert bulk_messages.send(code="payment_received", letters=[*letters, letter(9)], as_of=NOON) == 1
    assert (Message.objects.count(), Delivery.objects.count()) == (4, 4)


def test_a_key_that_is_there_twice_is_one_message() -> None:
    letters = [letter(1, key="same"), letter(2, key="same")]
    assert bulk_messages.send(code="payment_received", letters=letters, as_of=NOON) == 1
    assert Delivery.objects.count() == 1


def test_one_that_cannot_be_written_leaves_nothing() -> None:
    bad = Letter("toy:1", build.PHONE, {}, "toy:bad")
    with pytest.raises(rules.BadTemplate):
        bulk_messages.send(code="payment_received", letters=[letter(1), bad], as_of=NOON)
    with pytest.raises(selectors.UnknownTemplate):
        bulk_messages.send(code="nothing_of_the_kind", letters=[letter(1)], as_of=NOON)
    with pytest.raises(ValueError, match="secret"):
        bulk_messages.send(code="login_code", letters=[letter(1)], as_of=NOON)
    assert not Message.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_send_once() -> None:
    letters = [letter(n) for n in range(ROWS)]
    jobs = [
        lambda each=each: bulk_messages.send(code="payment_received", letters=each, as_of=NOON)
        for each in (letters, letters[::-1])
    ]
    assert sum(together(*jobs)) == ROWS
    assert Delivery.objects.count() == ROWS
