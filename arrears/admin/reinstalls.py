"""Rules by which who was disconnected gets no new line for a while, and who is let off them."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import Region
from arrears.admin import asking
from arrears.admin.asking import AccountForm, Link, WithLinks
from arrears.models import ReinstallOverride, ReinstallRule
from arrears.models.aftermath import MOST_MONTHS
from arrears.services import reinstalls
from core import clock, scopes
from core.actor import Actor
from core.backoffice import EVERYWHERE, moment
from core.caller import address
from core.reasoned import Reasoned, ReasonOnlyForm


class RuleForm(ReasonOnlyForm):
    """A region is named by its code, of those where the permission is held; none is everywhere."""

    region = forms.CharField(
        label=_("区域代码"),
        max_length=20,
        required=False,
        help_text=_("不填：全部区域"),
        widget=UnfoldAdminTextInputWidget(),
    )
    months = forms.IntegerField(
        label=_("月数"), min_value=1, max_value=MOST_MONTHS, widget=UnfoldAdminIntegerFieldWidget()
    )
    text = forms.CharField(
        label=_("给客户看的说明"), max_length=300, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )
    active_from = asking.day(_("生效日"), help_text=_("最早明天；对这一天起拆机的客户有效"))
    active_to = asking.day(_("失效日"), required=False, help_text=_("这一天起不再有效；不填：一直有效"))

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._scope = scopes.of(user, reinstalls.ASK_RULE)

    def clean_region(self) -> Region | None:
        code = self.cleaned_data["region"]
        found = Region.objects.filter(code=code).first() if code else None
        if (code and found is None) or not scopes.covers(self._scope, found.pk if found else None):
            raise forms.ValidationError(_("没有这个区域代码，或不在您的区域里"), code="NOT_FOUND")
        return found


class OverrideForm(AccountForm, ReasonOnlyForm):
    authority = forms.CharField(label=_("决定人及职务"), max_length=100, widget=UnfoldAdminTextInputWidget())
    document = forms.FileField(
        label=_("批准文件"),
        help_text=_("决定人签字的文件：JPEG、PNG 或 PDF"),
        widget=UnfoldAdminFileFieldWidget(),
    )


class EndForm(ReasonOnlyForm):
    ends_on = asking.day(_("失效日"), help_text=_("这一天起不再限制任何人，最早明天"))


def _end(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    return reinstalls.ask_end(
        rule_id=row_id, ends_on=data["ends_on"], reason=reason, actor=actor, as_of=as_of
    ).text


def _may_end(row: ReinstallRule) -> bool:
    return row.active_to is None or row.active_to > clock.local_date(clock.now())


@admin.register(ReinstallRule)
class ReinstallRuleAdmin(WithLinks):
    """Everybody who may look reads all of them; a new one is for a region where one holds the permission."""

    region_path = EVERYWHERE
    list_display = ("text", "region", "months", "active_from", "active_to")
    list_select_related = ("region",)
    ordering = ("-active_from", "-id")
    fields = ("region", "months", "text", "active_from", "active_to", "approval")
    reasoned = (
        Reasoned(
            name="end-rule",
            title=_("结束复装限制"),
            explanation=_("须由另一人批准。失效后，这条规则不再限制任何人。"),
            permission=reinstalls.ASK_RULE,
            applies=_may_end,
            carry_out=_end,
            icon="event_busy",
            form_class=EndForm,
            service_audits=True,
        ),
    )

    def rights(self) -> tuple[str, ...]:
        return ("view", "add")

    def links(self, request: HttpRequest) -> list[Link]:
        may = request.user.has_perm(reinstalls.ASK_RULE)
        return [Link(_("制定复装限制"), reverse("admin:arrears_reinstallrule_ask"), "add")] if may else []

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.ask_view)
        return [path("ask/", view, name="arrears_reinstallrule_ask"), *super().get_urls()]

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        """Asks for a rule; another person decides."""
        if not request.user.has_perm(reinstalls.ASK_RULE):
            raise PermissionDenied

        def ask(data: dict[str, Any]) -> str:
            region = data.pop("region")
            return reinstalls.ask_rule(**data, region_id=region.pk if region else None, **_who(request)).text

        return asking.page(
            self,
            request,
            RuleForm(request.POST if request.method == "POST" else None, user=request.user),
            ask,
            title=_("制定复装限制"),
            explanation=_("因欠费拆机的客户在这些月里不能办理新的业务，也不能恢复号码。须由另一人批准。"),
        )


@admin.register(ReinstallOverride)
class ReinstallOverrideAdmin(WithLinks):
    region_path = "account__region"
    list_display = ("account", "rule", "authority", "actor", "when")
    list_select_related = ("account", "rule")
    search_fields = ("account__number",)
    search_help_text = _("户号（完整）")
    ordering = ("-id",)
    fields = ("account", "rule", "authority", "document", "reason", "approval", "actor", "when")
    when = moment("at", _("时间"))

    def rights(self) -> tuple[str, ...]:
        return ("view", "add")

    def links(self, request: HttpRequest) -> list[Link]:
        may = request.user.has_perm(reinstalls.ASK_OVERRIDE)
        return [Link(_("申请豁免"), reverse("admin:arrears_reinstalloverride_ask"), "add")] if may else []

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.ask_view)
        return [path("ask/", view, name="arrears_reinstalloverride_ask"), *super().get_urls()]

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        """Asks that a rule does not count for an account; another person decides."""
        if not request.user.has_perm(reinstalls.ASK_OVERRIDE):
            raise PermissionDenied
        is_post = request.method == "POST"
        form = OverrideForm(
            request.POST if is_post else None,
            request.FILES if is_post else None,
            user=request.user,
            permission=reinstalls.ASK_OVERRIDE,
        )

        def ask(data: dict[str, Any]) -> str:
            account, file = data["account"], data["document"]
            return reinstalls.ask_override(
                account_id=account.pk,
                authority=data["authority"],
                file=(file.name, file.chunks()),
                reason=data["reason"],
                **_who(request),
            ).text

        return asking.page(
            self,
            request,
            form,
            ask,
            title=_("申请复装限制豁免"),
            explanation=_("由有权决定的人承担责任，写明姓名和职务。须由另一人批准，全程留痕。"),
        )


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"actor": Actor.user(request.user), "as_of": clock.now(), "address": address(request)}
