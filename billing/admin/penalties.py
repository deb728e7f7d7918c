"""The rules of the late-payment penalty: what has held on a day holds for it for ever, changes are for days to come."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from billing.models import PenaltyPolicy
from core import clock, scopes
from core.backoffice import EditableAdmin, ReasonForm


class PolicyForm(ReasonForm):
    class Meta:
        model = PenaltyPolicy
        fields = ("region", "daily_rate_ppm", "grace_days", "cap_percent", "active_from", "active_to")

    def clean_active_from(self) -> date:
        day: date = self.cleaned_data["active_from"]
        if day <= clock.local_date(clock.now()):
            raise forms.ValidationError(_("规则只能从明天或更晚的日子开始生效"), code="POLICY_IN_THE_PAST")
        return day

    def clean_active_to(self) -> date | None:
        day: date | None = self.cleaned_data["active_to"]
        today = clock.local_date(clock.now())
        before = self.instance.active_to if self.instance.pk else None
        if day != before and ((day and day <= today) or (before and before <= today)):
            raise forms.ValidationError(_("规则只能在明天或更晚的日子失效"), code="POLICY_IN_THE_PAST")
        return day


@admin.register(PenaltyPolicy)
class PenaltyPolicyAdmin(EditableAdmin):
    """The group's rules are read by everybody; a province writes its own region's, and nobody else's."""

    region_path = "region"
    form = PolicyForm
    autocomplete_fields = ("region",)
    list_display = ("region_name", "rate", "grace_days", "cap_percent", "active_from", "active_to")
    list_select_related = ("region",)
    ordering = ("-active_from", "-id")
    fields = ("region", "daily_rate_ppm", "grace_days", "cap_percent", "active_from", "active_to")

    def within(self, request: HttpRequest, rows: QuerySet[Any], *permissions: str) -> QuerySet[Any]:
        """With the general ones, which hold here, too."""
        inside = scopes.within(scopes.of(request.user, *permissions), self.region_path)
        return rows if inside is None else rows.filter(inside | Q(region=None))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Of a rule that is written only the end is still open."""
        return ("region", "daily_rate_ppm", "grace_days", "cap_percent", "active_from") if obj else ()

    @admin.display(description=_("地区"))
    def region_name(self, policy: PenaltyPolicy) -> str:
        return str(policy.region.name if policy.region else _("全部地区"))

    @admin.display(description=_("日费率"))
    def rate(self, policy: PenaltyPolicy) -> str:
        return f"{policy.daily_rate_ppm / 1000:g}‰"
