from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import BillingAccount, User
from core import clock, pokes
from tests.accounts import build

Committed = Callable[..., AbstractContextManager[list[Any]]]


@pytest.fixture(autouse=True)
def empty_vault() -> None:
    """Every run begins with delivery 1 at the same noon: texts of the last run would seem to be this one's."""
    for key in pokes.broker().scan_iter("notices:secret:*"):
        pokes.broker().delete(key)


@pytest.fixture
def noon(as_of: datetime) -> Iterator[datetime]:
    """The edges' clock stands at noon too."""
    with clock.stopped(as_of):
        yield as_of


class Browser:
    """A visitor whose posts are committed, so that messages set out; redirects are not followed."""

    def __init__(self, committed: Committed, address: str = "192.0.2.7") -> None:
        self.client = Client(REMOTE_ADDR=address)
        self._committed = committed

    def get(self, path: str, **data: str) -> Any:
        return self.client.get(path, data)

    def post(self, path: str, **data: str) -> Any:
        with self._committed(execute=True):
            return self.client.post(path, data)

    @property
    def user_id(self) -> int | None:
        """Who is logged in."""
        found = self.client.session.get("_auth_user_id")
        return int(found) if found else None


@pytest.fixture
def browser(db: None, django_capture_on_commit_callbacks: Committed) -> Browser:
    return Browser(django_capture_on_commit_callbacks)


@pytest.fixture
def stranger(db: None, django_capture_on_commit_callbacks: Committed) -> Browser:
    """Another visitor, from elsewhere."""
    return Browser(django_capture_on_commit_callbacks, "198.51.100.9")


@pytest.fixture
def account(db: None) -> BillingAccount:
    return build.account("8100000001", contact=build.PHONE)


@pytest.fixture
def alice(account: BillingAccount) -> User:
    """Owner of the account."""
    user = build.user()
    build.bind(user, account)
    return user
