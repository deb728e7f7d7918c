"""Who may be named as the one who answers for something: anybody of the staff, oneself first."""

from typing import Any

from django.http import HttpRequest

from accounts.models import User


class WithOwner:
    """The `owner` of a staff form."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "owner":
            kwargs["queryset"] = User.objects.filter(is_staff=True, is_active=True).order_by(
                "name", "username"
            )
            kwargs.setdefault("initial", request.user.pk)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]  # of the page's class
