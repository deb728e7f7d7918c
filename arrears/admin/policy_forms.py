"""The form of a policy: what it says of itself, a row for each stage, a row for each notice."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts.models import Customer, Region
from arrears.choices import PartPayment, Proof, Stage
from arrears.models import Policy
from arrears.policy_rules import STAGES, Draft, NoticeDraft, StageDraft
from arrears.rules import HELD_FROM, MOST_IN_FLIGHT_DAYS
from arrears.services import policies
from core import money, scopes
from core.asking import day
from core.errors import HallError
from core.reasoned import ReasonOnlyForm

STEPS = tuple((stage.value, stage.label) for stage in STAGES)
SPARE_ROWS = 2
MOST_NOTICES = 40


class PolicyForm(ReasonOnlyForm):
    """The head of a policy. A region is named by its code; none is everywhere."""

    code = forms.RegexField(
        r"^[a-z0-9][a-z0-9_-]*$",
        label=_("代码"),
        max_length=40,
        help_text=_("小写字母、数字、- 和 _，如 default-2027"),
        widget=UnfoldAdminTextInputWidget(),
    )
    title = forms.CharField(label=_("名称"), max_length=100, widget=UnfoldAdminTextInputWidget())
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
    minimum = forms.CharField(
        label=_("起算金额（元）"),
        max_length=20,
        help_text=_("欠费低于这个金额时什么也不发生"),
        widget=UnfoldAdminTextInputWidget(),
    )
    promise_days = forms.IntegerField(
        label=_("延期天数"),
        min_value=0,
        max_value=90,
        help_text=_("0：不能自助延期"),
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    promises_a_month = forms.IntegerField(
        label=_("每月延期次数"), min_value=0, max_value=31, widget=UnfoldAdminIntegerFieldWidget()
    )
    held_from = forms.ChoiceField(
        label=_("从哪一阶段起暂缓"),
        choices=[(stage.value, stage.label) for stage in HELD_FROM],
        help_text=_("有异议、延期、豁免或支付确认中时，这一阶段及以后的阶段不会到来"),
        widget=UnfoldAdminSelectWidget(),
    )
    in_flight_days = forms.IntegerField(
        label=_("支付确认中最多暂缓天数"),
        min_value=1,
        max_value=MOST_IN_FLIGHT_DAYS,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    part_payment = forms.ChoiceField(
        label=_("部分缴费"), choices=PartPayment.choices, widget=UnfoldAdminSelectWidget()
    )
    tells_when_held = forms.BooleanField(
        label=_("暂缓时通知客户"), required=False, widget=UnfoldBooleanWidget()
    )
    active_from = day(_("生效日"), help_text=_("最早明天"))
    active_to = day(_("失效日"), required=False, help_text=_("这一天起不再有效；留空：长期有效"))

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

    def clean_minimum(self) -> int:
        try:
            return money.parse_yuan(self.cleaned_data["minimum"].strip())
        except HallError as error:
            raise forms.ValidationError(error.text, code=error.code) from error


def _number(label: Any, **more: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, required=False, widget=UnfoldAdminIntegerFieldWidget(attrs={"aria-label": label}), **more
    )


class StageForm(forms.Form):
    """One stage; without days it never happens."""

    stage = forms.ChoiceField(choices=STEPS, widget=forms.HiddenInput)
    days = _number(_("天数"), min_value=-60, max_value=3_000)
    stay = _number(_("前一阶段最少停留天数"), min_value=1, max_value=365)
    cap = _number(_("每次最多户数"), min_value=0)

    @property
    def title(self) -> str:
        return str(Stage(self["stage"].value()).label)

    def draft(self) -> StageDraft | None:
        data = self.cleaned_data
        if data["days"] is None:
            return None
        return StageDraft(data["stage"], data["days"], data["stay"] or 1, data["cap"])


class NoticeForm(forms.Form):
    """One notice; a row without a stage is none."""

    stage = forms.ChoiceField(
        label=_("阶段"), choices=[("", "—"), *STEPS], required=False, widget=UnfoldAdminSelectWidget()
    )
    days = _number(_("天数"), min_value=-60, max_value=3_000)
    template_code = forms.ChoiceField(label=_("通知"), required=False, widget=UnfoldAdminSelectWidget())
    needed_for = forms.ChoiceField(
        label=_("必须先于阶段"),
        choices=[("", "—"), *(step for step in STEPS if step[0] in (Stage.SUSPENDED, Stage.DISCONNECTED))],
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    needed_proof = forms.ChoiceField(
        label=_("所需证明"), choices=Proof.choices, required=False, widget=UnfoldAdminSelectWidget()
    )
    needed_days = _number(_("提前天数"), min_value=1, max_value=365)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        codes: Any = self.fields["template_code"]
        codes.choices = [("", "—"), *((kind.code, kind.title) for kind in policies.tellable())]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("stage") and (data.get("days") is None or not data.get("template_code")):
            raise forms.ValidationError(_("请填写天数和通知"), code="NOTICE_INCOMPLETE")
        return data

    def draft(self) -> NoticeDraft | None:
        data = self.cleaned_data
        if not data.get("stage"):
            return None
        return NoticeDraft(
            stage=data["stage"],
            days=data["days"],
            template_code=data["template_code"],
            needed_for=data["needed_for"],
            needed_proof=data["needed_proof"] or Proof.DELIVERED,
            needed_days=data["needed_days"] or 1,
        )


class Whole:
    """Head, stages and notices as one form: as `asking.page` wants it."""

    def __init__(self, posted: Any, *, user: Any, like: Policy | None) -> None:
        self.head = PolicyForm(posted, user=user, initial=_head(like))
        stages = forms.formset_factory(StageForm, extra=0, max_num=len(STAGES), validate_max=True)
        told = _notices(like)
        notices = forms.formset_factory(
            NoticeForm, extra=SPARE_ROWS, max_num=MOST_NOTICES, validate_max=True, absolute_max=MOST_NOTICES
        )
        self.stages = stages(posted, prefix="stages", initial=_stages(like))
        self.notices = notices(posted, prefix="notices", initial=told)

    def is_valid(self) -> bool:
        return all([self.head.is_valid(), self.stages.is_valid(), self.notices.is_valid()])

    def draft(self) -> Draft:
        data = self.head.cleaned_data
        region = data["region"]
        return Draft(
            code=data["code"],
            title=data["title"],
            region_id=region.pk if region else None,
            customer_kind=data["customer_kind"],
            minimum_cents=data["minimum"],
            promise_days=data["promise_days"],
            promises_a_month=data["promises_a_month"],
            held_from=data["held_from"],
            in_flight_days=data["in_flight_days"],
            part_payment=data["part_payment"],
            tells_when_held=data["tells_when_held"],
            active_from=data["active_from"],
            active_to=data["active_to"],
            stages=tuple(stage for form in self.stages if (stage := form.draft())),
            notices=tuple(each for form in self.notices if (each := form.draft())),
        )


_SAME = (
    "promise_days", "promises_a_month", "held_from", "in_flight_days", "part_payment", "tells_when_held",
)  # fmt: skip


def _head(like: Policy | None) -> dict[str, Any]:
    if like is None:
        return {name: getattr(Policy(), name) for name in _SAME} | {"minimum": "0.01"}
    return {
        "title": like.title,
        "region": like.region.code if like.region else "",
        "customer_kind": like.customer_kind,
        "minimum": money.yuan(like.minimum_cents),
        **{name: getattr(like, name) for name in _SAME},
    }


def _stages(like: Policy | None) -> list[dict[str, Any]]:
    known = {row.stage: row for row in like.stages.all()} if like else {}
    return [
        {"stage": stage.value}
        | (
            {"days": row.days, "stay": row.minimum_stay_days, "cap": row.cap_per_run}
            if (row := known.get(stage.value))
            else {}
        )
        for stage in STAGES
    ]


def _notices(like: Policy | None) -> list[dict[str, Any]]:
    rows = like.notices.order_by("days", "pk") if like else ()
    in_order = sorted(rows, key=lambda row: tuple(Stage).index(Stage(row.stage)))
    names = ("stage", "days", "template_code", "needed_for", "needed_proof", "needed_days")
    return [{name: getattr(row, name) for name in names} for row in in_order]
