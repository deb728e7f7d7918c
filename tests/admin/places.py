"""Two regions with a hall each, staff of the one, and which rows lie where: told by who made them, not by the code."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Model

from accounts.models import Region, User
from billing.models import PenaltyPolicy
from core.scopes import EVERYWHERE
from tests.admin import build
from tests.billing import build as money

Keys = dict[type[Model], set[Any]]
# Rows that are nobody's in particular, or whose page shows no rows of a region: see `region_path` of their pages.
START_OF_B = 100


def pages() -> list[tuple[type[Model], Any]]:
    return sorted(admin.site._registry.items(), key=lambda entry: entry[0]._meta.label)


def keys() -> Keys:
    return {model: set(model._base_manager.values_list("pk", flat=True)) for model, _page in pages()}


class Places:
    """`mine` and `theirs`: the keys of the rows of A and of B, by model."""

    def __init__(self) -> None:
        operator = build.operator()
        self.a, self.b = (
            Region.objects.create(code=code, name=code, level=Region.Level.CITY, parent=operator)
            for code in ("AAA", "BBB")
        )
        before = keys()
        self._fill(self.a, 0)
        between = keys()
        self._fill(self.b, START_OF_B)
        after = keys()
        self.mine = {model: between[model] - before[model] for model in before}
        self.theirs = {model: after[model] - between[model] for model in before}
        self.theirs[Region] |= {self.b.pk}

    def _fill(self, region: Region, start: int) -> None:
        build.hall(2, region=region, start=start)
        PenaltyPolicy.objects.create(region=region, daily_rate_ppm=1000 + start, active_from=money.TODAY)

    def staff(self, username: str, *permissions: str) -> User:
        """A member of staff of A, with these permissions; with all there are when none is named."""
        user = User.objects.create_user(username=username, password="not-guessed-1", is_staff=True)
        role = Group.objects.create(name=f"role of {username}")
        role.permissions.set(
            [build.permission(name) for name in permissions] if permissions else Permission.objects.all()
        )
        build.post(user, role, self.a)
        return build.certify(user)


def lies_somewhere(page: Any) -> bool:
    """Whether each row of the page lies in one region."""
    return page.region_path is not None and page.region_path is not EVERYWHERE
