"""Staff pages of halls: what stands on their page, and the checks of how they keep the standard."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from content import standard
from content.admin.owners import WithOwner
from content.models import Hall, HallCheck, HallException, HallHours, HallService
from content.services import halls
from core import clock, joined
from core.actor import Actor
from core.backoffice import EditableAdmin, ReadOnlyAdmin, ReasonForm, moment
from core.reasoned import Reasoned, ReasonOnlyForm


class HallForm(ReasonForm):
    services = forms.MultipleChoiceField(
        label=_("服务项目"),
        choices=HallService.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Hall
        fields = (
            "code", "name_zh", "name_en", "region", "owner", "address_zh", "address_en", "way_zh", "way_en", "phone",
            "latitude_e6", "longitude_e6", "services", "active_from", "active_until",
        )  # fmt: skip


class HoursInline(TabularInline):  # type: ignore[misc]  # the theme has no types
    model = HallHours
    extra = 0
    fields = ("day", "opens", "closes")
    ordering = ("day", "opens")


class ExceptionInline(TabularInline):  # type: ignore[misc]  # the theme has no types
    model = HallException
    extra = 0
    fields = ("on", "opens", "closes", "note_zh", "note_en")
    ordering = ("on",)


class CheckForm(ReasonOnlyForm):
    """The checklist: what is ticked is kept. The reason is the note of the check."""

    checked_on = forms.DateField(
        label=_("检查日期"), widget=UnfoldAdminTextInputWidget(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for item in standard.ITEMS:
            label = _("%(title)s（%(points)s 分）") % {"title": item.title, "points": item.points}
            self.fields[item.code] = forms.BooleanField(
                label=label, required=False, widget=UnfoldBooleanWidget
            )
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])


class QueueForm(ReasonOnlyForm):
    people = forms.IntegerField(
        label=_("现在排队的人数"),
        min_value=0,
        max_value=999,
        required=False,
        help_text=_("留空：不再显示"),
        widget=UnfoldAdminTextInputWidget,
    )


def _check(
    hall_id: Any, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    checked_on = data.pop("checked_on")
    found = halls.check(
        hall_id=hall_id,
        checked_on=checked_on,
        today=clock.local_date(as_of),
        kept=data,
        note=reason,
        actor=actor,
        as_of=as_of,
    )
    return _("得分 %(score)s") % {"score": found.score}


def _count(
    hall_id: Any, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    halls.count_queue(hall_id=hall_id, people=data["people"], as_of=as_of)
    return _("已更新排队人数")


@admin.register(Hall)
class HallAdmin(WithOwner, EditableAdmin):
    form = HallForm
    region_path = "region"
    list_display = ("name_zh", "code", "region", "phone", "owner", "changed")
    list_select_related = ("region", "owner")
    search_fields = ("code", "name_zh")
    search_help_text = _("营业厅代码或名称（完整）")
    ordering = ("code",)
    fields = HallForm.Meta.fields
    inlines = (HoursInline, ExceptionInline)
    changed = moment("changed_at", _("修改时间"))
    reasoned = (
        Reasoned(
            name="check",
            title=_("登记规范检查"),
            explanation=_("逐项核对，做到的打勾；得分按各项分值合计，满分 100。登记后不能修改。"),
            permission="content.add_hallcheck",
            applies=lambda hall: True,
            carry_out=_check,
            icon="checklist",
            form_class=CheckForm,
            initial=lambda hall: {"checked_on": clock.local_date(clock.now())},
        ),
        Reasoned(
            name="queue",
            title=_("更新排队人数"),
            explanation=_("显示在营业厅页面上，半小时后自动不再显示。"),
            permission="content.change_hall",
            applies=lambda hall: True,
            carry_out=_count,
            icon="groups",
            form_class=QueueForm,
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"active_from": clock.now(), **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Hall, form: Any, change: bool) -> None:
        halls.write(obj, actor=Actor.user(request.user), as_of=clock.now())


@admin.register(HallCheck)
class HallCheckAdmin(ReadOnlyAdmin):
    region_path = "hall__region"
    list_display = ("hall", "checked_on", "score", "actor", "added")
    list_select_related = ("hall",)
    search_fields = ("hall__code",)
    search_help_text = _("营业厅代码（完整）")
    ordering = ("-id",)
    fields = ("hall", "checked_on", "score", "items", "note", "actor", "added")
    added = moment("at", _("登记时间"))

    @admin.display(description=_("未做到"))
    def items(self, check: HallCheck) -> str:
        missed = [str(item.title) for item in standard.ITEMS if not check.results.get(item.code)]
        return joined.clauses(missed) or "—"
