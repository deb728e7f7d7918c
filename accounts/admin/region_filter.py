"""A list filter by region: one level of the tree at a time, as a country has tens of thousands of places."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import posts
from accounts.models import Region
from core import scopes

MOST_CHOICES = 100


class RegionFilter(admin.SimpleListFilter):
    """The region that is chosen with all below it; on offer are the places where one's posts are, and what lies next
    below the chosen one."""

    title = _("区域")
    parameter_name = "region"  # by code
    path = "region"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.scope = scopes.of(request.user, *model_admin.viewing())
        chosen = self._chosen()
        if chosen is None:
            tops = self._tops()
            return [(each.code, each.name) for each in [*tops, *_below(tops)][:MOST_CHOICES]]
        above = [chosen.parent] if chosen.parent and self._holds(chosen.parent) else []
        found = [(each.code, f"↑ {each.name}") for each in above] + [(chosen.code, chosen.name)]
        return found + [(each.code, f"· {each.name}") for each in _below([chosen])]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        chosen = self._chosen()
        if chosen is None:
            return queryset.none()
        return queryset.filter(**{f"{self.path}__in": posts.below([chosen.pk]).region_ids})

    def _chosen(self) -> Region | None:
        found = Region.objects.filter(code=self.value() or "").select_related("parent").first()
        return found if found is not None and self._holds(found) else None

    def _holds(self, region: Region) -> bool:
        return self.scope.is_everything or posts.is_below(region.pk, self.scope.roots)

    def _tops(self) -> list[Region]:
        if self.scope.is_everything:
            return list(Region.objects.filter(parent=None).order_by("code")[:MOST_CHOICES])
        return list(Region.objects.filter(pk__in=self.scope.roots).order_by("code"))


def _below(regions: list[Region]) -> list[Region]:
    return list(Region.objects.filter(parent__in=regions).order_by("code")[:MOST_CHOICES])
