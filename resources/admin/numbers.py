"""Staff pages of numbers: classes and lock rules are written here, everything else is done by services."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from core import clock
from core.actor import Actor
from core.backoffice import (
    EVERYWHERE,
    EditableAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    ReasonForm,
    amount,
    moment,
)
from core.errors import NotFound
from core.reasoned import Reasoned, ReasonOnlyForm, Submit
from resources import approvals, rules
from resources.admin.funnel import WithFunnel
from resources.models import (
    Number,
    NumberChange,
    NumberClass,
    NumberLockRule,
    NumberPeriod,
    NumberSearch,
    PeriodKind,
)
from resources.selectors import numbers as reads
from resources.services import numbers, openings


class NumberClassForm(ReasonForm):
    class Meta:
        model = NumberClass
        fields = ("code", "name", "price_cents", "order")


@admin.register(NumberClass)
class NumberClassAdmin(EditableAdmin):
    region_path = EVERYWHERE
    form = NumberClassForm
    list_display = ("code", "name", "price", "order")
    search_fields = ("code",)
    search_help_text = _("等级代码（完整）")
    ordering = ("order", "code")
    fields = NumberClassForm.Meta.fields
    price = amount("price_cents", _("选号费"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj else ()


class LockRuleForm(ReasonForm):
    class Meta:
        model = NumberLockRule
        fields = ("number_class", "months", "active_from")

    def clean_active_from(self) -> date:
        """Nobody's lock is changed behind him: numbers that were taken back keep theirs, and today's rule holds."""
        day: date = self.cleaned_data["active_from"]
        if day <= clock.local_date(clock.now()):
            raise forms.ValidationError(_("规则只能从明天或更晚的日子开始生效"), code="RULE_IN_THE_PAST")
        return day


@admin.register(NumberLockRule)
class NumberLockRuleAdmin(EditableAdmin):
    """What was written stays: a change is another rule from another day."""

    region_path = EVERYWHERE
    form = LockRuleForm
    list_display = ("class_name", "months", "active_from")
    list_select_related = ("number_class",)
    ordering = ("-active_from", "-id")
    fields = LockRuleForm.Meta.fields

    def rights(self) -> tuple[str, ...]:
        return ("view", "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("号码等级"))
    def class_name(self, rule: NumberLockRule) -> str:
        return str(rule.number_class.name if rule.number_class else _("全部等级"))


_LINE = UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})


class AuthorityForm(ReasonOnlyForm):
    authority = forms.CharField(
        label=_("批准依据"),
        min_length=2,
        max_length=80,
        help_text=_("谁、以哪份文件同意提前解锁"),
        widget=_LINE,
    )


class PeriodInline(ReadOnlyInline):
    model = NumberPeriod
    verbose_name_plural = _("占用")
    fields = ("kind", "during", "holder", "cause")
    ordering = ("id",)


class ChangeInline(ReadOnlyInline):
    model = NumberChange
    verbose_name_plural = _("记录")
    fields = ("shown_at", "verb", "until", "channel", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


class NumberForm(ReasonForm):
    class Meta:
        model = Number
        fields = ("digits", "number_class", "region", "is_offered")


@admin.register(Number)
class NumberAdmin(EditableAdmin):
    region_path = "region"
    form = NumberForm
    list_display = ("digits", "number_class", "region", "is_offered", "who_has_it")
    list_filter = ("is_offered", "number_class")
    list_select_related = ("number_class", "region")
    search_fields = ("digits", "digits__startswith")
    search_help_text = _("号码，或它的开头")
    ordering = ("digits",)
    fields = NumberForm.Meta.fields
    autocomplete_fields = ("region",)
    inlines = (PeriodInline, ChangeInline)
    reasoned = (
        Reasoned(
            name="unlock",
            title=_("提前解除锁定"),
            explanation=_("号码马上可以被别人选用，原用户不能再恢复。须由另一人批准。"),
            permission="resources.change_number",
            applies=lambda row: _kind_now(row) == PeriodKind.LOCK,
            carry_out=Submit(
                kind=approvals.UNLOCK,
                amount=lambda row, data: 0,
                data=lambda row, data: {"authority": data["authority"]},
            ),
            icon="lock_open",
            form_class=AuthorityForm,
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("digits",) if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return list(self.inlines) if obj else []  # what is not there yet has no history

    def save_model(self, request: HttpRequest, obj: Number, form: Any, change: bool) -> None:
        if not change:
            obj.marks = rules.marks(obj.digits)
        super().save_model(request, obj, form, change)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With who has the page's numbers: one query for all of them."""
        page = super().get_changelist_instance(request)
        present = reads.present_of(page.result_list, as_of=clock.now())
        for number in page.result_list:
            number.present_period = present.get(number.pk)  # for the column
        return page

    @admin.display(description=_("现在"))
    def who_has_it(self, number: Number) -> str:
        period = getattr(number, "present_period", None)
        return str(period) if period else str(_("空闲"))


def _kind_now(number: Number) -> str:
    period = reads.present(number, as_of=clock.now())
    return period.kind if period else ""


def _release(row_id: Any, *, actor: Actor, reason: str, as_of: Any) -> str | Promise:
    period = NumberPeriod.objects.select_related("number").filter(pk=row_id).first()
    if period is None:
        raise NotFound()
    numbers.release(
        digits=period.number.digits, holder=period.holder, actor=actor, as_of=as_of, reason=reason
    )
    return _("已释放，号码可以选用")


class PaidForm(ReasonOnlyForm):
    bill = forms.CharField(
        label=_("账单号"), max_length=40, help_text=_("预占人户号的、已付清的账单"), widget=_LINE
    )


class AccountForm(ReasonOnlyForm):
    account = forms.CharField(label=_("户号"), max_length=32, help_text=_("预占人为户主的户号"), widget=_LINE)


def _hold_of(row_id: Any) -> dict[str, str]:
    period = NumberPeriod.objects.select_related("number").filter(pk=row_id).first()
    if period is None:
        raise NotFound()
    return {"digits": period.number.digits, "holder": period.holder}


def _real_named(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    openings.real_named(**_hold_of(row_id), actor=actor, as_of=as_of, reason=reason)
    return _("已登记实名核验")


def _paid(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    openings.paid(**_hold_of(row_id), bill_number=data["bill"].strip(), actor=actor, as_of=as_of)
    return _("已登记付清")


def _activate(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    account = data["account"].strip()
    openings.activate(**_hold_of(row_id), account_number=account, actor=actor, as_of=as_of, reason=reason)
    return _("号码已启用")


def _is_customers_hold(row: NumberPeriod) -> bool:
    return _is_running_hold(row) and row.holder.startswith("user:")


def _is_running_hold(row: NumberPeriod) -> bool:
    return row.kind == PeriodKind.HOLD and (row.ends_at or clock.now()) > clock.now()


@admin.register(NumberPeriod)
class NumberPeriodAdmin(ReadOnlyAdmin):
    region_path = "number__region"
    list_display = ("number", "kind", "during", "holder", "cause")
    list_filter = ("kind",)
    list_select_related = ("number",)
    search_fields = ("holder", "number__digits")
    search_help_text = _("持有方或号码（完整）")
    ordering = ("-id",)
    fields = ("number", "kind", "during", "holder", "cause")
    reasoned = (
        Reasoned(
            name="release",
            title=_("释放预占"),
            explanation=_("号码马上可以被别人选用。"),
            permission="resources.change_numberperiod",
            applies=_is_running_hold,
            carry_out=_release,
            icon="lock_open",
        ),
        Reasoned(
            name="real-name",
            title=_("登记实名核验"),
            explanation=_(
                "预占人本人出示了有效证件，人证一致。请在原因里写明凭什么证件核验，不要写证件号码。"
            ),
            permission="resources.change_numberperiod",
            applies=_is_customers_hold,
            carry_out=_real_named,
            icon="badge",
        ),
        Reasoned(
            name="paid",
            title=_("登记选号费付清"),
            explanation=_("免选号费的号码不用登记。一张账单只能用于一个号码。"),
            permission="resources.change_numberperiod",
            applies=_is_customers_hold,
            carry_out=_paid,
            icon="payments",
            form_class=PaidForm,
        ),
        Reasoned(
            name="activate",
            title=_("启用号码"),
            explanation=_("号码归这个户号使用，没有期限。须已实名核验，选号费已付清。"),
            permission="resources.change_numberperiod",
            applies=_is_customers_hold,
            carry_out=_activate,
            icon="task_alt",
            form_class=AccountForm,
        ),
    )


@admin.register(NumberChange)
class NumberChangeAdmin(ReadOnlyAdmin):
    region_path = "number__region"
    list_display = ("shown_at", "number", "verb", "until", "channel", "actor")
    list_filter = ("verb",)
    list_select_related = ("number",)
    search_fields = ("number__digits",)
    search_help_text = _("号码（完整）")
    ordering = ("-id",)
    fields = ("shown_at", "number", "verb", "until", "channel", "actor", "reason")
    shown_at = moment("at", _("时间"))


@admin.register(NumberSearch)
class NumberSearchAdmin(WithFunnel):
    """Whoever looked in no region in particular is counted by the whole operator's staff alone."""

    region_path = "region"
    list_display = ("shown_at", "channel", "region", "wanted", "is_found")
    list_filter = ("is_found", "channel")
    list_select_related = ("region",)
    ordering = ("-id",)
    fields = ("shown_at", "channel", "region", "wanted", "is_found")
    shown_at = moment("at", _("时间"))
