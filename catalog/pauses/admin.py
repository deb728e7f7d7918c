"""Staff pages of pauses: the rules, and each one that was asked for."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalog.pauses.models import Pause, PausePolicy
from core.backoffice import EditableAdmin, ReadOnlyAdmin, ReasonForm, moment


class PausePolicyForm(ReasonForm):
    class Meta:
        model = PausePolicy
        fields = (
            "region",
            "customer_kind",
            "least_days",
            "most_days",
            "times_a_year",
            "active_from",
            "active_to",
        )


@admin.register(PausePolicy)
class PausePolicyAdmin(EditableAdmin):
    """A rule that was written keeps what it says; it ends, and another one begins."""

    form = PausePolicyForm
    region_path = "region"
    list_display = (
        "id",
        "region",
        "customer_kind",
        "least_days",
        "most_days",
        "times_a_year",
        "active_from",
        "active_to",
    )
    list_filter = ("customer_kind",)
    list_select_related = ("region",)
    ordering = ("-active_from", "id")
    fields = PausePolicyForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return PausePolicyForm.Meta.fields[:-1] if obj else ()


@admin.register(Pause)
class PauseAdmin(ReadOnlyAdmin):
    region_path = "suspension__subscription__account__region"
    list_display = ("service", "begins_on", "resume_on", "ends_on", "told")
    list_select_related = ("suspension__subscription",)
    search_fields = ("suspension__subscription__number", "suspension__subscription__account__number")
    search_help_text = _("订购编号或户号（完整）")
    ordering = ("-id",)
    fields = ("suspension", "policy", "slip", "begins_on", "resume_on", "ends_on", "told", "created")
    told = moment("told_at", _("到期提醒时间"))
    created = moment("created_at", _("写入时间"))

    @admin.display(description=_("订购关系"))
    def service(self, row: Pause) -> str:
        return row.suspension.subscription.number

    @admin.display(description=_("停机日"))
    def begins_on(self, row: Pause) -> Any:
        return row.suspension.begins_on

    @admin.display(description=_("实际复机日"))
    def ends_on(self, row: Pause) -> Any:
        return row.suspension.ends_on
