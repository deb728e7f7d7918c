"""What holds arrears back for a time: promises and exemptions."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from arrears.admin.asking import AccountForm
from arrears.models import Exemption, ExemptionReason, Promise, PromiseState
from arrears.services import exemptions
from core import asking, clock
from core.actor import Actor
from core.asking import Link, WithLinks
from core.backoffice import ReadOnlyAdmin, amount, badge, moment
from core.caller import address
from core.reasoned import Reasoned, ReasonOnlyForm

TONES = {str(PromiseState.OPEN): "wait", str(PromiseState.KEPT): "ok", str(PromiseState.BROKEN): "warn"}
GRANT_URL = "admin:arrears_exemption_grant"


class ExemptForm(ReasonOnlyForm):
    """From today on; until when and why. What proves it is named in the reason."""

    why = forms.ChoiceField(
        label=_("豁免原因"), choices=ExemptionReason.choices, widget=UnfoldAdminSelectWidget()
    )
    active_from = asking.day(_("生效日"), required=False, help_text=_("不填为今天"))
    active_to = asking.day(_("失效日"), help_text=_("这一天起不再豁免"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = _("说明")
        self.fields["reason"].help_text = _("写明依据，如证明材料的编号；将记入审计记录")


class GrantForm(AccountForm, ExemptForm):
    field_order = ("account", "why", "active_from", "active_to", "reason")


def ask(
    account_id: int, data: dict[str, Any], *, actor: Actor, as_of: datetime, address: str | None = None
) -> str:
    """One call of the service with what `ExemptForm` gave."""
    return exemptions.ask(
        account_id=account_id,
        reason=ExemptionReason(data["why"]),
        note=data["reason"],
        active_from=data["active_from"] or clock.local_date(as_of),
        active_to=data["active_to"],
        actor=actor,
        as_of=as_of,
        address=address,
    ).text


@admin.register(Promise)
class PromiseAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("number", "account", "shown_state", "promised_on", "until", "owed")
    list_select_related = ("account",)
    list_filter = ("state",)
    search_fields = ("number", "account__number")
    search_help_text = _("延期编号或户号（完整）")
    ordering = ("-id",)
    fields = ("number", "account", "state", "promised_on", "until", "owed", "ended")
    shown_state = badge("state", _("状态"), TONES)
    owed = amount("owed_cents", _("承诺时欠费"))
    ended = moment("ended_at", _("结束时间"))


def _ends_on(row: Exemption, as_of: datetime) -> Any:
    """The first day on which it can end: today, or the day after its first."""
    return max(clock.local_date(as_of), row.active_from + timedelta(days=1))


def _end(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Lazy:
    day = _ends_on(Exemption.objects.get(pk=row_id), as_of)
    exemptions.end(exemption_id=row_id, ends_on=day, actor=actor, as_of=as_of)
    return _("已结束豁免")


@admin.register(Exemption)
class ExemptionAdmin(WithLinks):
    region_path = "account__region"
    list_display = ("account", "reason", "active_from", "active_to", "created_by")
    list_select_related = ("account",)
    list_filter = ("reason",)
    search_fields = ("account__number",)
    search_help_text = _("户号（完整）")
    ordering = ("-id",)
    fields = ("account", "reason", "note", "active_from", "active_to", "approval", "created_by", "written")
    written = moment("created_at", _("写入时间"))
    reasoned = (
        Reasoned(
            name="end-exemption",
            title=_("结束豁免"),
            explanation=_("从今天起不再豁免，户号立即按欠费策略重新判定。"),
            permission=exemptions.ASK,
            applies=lambda row: _ends_on(row, clock.now()) < row.active_to,
            carry_out=_end,
            icon="event_busy",
        ),
    )

    def rights(self) -> tuple[str, ...]:
        return ("view", "add")

    def links(self, request: HttpRequest) -> list[Link]:
        may = request.user.has_perm(exemptions.ASK)
        return [Link(_("申请豁免"), reverse(GRANT_URL), "shield")] if may else []

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.grant_view)
        return [path("grant/", view, name="arrears_exemption_grant"), *super().get_urls()]

    def grant_view(self, request: HttpRequest) -> HttpResponse:
        """Asks for an exemption of an account where one holds the permission."""
        if not request.user.has_perm(exemptions.ASK):
            raise PermissionDenied
        posted = request.POST if request.method == "POST" else None
        first = {"account": request.GET.get("account", "").replace("\0", "")[:32]}
        form = GrantForm(posted, user=request.user, permission=exemptions.ASK, initial=first)

        def grant(data: dict[str, Any]) -> str:
            account = data.pop("account")
            actor = Actor.user(request.user)
            return ask(account.pk, data, actor=actor, as_of=clock.now(), address=address(request))

        return asking.page(
            self,
            request,
            form,
            grant,
            title=_("申请豁免"),
            explanation=_("豁免期内不停机、不拆机，照常提醒。超过一人可批的天数时须由另一人批准。"),
        )
