import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core import clock, heartbeats
from core.models import Heartbeat

TOKEN = {"Authorization": "Bearer the-token"}


@pytest.fixture(autouse=True)
def no_jobs_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "_expected", {})


@pytest.fixture
def database_elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """New connections go to another port; closed again at the end, so that whoever hangs there lets go."""
    held: list[socket.socket] = []

    def move(hangs: bool) -> None:
        server = socket.create_server(("127.0.0.1", 0))
        held.append(server)
        monkeypatch.setitem(connections.settings["default"], "HOST", "127.0.0.1")
        monkeypatch.setitem(connections.settings["default"], "PORT", server.getsockname()[1])
        if not hangs:
            server.close()

    yield move
    for server in held:
        server.close()
    time.sleep(0.1)


def timed(client: Client, path: str) -> tuple[int, Any, float]:
    started = time.monotonic()
    answer = client.get(path)
    return answer.status_code, answer.json(), time.monotonic() - started


@pytest.mark.django_db
def test_alive_is_said_without_looking_at_anything(client: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = client.get("/healthz")
    assert (answer.status_code, answer.content, len(queries)) == (200, b"ok\n", 0)


def test_alive_is_said_without_a_database(client: Client) -> None:
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_they_are_read_only(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_ready_when_everything_is_there(client: Client) -> None:
    timed(client, "/readyz")  # reads the migrations of the code once
    status, answer, seconds = timed(client, "/readyz")
    assert status == 200
    assert answer == {"status": "ok", "database": "ok", "broker": "ok", "silent_jobs": []}
    assert seconds < 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("broker_away")
def test_without_the_broker_it_is_degraded_and_still_takes_work(client: Client) -> None:
    status, answer, seconds = timed(client, "/readyz")
    assert (status, answer["status"], answer["broker"]) == (200, "degraded", "away")
    assert seconds < 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("hangs", [False, True])
def test_without_the_database_it_takes_no_work(client: Client, database_elsewhere: Any, hangs: bool) -> None:
    timed(client, "/readyz")
    database_elsewhere(hangs)
    status, answer, seconds = timed(client, "/readyz")
    assert (status, answer["status"], answer["database"]) == (503, "unavailable", "away")
    assert seconds < 1.2


@pytest.mark.django_db(transaction=True)
def test_with_a_migration_missing_it_takes_no_work(client: Client) -> None:
    last = MigrationRecorder.Migration.objects.filter(app="core").latest("name")
    MigrationRecorder(connection).record_unapplied("core", last.name)
    try:
        status, answer, _ = timed(client, "/readyz")
    finally:
        MigrationRecorder(connection).record_applied("core", last.name)
    assert (status, answer["database"]) == (503, "migrations missing")


@pytest.mark.django_db(transaction=True)
def test_silent_jobs_are_named(client: Client) -> None:
    long_ago = clock.now() - heartbeats.PATIENCE * heartbeats.TICK_EVERY * 2
    Heartbeat.objects.create(job="tests.job", expected_every_seconds=60, last_finished_at=long_ago)
    status, answer, _ = timed(client, "/readyz")
    assert (status, answer["status"], answer["silent_jobs"]) == (200, "degraded", ["tests.job"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "headers", "token", "status"),
    [
        ("127.0.0.1", {}, "", 200),
        ("::1", {}, "", 200),
        ("10.0.0.7", {}, "", 403),
        ("", {}, "", 403),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"}, "", 403),  # a stranger behind a proxy on this machine
        ("127.0.0.1", {"Forwarded": "for=10.0.0.7"}, "", 403),
        ("127.0.0.1", {"X-Real-IP": "10.0.0.7"}, "", 403),
        ("127.0.0.1", {"X-Forwarded-Proto": "https"}, "", 403),
        ("10.0.0.7", TOKEN, "the-token", 200),
        ("10.0.0.7", {"Authorization": "Bearer another"}, "the-token", 403),
        ("10.0.0.7", TOKEN, "", 403),
        ("10.0.0.7", {"Authorization": "Bearer "}, "", 403),
        ("10.0.0.7", {"Authorization": "Bearer ключ"}, "the-token", 403),
    ],
)
def test_figures_are_for_this_machine_or_who_holds_the_token(
    client: Client, settings: Any, address: str, headers: dict[str, str], token: str, status: int
) -> None:
    settings.METRICS_TOKEN = token
    answer = client.get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert answer.status_code == status
    assert (b"hall_database_up" in answer.content) is (status == 200)
