"""The staff's page of how numbers become accounts: browsed, held, real name, paid, in use; by day or by month."""

from datetime import date, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from core import clock, scopes
from core.backoffice import ReadOnlyAdmin
from resources.models import NumberChange
from resources.selectors import funnel
from resources.selectors.funnel import Step

URL = "admin:resources_numbersearch_funnel"
DAYS, MONTHS = 31, 12


def may_open(user: Any) -> bool:
    """Who may look at both kinds of rows that it counts."""
    return bool(user.has_perm("resources.view_numbersearch") and user.has_perm("resources.view_numberchange"))


class WithFunnel(ReadOnlyAdmin):
    """The list of searches, with the page beside it."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.funnel_view)
        return [path("funnel/", view, name="resources_numbersearch_funnel"), *super().get_urls()]

    def funnel_view(self, request: HttpRequest) -> HttpResponse:
        if not may_open(request.user):
            raise PermissionDenied
        by: funnel.By = "month" if request.GET.get("by") == "month" else "day"
        today = clock.local_date(clock.now())
        first, after = (_months_before(today), _next_month(today)) if by == "month" else _last_days(today)
        sight = scopes.sight(request.user)
        since, until = funnel.instants(first, after)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("选号开户漏斗"),
            "by": by,
            "ways": [(each, label, f"{reverse(URL)}?by={each}") for each, label in _WAYS],
            "first": first,
            "last": after - timedelta(days=1),
            "steps": [_shown(each) for each in funnel.read(since=since, until=until, sight=sight)],
            "rows": [
                (f"{day:%Y-%m}" if by == "month" else day.isoformat(), [_shown(each) for each in steps])
                for day, steps in funnel.by_period(first, after, by, sight=sight)
            ],
            "sees_everywhere": scopes.of(request.user, "resources.view_numbersearch").is_everything,
            "changes": reverse(f"admin:resources_{NumberChange._meta.model_name}_changelist"),
        }
        return TemplateResponse(request, "backoffice/number_funnel.html", context)


_WAYS = (("day", _("按日")), ("month", _("按月")))


def _shown(step: Step) -> dict[str, Any]:
    share = "—" if step.permille is None else f"{step.permille // 10}.{step.permille % 10}%"
    return {"title": step.title, "count": step.count, "share": share}


def _last_days(today: date) -> tuple[date, date]:
    return today - timedelta(days=DAYS - 1), today + timedelta(days=1)


def _months_before(today: date) -> date:
    index = today.year * 12 + today.month - 1 - (MONTHS - 1)
    return date(index // 12, index % 12 + 1, 1)


def _next_month(today: date) -> date:
    return (today.replace(day=1) + timedelta(days=31)).replace(day=1)
