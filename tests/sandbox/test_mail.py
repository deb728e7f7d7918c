"""The stand-in mail provider: takes mails, shows them, reports about them."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.process import SECRET, Ear, SandboxProcess, listening, running, until


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as found:
        yield found


@pytest.fixture
def provider(ear: Ear, tmp_path: Path) -> Iterator[SandboxProcess]:
    options = ("--keys", str(tmp_path))
    with running(*options, HALL_BASE_URL=ear.url, SANDBOX_RECEIPT_SECONDS="0.05") as process:
        yield process


def mail(to: str = "wang@example.com", *, number: int = 1, subject: str = "账单") -> bytes:
    message = EmailMessage()
    message["Subject"], message["To"], message["From"] = subject, to, "hall@localhost"
    message["Message-ID"] = f"<{number}-1@localhost>"
    message["List-Unsubscribe"] = "<http://127.0.0.1/u/>"
    message.set_content("<b>您好</b>\nhttp://127.0.0.1/x?a=1&b=2\n")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="B1.pdf")
    return message.as_bytes()


def send(provider: SandboxProcess, raw: bytes) -> Any:
    return provider.post("/mail/send", raw, {"Content-Type": "message/rfc822"}).json()["code"]


def letters(provider: SandboxProcess, to: str = "") -> list[dict[str, Any]]:
    found: Any = provider.get("/mail/api/letters", to=to).json()["letters"]
    return list(found)


def test_a_mail_is_kept_as_it_was_sent(provider: SandboxProcess) -> None:
    assert send(provider, mail()) == 250
    (letter,) = letters(provider, "wang@")
    assert (letter["to"], letter["subject"]) == ("wang@example.com", "账单")
    assert letter["text"].startswith("<b>您好</b>")
    assert letter["attachments"] == ["B1.pdf"]
    assert letter["headers"]["List-Unsubscribe"] == "<http://127.0.0.1/u/>"


def test_a_person_can_read_it_and_follow_its_links(provider: SandboxProcess) -> None:
    send(provider, mail(subject="<script>alert(1)</script>"))
    (letter,) = letters(provider)
    assert "&lt;script&gt;" in provider.get("/mail/").text
    page = provider.get(f"/mail/{letter['key']}").text
    assert "&lt;b&gt;您好" in page
    assert '<a href="http://127.0.0.1/x?a=1&amp;b=2">' in page
    assert "<script>alert" not in page
    assert provider.get(f"/mail/{letter['key']}/0").body == b"%PDF-1.7"
    assert provider.get(f"/mail/{letter['key']}/1").status == 404
    assert provider.get("/mail/0123456789abcdef").status == 404


def test_the_same_mail_again_is_one(provider: SandboxProcess) -> None:
    assert [send(provider, mail()), send(provider, mail())] == [250, 250]
    assert len(letters(provider)) == 1


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("wang@example.com", "DELIVERED"),
        ("bounce1@example.com", "BOUNCED_HARD"),
        ("full@example.com", "BOUNCED_SOFT"),
        ("spam@example.com", "COMPLAINED"),
    ],
)
def test_what_becomes_of_it_is_reported_and_signed(
    provider: SandboxProcess, ear: Ear, to: str, status: str
) -> None:
    send(provider, mail(to))
    until(lambda: bool(ear.heard))
    heard = ear.heard[0]
    fields = json.loads(heard.body)
    assert (heard.path, fields["status"]) == ("/notices/receipts/email/", status)
    assert fields["provider_message_id"] == "<1-1@localhost>"
    expected = hmac.new(SECRET.encode(), heard.body, hashlib.sha256).hexdigest()
    assert heard.headers["X-Signature"] == expected


def test_nobody_is_refused_at_once(provider: SandboxProcess) -> None:
    assert send(provider, mail("nobody@example.com")) == 550
    assert letters(provider) == []


def test_what_is_no_mail_is_refused(provider: SandboxProcess) -> None:
    assert send(provider, b"\xff\x00 nothing") == 550
