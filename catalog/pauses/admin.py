"""Staff pages of pauses: the rules, which two people write, and each pause that was asked for."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Customer, Region
from catalog.pauses.models import Pause, PausePolicy
from catalog.pauses.services import policies
from core import asking, clock, scopes
from core.actor import Actor
from core.asking import Link, WithLinks
from core.backoffice import ReadOnlyAdmin, moment
from core.caller import address
from core.reasoned import Reasoned, ReasonOnlyForm

NEW_URL = "admin:catalog_pausepolicy_new"


def _days(label: Any, **more: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=1, max_value=3_650, widget=UnfoldAdminIntegerFieldWidget(), **more
    )


class PausePolicyForm(ReasonOnlyForm):
    """A new rule. A region is named by its code; none is everywhere."""

    region = forms.CharField(
        label=_("区域代码"),
        max_length=40,
        required=False,
        help_text=_("留空：全部地区"),
        widget=UnfoldAdminTextInputWidget(),
    )
    customer_kind = forms.ChoiceField(
        label=_("客户类型"),
        choices=[("", _("全部客户")), *Customer.Kind.choices],
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    least_days = _days(_("最短天数"), initial=30)
    most_days = _days(_("最长天数"), initial=365)
    times_a_year = _days(_("每年次数"), initial=2)
    active_from = asking.day(_("生效日"), help_text=_("最早明天"))
    active_to = asking.day(_("失效日"), required=False, help_text=_("这一天起不再有效；留空：长期有效"))

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._scope = scopes.of(user, policies.ASK)

    def clean_region(self) -> Region | None:
        code = self.cleaned_data["region"].strip()
        if not code:
            if not self._scope.is_everything:
                raise forms.ValidationError(_("只能填写您管辖的区域"), code="REGION_NEEDED")
            return None
        found = Region.objects.filter(code=code).first()
        if found is None or not scopes.covers(self._scope, found.pk):
            raise forms.ValidationError(_("没有这个区域"), code="NOT_FOUND")
        return found


class EndForm(ReasonOnlyForm):
    ends_on = asking.day(_("失效日"), help_text=_("这一天起不再有效，最早明天；之后按上级区域的规则"))


def _end(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    asked = policies.ask_end(
        policy_id=row_id, ends_on=data["ends_on"], reason=reason, actor=actor, as_of=as_of
    )
    return asked.text


def _may_end(row: PausePolicy) -> bool:
    return row.active_to is None or row.active_to > clock.local_date(clock.now())


@admin.register(PausePolicy)
class PausePolicyAdmin(WithLinks):
    """A rule that was written keeps what it says; it ends, and another one begins. Two people do either."""

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
    fields = (
        "region", "customer_kind", "least_days", "most_days", "times_a_year", "active_from", "active_to",
    )  # fmt: skip
    reasoned = (
        Reasoned(
            name="end-pause-policy",
            title=_("结束规则"),
            explanation=_(
                "须由另一人批准。失效后，这里的客户按上级区域或全部客户的规则；已在停机保号的不受影响。"
            ),
            permission=policies.ASK,
            applies=_may_end,
            carry_out=_end,
            icon="event_busy",
            form_class=EndForm,
            service_audits=True,
        ),
    )

    def within(self, request: HttpRequest, rows: QuerySet[Any], *permissions: str) -> QuerySet[Any]:
        """With the general ones, which hold here, too."""
        inside = scopes.within(scopes.of(request.user, *permissions), self.region_path)
        return rows if inside is None else rows.filter(inside | Q(region=None))

    def rights(self) -> tuple[str, ...]:
        return ("view", "add", "change")  # who may change approves of what another asks for

    def links(self, request: HttpRequest) -> list[Link]:
        may = request.user.has_perm(policies.ASK)
        return [Link(_("制定新规则"), reverse(NEW_URL), "add")] if may else []

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.new_view)
        return [path("new/", view, name="catalog_pausepolicy_new"), *super().get_urls()]

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Asks for a new rule where one holds the permission."""
        if not request.user.has_perm(policies.ASK):
            raise PermissionDenied
        form = PausePolicyForm(request.POST if request.method == "POST" else None, user=request.user)

        def ask(data: dict[str, Any]) -> str:
            region = data.pop("region")
            return policies.ask(
                region_id=region.pk if region else None,
                actor=Actor.user(request.user),
                as_of=clock.now(),
                address=address(request),
                **data,
            ).text

        return asking.page(
            self,
            request,
            form,
            ask,
            title=_("制定新规则"),
            explanation=_("提交后由另一人批准。同一区域、同一客户类型的现行规则在新规则生效日结束。"),
        )


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
