"""Staff pages of sections: who looks after what, how old it is, what ends when."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from content.admin.owners import WithOwner
from content.models import Article, ContentTask, Section
from content.selectors import freshness
from content.services import sections
from core import clock, scopes
from core.actor import Actor
from core.backoffice import EVERYWHERE, EditableAdmin, ReadOnlyAdmin, ReasonForm, moment

CALENDAR_DAYS = 60


class SectionForm(ReasonForm):
    class Meta:
        model = Section
        fields = (
            "code",
            "title_zh",
            "title_en",
            "owner",
            "unchanged_days",
            "order",
            "active_from",
            "active_until",
        )


@admin.register(Section)
class SectionAdmin(WithOwner, EditableAdmin):
    form = SectionForm
    region_path = EVERYWHERE
    list_display = ("code", "title_zh", "owner", "unchanged_days", "ends")
    list_select_related = ("owner",)
    search_fields = ("code",)
    search_help_text = _("栏目代码（完整）")
    ordering = ("order", "code")
    fields = SectionForm.Meta.fields
    ends = moment("active_until", _("失效时间"))
    change_list_template = "backoffice/content/sections.html"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        now = clock.now()
        first = {"active_from": now, "active_until": now + timedelta(days=365)}
        return {**first, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Section, form: Any, change: bool) -> None:
        sections.write(obj, actor=Actor.user(request.user), as_of=clock.now())

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("freshness/", view(self.freshness_view), name="content_section_freshness"),
            path("calendar/", view(self.calendar_view), name="content_section_calendar"),
            *super().get_urls(),
        ]

    def freshness_view(self, request: HttpRequest) -> HttpResponse:
        """How long nothing new has come, by section, the oldest first."""
        ages = freshness.ages(as_of=clock.now())
        return self._page(request, "freshness.html", _("内容新鲜度"), {"ages": ages})

    def calendar_view(self, request: HttpRequest) -> HttpResponse:
        """What appears and what ends in the next weeks, where the reader's posts are."""
        now = clock.now()
        seen = scopes.seen(request.user, Article.objects.all())
        days = freshness.by_day(freshness.coming(seen, as_of=now, days=CALENDAR_DAYS))
        return self._page(request, "calendar.html", _("内容日历"), {"days": days, "count": CALENDAR_DAYS})

    def _page(self, request: HttpRequest, name: str, title: Any, context: dict[str, Any]) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, f"backoffice/content/{name}", frame | context)


@admin.register(ContentTask)
class ContentTaskAdmin(ReadOnlyAdmin):
    region_path = EVERYWHERE
    list_display = ("section", "owner", "unchanged", "found", "done")
    list_select_related = ("section", "owner")
    list_filter = (("done_at", admin.EmptyFieldListFilter),)
    ordering = ("-id",)
    fields = ("section", "owner", "unchanged", "found", "done")
    unchanged = moment("unchanged_since", _("上次更新"))
    found = moment("found_at", _("发现时间"))
    done = moment("done_at", _("完成时间"))
