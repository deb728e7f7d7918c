from typing import Any, Self, TypeVar

from django.db import models

from accounts import rules
from accounts.rules import Action

M = TypeVar("M", bound=models.Model)


class OfAccountQuerySet(models.QuerySet[M]):
    """Rows that belong to a billing account, reached only through its members."""

    def for_user(self, user: Any, action: Action = Action.SEE_BILLS) -> Self:
        """Those of the accounts on which the user may do that (see accounts.rules.MAY)."""
        if not getattr(user, "is_authenticated", False):
            return self.none()
        return self.filter(
            account__memberships__user_id=user.pk, account__memberships__role__in=rules.roles_for(action)
        )
