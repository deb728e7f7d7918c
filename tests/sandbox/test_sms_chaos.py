"""The stand-in gateway does wrong on purpose: by the end of the number, or by chance with a seed."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.sms.chaos import BadChaos, Chaos, parts
from tests.sandbox.process import SECRET, Ear, SandboxProcess, listening, running, until


@pytest.fixture(scope="module")
def ear() -> Iterator[Ear]:
    with listening() as heard:
        yield heard


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, ear: Ear) -> Iterator[SandboxProcess]:
    keys = tmp_path_factory.mktemp("keys")
    with running("--keys", str(keys), HALL_BASE_URL=ear.url, SANDBOX_RECEIPT_SECONDS="0.05") as process:
        yield process


def sign(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def ask(sandbox: SandboxProcess, path: str, values: object, *, signature: str = "") -> dict[str, object]:
    body = json.dumps(values).encode()
    return sandbox.post(path, body, {"X-Signature": signature or sign(body)}).json()


def send(sandbox: SandboxProcess, phone: str, message_id: str, text: str = "x") -> dict[str, object]:
    return ask(sandbox, "/sms/send", {"phone": phone, "text": text, "message_id": message_id})


def heard(ear: Ear, message_id: str) -> list[tuple[str, bool]]:
    """The receipts of a message so far: status, and whether the signature is right."""
    found = [(json.loads(one.body), one) for one in list(ear.heard)]
    return [
        (values["status"], one.headers["X-Signature"] == sign(one.body))
        for values, one in found
        if values["message_id"] == message_id
    ]


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("13812349903", [("DELIVERED", True)] * 3),
        ("13812349904", [("DELIVERED", True), ("FAILED", True)]),
        ("13812349905", [("FAILED", False), ("DELIVERED", True)]),
        ("13812349906", [("FAILED", True)]),
        ("13812340000", [("FAILED", True)]),
    ],
)
def test_what_a_number_s_end_brings(
    sandbox: SandboxProcess, ear: Ear, phone: str, expected: list[tuple[str, bool]]
) -> None:
    assert send(sandbox, phone, f"m-{phone}")["accepted"] is True
    until(lambda: len(heard(ear, f"m-{phone}")) >= len(expected))
    assert heard(ear, f"m-{phone}") == expected


def test_a_lost_receipt_never_comes_and_can_be_asked_for(sandbox: SandboxProcess, ear: Ear) -> None:
    send(sandbox, "13812349901", "m-lost")
    send(sandbox, "13812340001", "m-after")
    until(lambda: bool(heard(ear, "m-after")))
    time.sleep(0.3)
    assert heard(ear, "m-lost") == []
    asked: dict[str, list[str]] = {"message_ids": ["m-lost", "m-unknown"]}
    answer: Any = ask(sandbox, "/sms/receipts", asked)
    (found,) = answer["receipts"]
    assert found["signature"] == sign(found["body"].encode())
    receipt = json.loads(found["body"])
    assert (receipt["message_id"], receipt["status"]) == ("m-lost", "DELIVERED")
    assert ask(sandbox, "/sms/receipts", asked, signature="0" * 64)["code"] == "BAD_SIGNATURE"


def test_a_busy_gateway_takes_it_the_second_time(sandbox: SandboxProcess) -> None:
    assert send(sandbox, "13812349907", "m-busy") == {"accepted": False, "code": "BUSY"}
    assert send(sandbox, "13812349907", "m-busy")["accepted"] is True


@pytest.mark.parametrize(
    ("phone", "text", "code"), [("13812349908", "x", "DENY_LIST"), ("13812340001", "长" * 671, "TOO_LONG")]
)
def test_what_is_refused_for_good(sandbox: SandboxProcess, phone: str, text: str, code: str) -> None:
    assert send(sandbox, phone, f"m-{code}", text) == {"accepted": False, "code": code}


def test_many_at_once_have_an_answer_each(sandbox: SandboxProcess) -> None:
    given = [
        {"phone": "13812340011", "text": "x", "message_id": "b-1"},
        {"phone": "nobody", "text": "x", "message_id": "b-2"},
        {"phone": "13812340012", "text": "长" * 71, "message_id": "b-3"},
        7,
    ]
    answer: Any = ask(sandbox, "/sms/batch", {"messages": given})
    assert [(each["accepted"], each.get("parts"), each.get("code")) for each in answer["results"]] == [
        (True, 1, None),
        (False, None, "BAD_PHONE"),
        (True, 2, None),
        (False, None, "BAD_REQUEST"),
    ]
    assert ask(sandbox, "/sms/batch", {"messages": []})["code"] == "BAD_REQUEST"


def test_chance_is_set_from_outside(sandbox: SandboxProcess, ear: Ear) -> None:
    assert ask(sandbox, "/sms/chaos", {"seed": 7, "repeat": 1})["repeat"] == 1
    send(sandbox, "13812340021", "c-1")
    until(lambda: len(heard(ear, "c-1")) == 3)
    assert ask(sandbox, "/sms/chaos", {"lose": 2})["code"] == "BAD_REQUEST"
    ask(sandbox, "/sms/chaos", {})


@pytest.mark.parametrize(
    "text", [b"", b"[]", b'{"loose": 1}', b'{"lose": "1"}', b'{"lose": true}', b'{"lose": -1}']
)
def test_what_is_no_chaos(text: bytes) -> None:
    with pytest.raises(BadChaos):
        Chaos.read(text)


def test_the_same_seed_does_the_same_wrong() -> None:
    def happens(seed: int) -> list[frozenset[str]]:
        chaos = Chaos(seed=seed, lose=0.3, delay=0.3, repeat=0.3, reorder=0.3, forge=0.3)
        return [chaos.of("13812340001", f"m-{n}") for n in range(200)]

    assert happens(1) == happens(1)
    assert happens(1) != happens(2)
    assert 30 < sum("lose" in each for each in happens(1)) < 90


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("长" * 70, 1),
        ("长" * 71, 2),
        ("长" * 134, 2),
        ("长" * 135, 3),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_parts(text: str, count: int) -> None:
    assert parts(text) == count
