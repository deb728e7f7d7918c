import smtplib
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends import locmem

from notices.attachments import Attachment
from notices.providers.base import Outgoing, ProviderError, Sent
from notices.providers.email import Email
from notices.services import sending
from tests.conftest import NOON
from tests.notices import build

pytestmark = pytest.mark.django_db


def test_a_mail_goes_out_with_its_title() -> None:
    build.template("已收到 {{ amount }}", channel="EMAIL", title="收据 {{ receipt }}", version=1)
    delivery = build.send(build.EMAIL).deliveries.get()
    sending.work(clock=lambda: NOON)
    delivery.refresh_from_db()
    (sent,) = mail.outbox
    assert (sent.subject, sent.body, sent.to) == ("收据 R1", "已收到 ¥26.00", ["wang@example.com"])
    assert (delivery.state, delivery.provider) == ("SENT", "email")


def send(**changes: Any) -> Sent:
    values: dict[str, Any] = {
        "address": "wang@example.com",
        "title": "t",
        "body": "b",
        "message_id": "1-1",
    }
    return Email().send(Outgoing(**values | changes), timeout=1.0)


def refused(code: int, text: str = "") -> smtplib.SMTPRecipientsRefused:
    return smtplib.SMTPRecipientsRefused({"wang@example.com": (code, text.encode())})


def test_the_headers_of_a_mail_that_one_subscribes_to() -> None:
    send(unsubscribe_url="https://hall.example/u/1/")
    headers = mail.outbox[0].message()
    assert headers["Message-ID"] == "<1-1@localhost>"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["List-Unsubscribe"] == "<https://hall.example/u/1/>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_other_mails_have_nothing_to_unsubscribe_from() -> None:
    send()
    assert "List-Unsubscribe" not in mail.outbox[0].message()


def test_an_attachment_goes_along() -> None:
    send(attachment=Attachment("账单.pdf", b"%PDF-1.7", "application/pdf"))
    (attached,) = mail.outbox[0].attachments
    assert tuple(attached) == ("账单.pdf", b"%PDF-1.7", "application/pdf")


@pytest.mark.parametrize(
    ("error", "permanent", "failure"),
    [
        (smtplib.SMTPRecipientsRefused({}), True, "HARD"),
        (refused(550, "5.1.1 no such user"), True, "HARD"),
        (refused(450, "4.7.1 greylisted, come back"), False, "SOFT"),
        (refused(552, "5.2.2 mailbox full"), True, "SOFT"),
        (refused(550, "5.7.1 your network is on a black list"), True, "OTHER"),
        (smtplib.SMTPDataError(554, b"5.6.0 content not liked"), True, "OTHER"),
        (smtplib.SMTPDataError(451, b"4.3.0 later"), False, "OTHER"),
        (smtplib.SMTPServerDisconnected(), False, "OTHER"),
        (ConnectionRefusedError(), False, "OTHER"),
    ],
)
def test_what_the_mail_server_s_refusal_means(
    error: Exception, permanent: bool, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: locmem.EmailBackend, messages: object) -> int:
        raise error

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", refuse)
    with pytest.raises(ProviderError) as caught:
        send()
    assert (caught.value.permanent, caught.value.failure) == (permanent, failure)
    assert "wang" not in caught.value.reason


def test_a_title_cannot_add_headers() -> None:
    with pytest.raises(ProviderError) as caught:
        send(title="t\nBcc: all@example.com")
    assert caught.value.permanent
    assert mail.outbox == []


@pytest.mark.parametrize("address", ["wang@example.com\r\nBcc: all@example.com", "a@b.com,c@d.com\n"])
def test_an_address_cannot_add_headers_or_people(address: str) -> None:
    with pytest.raises(ProviderError) as caught:
        send(address=address)
    assert caught.value.permanent
    assert mail.outbox == []
