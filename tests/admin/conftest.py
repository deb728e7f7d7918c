from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from tests.admin import build


@pytest.fixture
def log_in() -> Callable[[User], Client]:
    def logged_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return logged_in


@pytest.fixture
def root(db: None) -> User:
    return build.superuser()


@pytest.fixture
def desk(root: User, log_in: Callable[[User], Client]) -> Client:
    """A superuser's browser."""
    return log_in(root)
