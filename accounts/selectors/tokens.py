"""Reads about tokens for the open interface."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from knox.models import AuthToken

from accounts.models import ApiToken


def of_user(user: Any, *, as_of: datetime) -> "QuerySet[ApiToken]":
    """The user's tokens that still work, newest first."""
    alive = ApiToken.objects.filter(token__user_id=user.pk, token__expiry__gt=as_of)
    return alive.select_related("token").order_by("-token__created")


def without_scopes(user: Any, *, as_of: datetime) -> "QuerySet[AuthToken]":
    """The user's tokens from before tokens had scopes: they open nothing, and he may end them."""
    found: QuerySet[AuthToken] = AuthToken.objects.filter(user_id=user.pk, expiry__gt=as_of, details=None)
    return found.order_by("-created")


def details(digest: str) -> ApiToken | None:
    """What a token of knox may do; None: one from before tokens had scopes."""
    return ApiToken.objects.filter(pk=digest).first()
