"""Logging in, and what users may do."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.db.models import QuerySet

from accounts import posts
from accounts.models import User
from core import clock
from core.prepared import Prepared

_USER = Prepared(lambda pk: User.objects.filter(pk=pk), pk=int)


class PostsBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth is untyped
    """Permissions come from active posts alone: what hangs on the user or his groups directly opens nothing.

    `has_perm` says that a permission is held somewhere; where, `posts.scope` tells.
    """

    def get_user(self, user_id: Any) -> User | None:
        """Who is logged in, read on every page."""
        found = _USER.first(pk=int(user_id))
        return found if found is not None and self.user_can_authenticate(found) else None

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return self.get_all_permissions(user_obj, obj)

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        return posts.permissions(user_obj)

    def with_perm(
        self, perm: Any, is_active: bool = True, include_superusers: bool = True, obj: Any = None
    ) -> "QuerySet[User]":
        """Whoever holds it somewhere today."""
        app, _dot, code = str(perm).partition(".")
        holding = posts.holders(app, code, on=clock.local_date(clock.now()))
        found = User.objects.filter(pk__in=holding, is_staff=True)
        if include_superusers:
            found = found | User.objects.filter(is_superuser=True)
        return found.filter(is_active=is_active)
