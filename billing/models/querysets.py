from typing import Any, Self, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)


class OfAccountQuerySet(models.QuerySet[M]):
    """Rows that belong to a billing account, reached only through its members."""

    def for_user(self, user: Any) -> Self:
        if not getattr(user, "is_authenticated", False):
            return self.none()
        return self.filter(account__memberships__user_id=user.pk)
