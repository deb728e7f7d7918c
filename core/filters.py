"""Filters of staff lists that ask indexes only."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import ListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter, TextFilter

from core import clock


class WhenFilter(RangeDateFilter):  # type: ignore[misc]  # the theme has no types
    """From day … to day …, both included, as days where the customers live."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = (self._midnight(end) for end in ("from", "to"))
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": first})
        if last:
            queryset = queryset.filter(**{f"{self.field_path}__lt": last + timedelta(days=1)})
        return queryset

    def _midnight(self, end: str) -> datetime | None:
        try:  # as the calendar beside the field writes it, which depends on the reader's language
            day = forms.DateField().to_python(self.used_parameters.get(f"{self.field_path}_{end}"))
        except forms.ValidationError:
            return None
        return datetime.combine(day, time.min, tzinfo=clock.SHANGHAI) if day and day < date.max else None


def known_values(field: str, title: Any, values: Callable[[], Iterable[tuple[str, Any]]]) -> type[ListFilter]:
    """A list filter over values that the code knows: reading them from the table would scan all of it."""

    class KnownValues(admin.SimpleListFilter):
        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
            return list(values())

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{field: self.value()}) if self.value() else queryset

    KnownValues.title = title
    KnownValues.parameter_name = field
    return KnownValues


def typed(name: str, title: Any, find: Callable[[QuerySet[Any], str], QuerySet[Any]]) -> type[ListFilter]:
    """A list filter with one field to type a whole value into; `find` gives the rows that it stands for."""

    class Typed(TextFilter):  # type: ignore[misc]  # the theme has no types
        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            text = (self.value() or "").strip()[:100]
            return find(queryset, text) if text else queryset

    Typed.title = title
    Typed.parameter_name = name
    return Typed
