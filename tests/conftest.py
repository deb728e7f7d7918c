"""What every test may ask for, and what none may do: reach a network beyond this machine."""

import ipaddress
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from allauth.account.internal.flows.login import record_authentication
from django.contrib.auth.signals import user_logged_in
from django.test import TransactionTestCase
from django.utils import translation

from core import pokes
from core.actor import Actor
from tests import database

NOON = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)  # a Wednesday, noon in Shanghai
_ABSENT = "data absent"  # how tests/shared_data.py begins the reason of its skips


@pytest.fixture
def as_of() -> datetime:
    """One fixed instant: noon of Wednesday 2026-11-18 in Shanghai."""
    return NOON


@pytest.fixture
def actor() -> Actor:
    return Actor("test:engineer")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database; transactional tests leave in it what the migrations wrote (see tests/database.py)."""
    patch = pytest.MonkeyPatch()
    with django_db_blocker.unblock():
        database.remember()
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: database.restore())
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def language_of_its_own() -> Iterator[None]:
    """A page that was read in English leaves its language in the thread: the next test begins in the source's."""
    yield
    translation.deactivate()


@pytest.fixture
def broker_away(settings: Any) -> Iterator[None]:
    """Nobody listens where the broker should be."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    pokes.broker.cache_clear()
    yield
    pokes.broker.cache_clear()
    pokes.speak_again()


@pytest.fixture(autouse=True, scope="session")
def staff_have_shown_their_second_factor() -> Iterator[None]:
    """Of whoever a test logs in by `force_login`; who logs in through the pages is asked for it as in life."""
    user_logged_in.connect(_shown, dispatch_uid="tests.second_factor")
    yield
    user_logged_in.disconnect(dispatch_uid="tests.second_factor")


def _shown(sender: Any, request: Any, user: Any, **more: Any) -> None:
    if user.is_staff and "REQUEST_METHOD" not in request.META:
        record_authentication(request, user, "mfa", type="totp")


def _is_local(address: Any) -> bool:
    if not isinstance(address, tuple):  # a Unix socket
        return True
    host = str(address[0])
    if host in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:  # a name: would have to be looked up outside
        return False


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Connections leave this machine in no test; RuntimeError, so that nobody takes it for a dead peer."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    yield
    patch.undo()


def _guarded(original: Any) -> Any:
    def connect(self: socket.socket, address: Any) -> Any:
        if not _is_local(address):
            raise RuntimeError(f"a test tried to reach {address!r}")
        return original(self, address)

    return connect


def pytest_terminal_summary(terminalreporter: Any) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    absent = [report for report in skipped if _ABSENT in str(report.longrepr)]
    terminalreporter.write_line(f"{len(absent)} tests skipped for absent data")
