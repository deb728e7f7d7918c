"""Staff pages of serving: the desk, and who served whom, when and why."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, badge, moment
from operations.serving import views
from operations.serving.models import ServingHistory, ServingSession, ServingState

TONES = {
    str(ServingState.OPEN): "wait",
    str(ServingState.ENDED): "ok",
    str(ServingState.LOGGED_OUT): "ok",
    str(ServingState.IDLE): "warn",
    str(ServingState.STOPPED): "bad",
}


class ServingHistoryInline(ReadOnlyInline):
    model = ServingHistory
    verbose_name_plural = _("状态记录")
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


@admin.register(ServingSession)
class ServingSessionAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("id", "clerk", "account", "served", "shown_state", "began", "ended", "reason")
    list_filter = ("state", ("began_at", WhenFilter))
    list_select_related = ("clerk", "account", "served")
    search_fields = ("account__number", "clerk__username")
    search_help_text = _("户号或工号（完整）")
    ordering = ("-id",)
    fields = ("clerk", "account", "served", "reason", "shown_state", "began", "seen", "ended", "address")
    inlines = (ServingHistoryInline,)
    shown_state = badge("state", _("状态"), TONES)
    began = moment("began_at", _("开始时间"))
    seen = moment("last_seen_at", _("最近操作"))
    ended = moment("ended_at", _("结束时间"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("desk/", view(self.desk_view), name="operations_serving_desk"),
            path("desk/begin/", view(self.begin_view), name="operations_serving_begin"),
        ]
        return [*own, *super().get_urls()]

    def desk_view(self, request: HttpRequest) -> HttpResponse:
        return views.desk(self, request)

    def begin_view(self, request: HttpRequest) -> HttpResponse:
        return views.begin(self, request)
