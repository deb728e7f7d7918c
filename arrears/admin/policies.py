"""Policies with their stages and notices. A policy is never edited: a newer one takes its place, by two people."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from arrears.admin.policy_forms import Whole
from arrears.models import Policy, PolicyNotice, PolicyStage
from arrears.selectors import prospects
from arrears.services import policies
from core import asking, clock, scopes
from core.actor import Actor
from core.asking import Link, WithLinks
from core.backoffice import ReadOnlyInline, amount, moment
from core.caller import address
from core.reasoned import Reasoned, ReasonOnlyForm

gettext_noop("通用欠费策略")  # as the first migration writes it
NEW_URL = "admin:arrears_policy_new"


class EndForm(ReasonOnlyForm):
    ends_on = asking.day(_("失效日"), help_text=_("这一天起不再有效，最早明天；之后按上级区域的策略"))


def _end(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    asked = policies.ask_end(
        policy_id=row_id, ends_on=data["ends_on"], reason=reason, actor=actor, as_of=as_of
    )
    return asked.text


def _may_end(row: Policy) -> bool:
    today = clock.local_date(clock.now())
    is_general = row.region_id is None and not row.customer_kind
    return not is_general and (row.active_to is None or row.active_to > today)


class PolicyStageInline(ReadOnlyInline):
    model = PolicyStage
    fields = ("stage", "days", "minimum_stay_days", "cap_per_run")
    ordering = ("pk",)


class PolicyNoticeInline(ReadOnlyInline):
    model = PolicyNotice
    fields = ("stage", "days", "told", "needed_for", "needed_proof", "needed_days")
    readonly_fields = ("told",)
    ordering = ("pk",)

    @admin.display(description=_("通知"))
    def told(self, row: PolicyNotice) -> str:
        return prospects.title(row.template_code)


@admin.register(Policy)
class PolicyAdmin(WithLinks):
    """The general ones are read by everybody; a new one is for a region where one holds the permission."""

    region_path = "region"
    list_display = ("code", "named", "region", "customer_kind", "minimum", "active_from", "active_to")
    list_select_related = ("region",)
    search_fields = ("code",)
    search_help_text = _("策略代码（完整）")
    ordering = ("-active_from", "-id")
    fields = (
        "code", "named", "region", "customer_kind", "minimum", "promise_days", "promises_a_month",
        "held_from", "in_flight_days", "part_payment", "tells_when_held", "active_from",
        "active_to", "created_by", "written",
    )  # fmt: skip
    minimum = amount("minimum_cents", _("起算金额"))
    written = moment("created_at", _("写入时间"))
    inlines = (PolicyStageInline, PolicyNoticeInline)
    reasoned = (
        Reasoned(
            name="end-policy",
            title=_("结束策略"),
            explanation=_("须由另一人批准。失效后，这里的户号按上级区域或全部客户的策略。"),
            permission=policies.ASK,
            applies=_may_end,
            carry_out=_end,
            icon="event_busy",
            form_class=EndForm,
            service_audits=True,
        ),
    )

    @admin.display(description=_("名称"), ordering="title")
    def named(self, row: Policy) -> str:
        """The one that comes with the hall has its name in English, too."""
        return gettext(row.title) if row.title else ""

    def within(self, request: HttpRequest, rows: QuerySet[Any], *permissions: str) -> QuerySet[Any]:
        """With the general ones, which hold here, too."""
        inside = scopes.within(scopes.of(request.user, *permissions), self.region_path)
        return rows if inside is None else rows.filter(inside | Q(region=None))

    def rights(self) -> tuple[str, ...]:
        return ("view", "add")

    def links(self, request: HttpRequest) -> list[Link]:
        if not request.user.has_perm(policies.ASK):
            return []
        return [Link(_("制定新策略"), reverse(NEW_URL), "add")]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.new_view)
        return [path("new/", view, name="arrears_policy_new"), *super().get_urls()]

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """A new policy, filled in like the one named by `like` (its code), else like the general one."""
        if not request.user.has_perm(policies.ASK):
            raise PermissionDenied
        whole = Whole(
            request.POST if request.method == "POST" else None, user=request.user, like=self._like(request)
        )

        def ask(_data: dict[str, Any]) -> str:
            return policies.ask(
                whole.draft(),
                reason=whole.head.cleaned_data["reason"],
                actor=Actor.user(request.user),
                as_of=clock.now(),
                address=address(request),
            ).text

        return asking.page(
            self,
            request,
            whole.head,
            ask,
            title=_("制定新策略"),
            explanation=_("提交后由另一人批准。同一区域、同一客户类型的现行策略在新策略生效日结束。"),
            template="arrears/admin/policy.html",
            is_ready=whole.head.is_bound and whole.is_valid(),
            stages=whole.stages,
            notices=whole.notices,
            policies=[
                (each.code, self.named(each))
                for each in self.get_queryset(request).order_by("-active_from", "code")[:50]
            ],
        )

    def _like(self, request: HttpRequest) -> Policy | None:
        code = request.GET.get("like", "").replace("\0", "")
        rows = self.get_queryset(request).select_related("region")
        if code:
            return rows.filter(code=code).first()
        return rows.filter(region=None, customer_kind="").order_by("-active_from").first()
