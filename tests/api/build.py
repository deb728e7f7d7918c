"""Tokens and a client that speaks JSON with one."""

from collections.abc import Iterable
from typing import Any

from django.test import Client

from accounts.models import User
from accounts.services import tokens
from core import clock
from operations.api import scopes


def token_of(user: User, *allowed: str, days: int = 30) -> str:
    """A token of the user; without scopes named it may do everything."""
    wanted: Iterable[str] = allowed or scopes.everything()
    made = tokens.make(user_id=user.pk, name="测试", scopes=wanted, days=days, as_of=clock.now())
    return made.secret


class Api:
    """A client with a token, or without."""

    def __init__(self, token: str = "") -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, address: str, **headers: str) -> Any:
        return self.client.get(address, headers=self.headers | headers)

    def post(self, address: str, body: Any, **headers: str) -> Any:
        return self.client.post(
            address, body, content_type="application/json", headers=self.headers | headers
        )


def error_of(answer: Any) -> tuple[int, str]:
    """Status and code of an error, which has the one shape."""
    error = answer.json()
    assert {"code", "message", "fields", "slip_number"} <= set(error) <= {
        "code", "message", "fields", "slip_number", "quote"
    }  # fmt: skip
    assert error["message"]
    return answer.status_code, error["code"]
