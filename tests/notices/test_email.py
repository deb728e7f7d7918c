import smtplib
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends import locmem

from notices.providers.base import ProviderError, Sent
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
        "timeout": 1.0,
    }
    return Email().send(**values | changes)


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        (smtplib.SMTPRecipientsRefused({}), True),
        (smtplib.SMTPServerDisconnected(), False),
        (ConnectionRefusedError(), False),
    ],
)
def test_what_the_mail_server_s_refusal_means(
    error: Exception, permanent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: locmem.EmailBackend, messages: object) -> int:
        raise error

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", refuse)
    with pytest.raises(ProviderError) as caught:
        send()
    assert caught.value.permanent is permanent


def test_a_title_cannot_add_headers() -> None:
    with pytest.raises(ProviderError) as caught:
        send(title="t\nBcc: all@example.com")
    assert caught.value.permanent
    assert mail.outbox == []
