"""The adapter that speaks HTTP, and the stand-in at the other end of it: done once, whatever gets lost."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from billing.gateways import transport
from resources.adapters import registry
from resources.adapters.base import AdapterError, Order, Status
from resources.adapters.http import HttpAdapter, HttpConfig
from resources.models import Command
from resources.services import provisioning
from tests.conftest import NOON
from tests.resources import build
from tests.sandbox.process import SECRET, SandboxProcess, running

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running("--keys", str(tmp_path_factory.mktemp("keys"))) as process:
        yield process


@pytest.fixture(autouse=True)
def cheerful(sandbox: SandboxProcess) -> None:
    feel(sandbox, "SUCCEED")


def feel(sandbox: SandboxProcess, mood: str) -> None:
    sandbox.post("/provisioning/", urlencode({"mood": mood}).encode(), FORM)


def config(sandbox: SandboxProcess, **changes: str) -> HttpConfig:
    given = {"url": f"{sandbox.url}/provisioning", "name": "hall", "secret": SECRET, **changes}
    return HttpConfig(**given)


def order(key: str, action: str = "AUTHORISE", payload: Mapping[str, Any] | None = None) -> Order:
    return Order(key, action, "subscription", "17", payload or {"card": "8000000001"})


def commands(sandbox: SandboxProcess) -> list[dict[str, Any]]:
    found: Any = sandbox.get("/provisioning/api/commands").json()
    return list(found)


def refusal(adapter: HttpAdapter, of: Order) -> AdapterError:
    with pytest.raises(AdapterError) as error:
        adapter.execute(of)
    return error.value


def test_a_command_is_done_once_however_often_it_is_sent(sandbox: SandboxProcess) -> None:
    adapter = HttpAdapter(config(sandbox))
    first, second = adapter.execute(order("once")), adapter.execute(order("once"))
    assert first.status == Status.DONE
    assert first == second
    assert [row["subject_id"] for row in commands(sandbox) if row["key"] == "once"] == ["17"]


def test_a_key_with_another_content_is_refused_for_good(sandbox: SandboxProcess) -> None:
    adapter = HttpAdapter(config(sandbox))
    adapter.execute(order("used"))
    for other in (order("used", "DEAUTHORISE"), order("used", payload={"card": "2"})):
        error = refusal(adapter, other)
        assert (error.reason, error.permanent) == ("KEY_USED", True)


def test_refused_and_busy_are_told_apart(sandbox: SandboxProcess) -> None:
    adapter = HttpAdapter(config(sandbox))
    feel(sandbox, "REFUSE")
    error = refusal(adapter, order("refused"))
    assert (error.reason, error.permanent) == ("REFUSED as the developer wants it", True)
    feel(sandbox, "BUSY")
    error = refusal(adapter, order("busy"))
    assert (error.reason, error.permanent) == ("BUSY", False)
    assert not {"refused", "busy"} & {row["key"] for row in commands(sandbox)}


def test_a_lost_answer_costs_a_second_question_and_nothing_else(sandbox: SandboxProcess) -> None:
    adapter = HttpAdapter(config(sandbox))
    feel(sandbox, "LOSE")
    assert not refusal(adapter, order("lost")).permanent
    assert adapter.execute(order("lost")).status == Status.DONE
    assert len([row for row in commands(sandbox) if row["key"] == "lost"]) == 1


def test_what_takes_its_time_is_pending(sandbox: SandboxProcess) -> None:
    feel(sandbox, "DELAY")
    outcome = HttpAdapter(config(sandbox)).execute(order("later"))
    assert outcome.status == Status.PENDING
    assert outcome.reference


def test_who_does_not_know_the_secret_is_not_believed(sandbox: SandboxProcess) -> None:
    for changes in ({"secret": "another"}, {"name": "somebody"}):
        error = refusal(HttpAdapter(config(sandbox, **changes)), order("stranger"))
        assert error.reason
    assert "stranger" not in {row["key"] for row in commands(sandbox)}


def test_nobody_there_is_worth_another_try_and_no_far_system_is_not(sandbox: SandboxProcess) -> None:
    away = refusal(HttpAdapter(config(sandbox, url="http://127.0.0.1:9/provisioning")), order("away"))
    assert not away.permanent
    nobody = refusal(HttpAdapter(config(sandbox, url="")), order("nobody"))
    assert nobody.permanent


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"not json", b'{"code": "DONE", "nonce": "another"}'])
def test_an_answer_that_cannot_be_read_is_no_answer(sandbox: SandboxProcess, body: bytes) -> None:
    def answer(method: str, url: str, headers: Mapping[str, str], sent: bytes) -> transport.Answer:
        signature = adapter._signature("200", body)
        return transport.Answer(200, {"x-signature": signature}, body)

    adapter = HttpAdapter(config(sandbox), exchange=answer)
    assert not refusal(adapter, order("x")).permanent


@pytest.mark.django_db
def test_from_the_queue_to_the_far_end_and_back(sandbox: SandboxProcess, settings: Any) -> None:
    settings.PROVISIONING_ADAPTER = "http"
    settings.PROVISIONING_URL = f"{sandbox.url}/provisioning"
    settings.PROVISIONING_SECRET = SECRET
    assert registry.adapter().code == "http"
    build.command("whole")
    provisioning.work(clock=lambda: NOON)
    command = Command.objects.get()
    [row] = [row for row in commands(sandbox) if row["key"] == "whole"]
    assert (command.state, command.far_reference) == ("DONE", row["reference"])


def test_the_page_shows_what_was_asked_for(sandbox: SandboxProcess) -> None:
    HttpAdapter(config(sandbox)).execute(order("shown<b>"))
    text = sandbox.get("/provisioning/").text
    assert "shown&lt;b&gt;" in text
    assert "模拟开通系统" in text
