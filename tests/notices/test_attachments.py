"""What goes with a mail is written when it goes out, by the room that knows it."""

from datetime import datetime
from typing import Any

import pytest
from django.core import mail

from notices import attachments
from notices.attachments import Attachment
from notices.models import Delivery
from notices.services import messages, sending
from tests.conftest import NOON
from tests.notices import build

pytestmark = pytest.mark.django_db


class Paper:
    """A room that writes papers."""

    withdrawn = False
    asked: list[tuple[str, str, datetime]]

    def __init__(self) -> None:
        self.asked = []

    def __call__(self, reference: str, *, language: str, as_of: datetime) -> Attachment:
        self.asked.append((reference, language, as_of))
        if self.withdrawn:
            raise attachments.Withdrawn()
        return Attachment(f"{reference}.txt", b"paper", "text/plain")


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Paper:
    monkeypatch.setattr(attachments, "_writers", dict(attachments._writers))
    written = Paper()
    attachments.writer("toy.paper")(written)
    return written


def letter(attachment: str, **more: Any) -> Delivery:
    build.template("正文", channel="EMAIL", title="标题", version=1)
    message = messages.send(
        code="payment_received",
        recipient_ref="toy:1",
        addresses=[build.EMAIL],
        context=build.PAID,
        dedupe_key="letter",
        as_of=NOON,
        attachment=attachment,
        **more,
    )
    return message.deliveries.get()


def worked_off(delivery: Delivery) -> tuple[str, str, str]:
    sending.work(clock=lambda: NOON)
    delivery.refresh_from_db()
    return delivery.state, delivery.error, delivery.failure


def test_it_is_written_as_it_stands_when_the_mail_goes_out(paper: Paper) -> None:
    delivery = letter(attachments.reference("toy.paper", "A:1"))
    assert paper.asked == []
    assert worked_off(delivery) == ("SENT", "", "")
    assert paper.asked == [("A:1", "zh-hans", NOON)]
    assert mail.outbox[0].attachments[0][0] == "A:1.txt"


def test_a_mail_whose_reason_has_gone_is_not_sent(paper: Paper) -> None:
    delivery = letter("toy.paper:A1")
    paper.withdrawn = True
    assert worked_off(delivery) == ("FAILED", "withdrawn", "OTHER")
    assert mail.outbox == []


def test_a_kind_that_nobody_writes_waits_for_somebody_who_does(paper: Paper) -> None:
    delivery = letter("toy.unknown:A1")
    assert worked_off(delivery) == ("QUEUED", "NoWriter", "")
    assert mail.outbox == []


def test_two_writers_of_one_kind_are_a_mistake(paper: Paper) -> None:
    with pytest.raises(ValueError, match=r"toy\.paper"):
        attachments.writer("toy.paper")(paper)
