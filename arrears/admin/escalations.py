"""Disputed disconnections: who has them, how old they are, and what came of them."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.models import BillingAccount, User
from arrears.admin import evidence
from arrears.admin.asking import Link
from arrears.models import Escalation, EscalationCause, EscalationHistory, EscalationSource, EscalationState
from arrears.selectors import escalations as reads
from arrears.services import escalations
from billing.approvals import ASK_BILL
from core import audit, clock, people, scopes
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, badge, moment
from core.caller import address
from core.errors import HallError
from core.reasoned import Reasoned, ReasonOnlyForm

ADD, CHANGE, VIEW = "arrears.add_escalation", escalations.CHANGE, "arrears.view_escalation"
TONES = {
    str(EscalationState.OPEN): "bad",
    str(EscalationState.WORKING): "wait",
    str(EscalationState.ANSWERED): "ok",
    str(EscalationState.CLOSED): "ok",
}
_S = EscalationState


class OfferForm(ReasonOnlyForm):
    to = forms.CharField(label=_("接手人用户名"), max_length=150, widget=UnfoldAdminTextInputWidget())

    def clean_to(self) -> User:
        found = User.objects.filter(username=self.cleaned_data["to"], is_staff=True, is_active=True).first()
        if found is None:
            raise forms.ValidationError(_("没有这位工作人员"))
        return found


class AnswerForm(ReasonOnlyForm):
    answer = forms.CharField(
        label=_("给客户的答复"), max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4})
    )


class CloseForm(ReasonOnlyForm):
    cause = forms.ChoiceField(
        label=_("原因分类"), choices=EscalationCause.choices, widget=UnfoldAdminSelectWidget()
    )


class RecordForm(ReasonOnlyForm):
    """What came in from above, from the regulator or from the press. The reason is what it says."""

    account = forms.CharField(label=_("户号"), max_length=32, widget=UnfoldAdminTextInputWidget())
    source = forms.ChoiceField(
        label=_("来源"), choices=EscalationSource.choices, widget=UnfoldAdminSelectWidget()
    )
    line = forms.CharField(
        label=_("订购编号"), max_length=32, required=False, widget=UnfoldAdminTextInputWidget()
    )
    due_on = forms.DateField(
        label=_("最晚答复日"),
        required=False,
        help_text=_("上级或监管机构限定的日期，不填为受理之日起 15 天"),
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    handler = forms.CharField(
        label=_("原经办人用户名"),
        max_length=150,
        required=False,
        help_text=_("被投诉的经办人，不能由其结案"),
        widget=UnfoldAdminTextInputWidget(),
    )

    def __init__(self, *args: Any, accounts: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._accounts = accounts
        self.fields["reason"].label = _("诉求")

    def clean_account(self) -> BillingAccount:
        account: BillingAccount | None = self._accounts.filter(number=self.cleaned_data["account"]).first()
        if account is None:
            raise forms.ValidationError(_("没有这个户号"))
        return account

    def clean_handler(self) -> str:
        name = self.cleaned_data["handler"]
        found = User.objects.filter(username=name, is_staff=True).first() if name else None
        if name and found is None:
            raise forms.ValidationError(_("没有这位工作人员"))
        return Actor.user(found).ref if found else ""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        account, line = data.get("account"), data.get("line")
        if account and line:
            data["line"] = account.paid_subscriptions.filter(number=line).first()
            if data["line"] is None:
                self.add_error("line", _("这个户号没有这项订购"))
        return data


def _take(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    escalations.take(escalation_id=row_id, actor=actor, as_of=as_of)
    return _("已受理")


def _accept(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    escalations.accept(escalation_id=row_id, actor=actor, as_of=as_of)
    return _("已接手")


def _reopen(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    escalations.reopen(escalation_id=row_id, actor=actor, reason=reason, as_of=as_of)
    return _("已重新调查")


def _offer(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    escalations.offer(escalation_id=row_id, to=data["to"], actor=actor, reason=reason, as_of=as_of)
    return _("等待对方接手")


def _answer(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    escalations.answer(escalation_id=row_id, text=data["answer"], actor=actor, reason=reason, as_of=as_of)
    return _("已答复客户")


def _close(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    cause = EscalationCause(data["cause"])
    escalations.close(escalation_id=row_id, cause=cause, actor=actor, reason=reason, as_of=as_of)
    return _("已结案")


def _act(
    name: str, title: Any, explanation: Any, states: tuple[str, ...], call: Any, form: Any = None
) -> Reasoned:
    return Reasoned(
        name=name,
        title=title,
        explanation=explanation,
        permission=CHANGE,
        applies=lambda row: row.state in states,
        carry_out=call,
        form_class=form,
    )


ACTS = (
    _act("take", _("受理"), _("由您负责到答复。最先受理的人不能结案。"), (_S.OPEN,), _take),
    _act("offer", _("移交"), _("对方接手以前仍由您负责。"), (_S.WORKING, _S.ANSWERED), _offer, OfferForm),
    _act("accept", _("接手"), _("从现在起由您负责。"), (_S.WORKING, _S.ANSWERED), _accept),
    _act("answer", _("答复客户"), _("客户的每一个联系方式都收到通知。"), (_S.WORKING,), _answer, AnswerForm),
    _act("close", _("结案"), _("须已答复并写明原因；原经办人不能结案。"), (_S.ANSWERED,), _close, CloseForm),
    _act("reopen", _("重新调查"), _("已答复或已结案的申诉由您重新调查。"), (_S.ANSWERED, _S.CLOSED), _reopen),
)


class DueFilter(admin.SimpleListFilter):
    """Unanswered ones by how near their last day is."""

    title = _("答复时限")
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("near", _("即将到期或已超时")), ("late", _("已超时"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        today = clock.local_date(clock.now())
        if self.value() == "near":
            return reads.near(queryset, today=today)
        return (
            reads.near(queryset, today=today - timedelta(reads.NEAR_DAYS + 1)) if self.value() else queryset
        )


class EscalationHistoryInline(ReadOnlyInline):
    model = EscalationHistory
    fields = ("shown_at", "before", "after", "owner", "actor", "reason")
    readonly_fields = ("shown_at", "before", "after")
    ordering = ("pk",)
    shown_at = moment("at", _("时间"))

    @admin.display(description=_("原状态"))
    def before(self, row: EscalationHistory) -> str:
        return str(_S(row.from_state).label) if row.from_state else ""

    @admin.display(description=_("新状态"))
    def after(self, row: EscalationHistory) -> str:
        return str(_S(row.to_state).label)


def _remedies(user: Any, row: Escalation) -> list[Link]:
    """What its handler may grant when it was wrong: pages that he has the right to, for this account.

    Giving back the money or the debt restores service by itself; so does an exemption from being stopped again.
    """
    number = row.account.number
    line = row.subscription.number if row.subscription else number
    bills, suspensions = (
        reverse("admin:billing_bill_changelist"),
        reverse("admin:catalog_suspension_changelist"),
    )
    wanted = (
        (ASK_BILL, _("调账或减免违约金"), f"{bills}?q={number}", "money_off"),
        (
            "arrears.add_writeoff",
            _("核销欠费"),
            f"{reverse('admin:arrears_writeoff_ask')}?account={number}",
            "delete_sweep",
        ),
        ("arrears.add_exemption", _("豁免停机拆机"), reverse("admin:arrears_exemption_grant"), "shield"),
        ("catalog.view_suspension", _("停机记录"), f"{suspensions}?q={line}", "play_circle"),
        (
            "arrears.add_reinstalloverride",
            _("准许复装"),
            reverse("admin:arrears_reinstalloverride_ask"),
            "restart_alt",
        ),
    )
    region_id = row.account.region_id
    return [
        Link(title, url, icon)
        for permission, title, url, icon in wanted
        if scopes.covers(scopes.of(user, permission), region_id)
    ]


@admin.register(Escalation)
class EscalationAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("number", "account", "source", "shown_state", "owner", "age", "due_on", "cause")
    list_select_related = ("account",)
    list_filter = ("state", DueFilter, "source", "cause")
    search_fields = ("number", "account__number", "owner")
    search_help_text = _("申诉编号、户号或处理人（完整）")
    ordering = ("-id",)
    fields = (
        "number", "account", "subscription", "warrant", "slip", "source", "state", "text", "opened", "due_on",
        "first_handler", "owner", "offered_to", "answer", "cause", "closed", "digest", "pack_now",
    )  # fmt: skip
    inlines = (EscalationHistoryInline,)
    change_form_before_template = "arrears/admin/escalation_remedies.html"
    reasoned = ACTS
    shown_state = badge("state", _("状态"), TONES)
    opened = moment("opened_at", _("受理时间"))
    closed = moment("closed_at", _("结案时间"))

    def rights(self) -> tuple[str, ...]:
        return ("view", "add", "change")

    @admin.display(description=_("已过天数"))
    def age(self, row: Escalation) -> int:
        until = clock.local_date(row.closed_at or clock.now())
        return (until - clock.local_date(row.opened_at)).days

    @admin.display(description=_("立案时证据包"))
    def digest(self, row: Escalation) -> SafeString:
        page = reverse("admin:arrears_escalation_pack", args=[row.pk])
        return format_html('<a class="backoffice-link" href="{}">{}</a>', page, row.pack.digest)

    @admin.display(description=_("证据包"))
    def pack_now(self, row: Escalation) -> SafeString:
        return evidence.links(row.account.number)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = (
            Escalation.objects.select_related("account")
            .filter(pk=object_id if object_id.isdecimal() else 0)
            .first()
        )
        more = {"remedies": _remedies(request.user, row) if row else []}
        return super().change_view(request, object_id, form_url, more | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("record/", wrap(self.record_view), name="arrears_escalation_record"),
            path("desk/", wrap(self.desk_view), name="arrears_escalation_desk"),
            path("<int:pk>/pack/", wrap(self.pack_view), name="arrears_escalation_pack"),
        ]
        return [*own, *super().get_urls()]

    def desk_view(self, request: HttpRequest) -> HttpResponse:
        """The open ones by owner and age, those near their day, and the causes of the last twelve months."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        today = clock.local_date(clock.now())
        rows = self.get_queryset(request)
        ages = reads.ages(rows, today=today)
        names = people.names(each["owner"] for each in ages)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("申诉工作台"),
            "owners": [{**each, "name": names.get(each["owner"], each["owner"])} for each in ages],
            "near": reads.near(rows, today=today).select_related("account")[:50],
            "today": today,
            "causes": [
                {"month": each.month, "label": EscalationCause(each.cause).label, "count": each.count}
                for each in reads.causes(rows, first=today.replace(year=today.year - 1, day=1))
            ],
            "repeats": [
                {
                    "account": each.account,
                    "label": EscalationCause(each.cause).label,
                    "count": each.count,
                    "last": each.last_at,
                }
                for each in reads.repeats(rows, first=today.replace(year=today.year - 1, day=1))
            ],
            "may_add": request.user.has_perm(ADD),
        }
        return TemplateResponse(request, "arrears/admin/escalations.html", context)

    def record_view(self, request: HttpRequest) -> HttpResponse:
        """Records what did not come from the customer himself."""
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        accounts = scopes.narrow(BillingAccount.objects.all(), "region", scopes.of(request.user, ADD))
        form = RecordForm(request.POST if request.method == "POST" else None, accounts=accounts)
        if form.is_valid() and (row := self._record(request, form.cleaned_data)):
            return HttpResponseRedirect(reverse("admin:arrears_escalation_change", args=[row.pk]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("登记申诉"),
            "act": {"title": _("登记申诉"), "explanation": _("当前证据随案保存，15 天内答复。")},
            "form": form,
            "key": secrets.token_hex(16),
            "back": reverse("admin:arrears_escalation_changelist"),
        }
        return TemplateResponse(request, "backoffice/reason.html", context)

    def _record(self, request: HttpRequest, data: dict[str, Any]) -> Escalation | None:
        actor, as_of = Actor.user(request.user), clock.now()
        try:
            row = escalations.record(
                account_id=data["account"].pk,
                subscription_id=data["line"].pk if data["line"] else None,
                source=EscalationSource(data["source"]),
                text=data["reason"],
                first_handler=data["handler"],
                due_on=data["due_on"],
                actor=actor,
                as_of=as_of,
                address=address(request),
            )
        except HallError as error:
            messages.error(request, error.text)
            return None
        return row

    def pack_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The pack as it was when the escalation was opened."""
        row = self.get_object(request, str(pk))
        if row is None or not self.has_view_permission(request, row):
            raise PermissionDenied
        audit.record(
            actor=Actor.user(request.user),
            action="arrears.evidence.pack",
            subject=row,
            detail={"digest": row.pack.digest},
            address=address(request),
            as_of=clock.now(),
        )
        answer = HttpResponse(bytes(row.pack.content), content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="evidence-{row.number}.json"'
        return answer
