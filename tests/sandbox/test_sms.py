"""The stand-in SMS gateway: sending, receipts, and the page for developers."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.process import SECRET, Ear, Response, SandboxProcess, listening, running, until


@pytest.fixture(scope="module")
def ear() -> Iterator[Ear]:
    with listening() as heard:
        yield heard


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, ear: Ear) -> Iterator[SandboxProcess]:
    keys = tmp_path_factory.mktemp("keys")
    with running("--keys", str(keys), HALL_BASE_URL=f"{ear.url}/", SANDBOX_RECEIPT_SECONDS="0.05") as process:
        yield process


def sign(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def send(sandbox: SandboxProcess, phone: str, text: str = "验证码 123456", message_id: str = "") -> Response:
    values = {"phone": phone, "text": text, "message_id": message_id or secrets.token_hex(8)}
    body = json.dumps(values).encode()
    return sandbox.post("/sms/send", body, {"X-Signature": sign(body), "Content-Type": "application/json"})


def receipts(ear: Ear, number: object) -> list[dict[str, str]]:
    return [
        receipt
        for heard in list(ear.heard)
        if (receipt := json.loads(heard.body))["provider_message_id"] == number
    ]


def test_a_message_is_taken_and_its_delivery_reported(sandbox: SandboxProcess, ear: Ear) -> None:
    response = send(sandbox, "+8613812340001", message_id="m-1")
    assert response.status == 200
    answer = response.json()
    assert answer["accepted"] is True
    until(lambda: len(receipts(ear, answer["provider_message_id"])) == 1)
    (receipt,) = receipts(ear, answer["provider_message_id"])
    assert (receipt["status"], receipt["message_id"], receipt["error"]) == ("DELIVERED", "m-1", "")
    assert receipt["at"].endswith("+00:00")
    heard = next(one for one in ear.heard if b'"m-1"' in one.body)
    assert heard.path == "/notices/receipts/sms/"
    assert heard.headers["X-Signature"] == sign(heard.body)
    assert heard.headers["Content-Type"] == "application/json"


def test_a_dead_number_fails_in_the_receipt(sandbox: SandboxProcess, ear: Ear) -> None:
    number = send(sandbox, "13812340000").json()["provider_message_id"]
    until(lambda: len(receipts(ear, number)) == 1)
    (receipt,) = receipts(ear, number)
    assert (receipt["status"], receipt["error"]) == ("FAILED", "空号")


def test_a_receipt_is_sent_again_until_it_is_taken(tmp_path: Path) -> None:
    with listening() as ear, running("--keys", str(tmp_path), HALL_BASE_URL=ear.url) as sandbox:
        ear.reply = lambda count: (500, b"") if count == 0 else (204, b"")
        send(sandbox, "13812340001")
        first, second = ear.wait(2)
        assert first.body == second.body
        assert second.at - first.at >= 1.0


def test_the_same_message_again_is_the_same_message(sandbox: SandboxProcess, ear: Ear) -> None:
    first = send(sandbox, "13812340002", message_id="m-2").json()
    assert send(sandbox, "13812340002", message_id="m-2").json() == first
    assert len(messages(sandbox, "13812340002")) == 1


def messages(sandbox: SandboxProcess, phone: str) -> list[dict[str, str]]:
    found = json.loads(sandbox.get("/sms/api/messages", phone=phone).body)["messages"]
    return list(found)


@pytest.mark.parametrize("signature", ["", "0" * 64, "签"])
def test_an_unsigned_message_is_refused(sandbox: SandboxProcess, signature: str) -> None:
    body = json.dumps({"phone": "13812340003", "text": "x", "message_id": "m-3"}).encode()
    headers = {"X-Signature": signature.encode("utf-8").decode("latin-1")}
    response = sandbox.post("/sms/send", body, headers)
    assert (response.status, response.json()["code"]) == (401, "BAD_SIGNATURE")
    assert messages(sandbox, "13812340003") == []


def test_without_a_secret_nothing_is_taken(tmp_path: Path) -> None:
    body = b"{}"
    empty = hmac.new(b"", body, hashlib.sha256).hexdigest()
    with running("--keys", str(tmp_path), SMS_GATEWAY_SECRET="") as sandbox:
        assert sandbox.post("/sms/send", body, {"X-Signature": empty}).status == 401


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "BAD_REQUEST"),
        (b"[]", "BAD_REQUEST"),
        (b"\xff", "BAD_REQUEST"),
        (b'{"phone":"13812340004","text":"x"}', "BAD_REQUEST"),
        (b'{"phone":13812340004,"text":"x","message_id":"m"}', "BAD_REQUEST"),
        (b'{"phone":"13812340004","text":"","message_id":"m"}', "BAD_REQUEST"),
        (b'{"phone":"hello","text":"x","message_id":"m"}', "BAD_PHONE"),
        (b'{"phone":"1381234000411111111","text":"x","message_id":"m"}', "BAD_PHONE"),
    ],
)
def test_what_is_no_message_is_refused(sandbox: SandboxProcess, body: bytes, code: str) -> None:
    response = sandbox.post("/sms/send", body, {"X-Signature": sign(body)})
    assert (response.status, response.json()["code"]) == (400, code)


def test_developers_see_the_newest_message_first_and_find_by_phone(sandbox: SandboxProcess) -> None:
    send(sandbox, "13812345001", "first <b>")
    send(sandbox, "13812345001", "second")
    send(sandbox, "13812346001", "third")
    assert [message["text"] for message in messages(sandbox, "345001")] == ["second", "first <b>"]
    text = sandbox.get("/sms/", phone="13812345001").text
    assert text.index("second") < text.index("first &lt;b&gt;")
    assert "third" not in text
    assert 'http-equiv="refresh"' in text
    assert 'value="13812345001"' in text


def test_the_page_can_stand_still(sandbox: SandboxProcess) -> None:
    assert 'http-equiv="refresh"' not in sandbox.get("/sms/", still="1").text


def test_a_search_is_text_and_nothing_else(sandbox: SandboxProcess) -> None:
    text = sandbox.get("/sms/", phone='"><script>').text
    assert "<script>" not in text
    assert "还没有短信" in text
    assert messages(sandbox, "%") == []
