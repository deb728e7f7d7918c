"""The stand-in bank: which questions it believes, and its pages."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.process import SECRET, Response, SandboxProcess, running


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running("--keys", str(tmp_path_factory.mktemp("keys"))) as process:
        yield process


def ask(
    sandbox: SandboxProcess, what: str, *, secret: str = SECRET, path: str = "", **values: object
) -> Response:
    """A signed question; `path` signs it for another one."""
    given = {"merchant_id": "8800000001", "nonce": "n1", "at": int(time.time()), **values}
    body = json.dumps(given).encode()
    signed = f"{path or f'/debit/{what}'}\n".encode() + body
    return sandbox.post(
        f"/debit/{what}", body, {"X-Signature": hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}
    )


def propose(sandbox: SandboxProcess, reference: str = "") -> str:
    """A new agreement; the path of its page."""
    answer = ask(
        sandbox,
        "agreements",
        reference=reference or secrets.token_hex(12),
        account_number="81<b>",
        max_cents=50_000,
        sign_by=(datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        return_url="http://127.0.0.1:9/back/",
    ).json()
    assert answer["code"] == "OK"
    return str(answer["sign_url"]).removeprefix(sandbox.url)


def test_answers_are_signed_and_carry_the_nonce(sandbox: SandboxProcess) -> None:
    answer = ask(sandbox, "debits/query", reference="P1", nonce="n2")
    told = hmac.new(SECRET.encode(), b"200\n" + answer.body, hashlib.sha256).hexdigest()
    assert answer.headers["X-Signature"] == told
    assert (answer.json()["nonce"], answer.json()["code"]) == ("n2", "NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"secret": "other"}, 401, "BAD_SIGNATURE"),
        ({"path": "/debit/debits"}, 401, "BAD_SIGNATURE"),
        ({"merchant_id": "1"}, 403, "WRONG_MERCHANT"),
        ({"at": 1}, 400, "STALE"),
        ({"at": "now"}, 400, "STALE"),
        ({"nonce": 1}, 400, "BAD_REQUEST"),
    ],
)
def test_what_is_not_believed(
    sandbox: SandboxProcess, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = ask(sandbox, "debits/query", reference="P1", **changes)
    assert (answer.status, answer.json()["code"]) == (status, code)


def test_without_a_secret_nothing_is_believed(tmp_path: Path) -> None:
    with running("--keys", str(tmp_path), DEBIT_SECRET="") as sandbox:
        assert ask(sandbox, "debits/query", secret="", reference="P1").status == 401


@pytest.mark.parametrize(
    "values", [{}, {"reference": 1}, {"reference": "P1", "agreement_no": "B", "amount_cents": 0}]
)
def test_what_is_no_debit(sandbox: SandboxProcess, values: dict[str, Any]) -> None:
    assert ask(sandbox, "debits", **values).json()["code"] == "BAD_REQUEST"


def test_the_customer_signs_or_not_and_goes_back(sandbox: SandboxProcess) -> None:
    for action, state in (("sign", "ACTIVE"), ("end", "ENDED")):
        reference = secrets.token_hex(12)
        page = propose(sandbox, reference)
        text = sandbox.get(page).text
        assert "同意并签约" in text
        assert "81&lt;b&gt;" in text
        answer = sandbox.press(page, action)
        assert (answer.status, answer.headers["Location"]) == (303, "http://127.0.0.1:9/back/")
        assert sandbox.get("/debit/api/agreements", reference=reference).json()["status"] == state
        assert "同意并签约" not in sandbox.get(page).text


def test_he_ends_it_at_the_bank(sandbox: SandboxProcess) -> None:
    page = propose(sandbox)
    sandbox.press(page, "sign")
    assert "解约" in sandbox.get(page).text
    assert sandbox.press(page, "end").headers["Location"] == page
    assert "代扣协议：已解约" in sandbox.get(page).text
    sandbox.press(page, "sign")
    assert "代扣协议：已解约" in sandbox.get(page).text


def test_developers_see_all_agreements(sandbox: SandboxProcess) -> None:
    page = propose(sandbox)
    text = sandbox.get("/debit/").text
    assert page in text
    assert "<b>" not in text.replace("<br>", "")


def test_no_such_agreement(sandbox: SandboxProcess) -> None:
    assert sandbox.get(f"/debit/sign/{'0' * 24}").status == 404
    assert sandbox.press(f"/debit/sign/{'0' * 24}", "sign").status == 404
    assert sandbox.get("/debit/api/agreements", reference="none").status == 404
