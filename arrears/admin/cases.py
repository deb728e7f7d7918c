"""Cases: their stage, how they came there, what was told to whom and whether it arrived, and what comes next."""

from datetime import date, datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.region_filter import RegionFilter
from arrears import evidence_words
from arrears.admin import evidence, reliefs
from arrears.admin.board import WithBoard
from arrears.choices import Stage, Wait
from arrears.models import ArrearsCase, CaseNotice, StageChange
from arrears.selectors import prospects
from arrears.selectors.prospects import Prospect
from arrears.services import exemptions
from billing.documents import words
from core import clock, money
from core.actor import Actor
from core.backoffice import ReadOnlyInline, amount, badge, mask, moment
from core.reasoned import Reasoned
from notices.models import Channel, Delivery

TONES = {
    str(Stage.NONE): "ok",
    str(Stage.REMINDED): "wait",
    str(Stage.OVERDUE): "wait",
    str(Stage.SUSPEND_WARNED): "warn",
    str(Stage.SUSPENDED): "bad",
    str(Stage.DISCONNECT_WARNED): "bad",
    str(Stage.DISCONNECTED): "bad",
}


class CaseRegionFilter(RegionFilter):
    path = "account__region"


class StageChangeInline(ReadOnlyInline):
    model = StageChange
    fields = ("on", "from_stage", "to_stage", "why", "owed", "earliest_due_on", "actor")
    readonly_fields = ("why", "owed")
    ordering = ("pk",)
    owed = amount("owed_cents", _("欠费"))

    @admin.display(description=_("原因"))
    def why(self, row: StageChange) -> str:
        return evidence_words.reason(row.reason)


def who(ref: str, address: str) -> str:
    """A live contact as staff read it: what it is, and its address masked."""
    kind = ref.partition(":")[0]
    titles = {"contact": _("联系方式"), "service": _("服务号码"), "post": _("信函"), "inbox": _("站内消息")}
    title = str(titles.get(kind, ref))
    return f"{title} {mask(address)}" if address and kind in ("contact", "service") else title


class CaseNoticeInline(ReadOnlyInline):
    """What was told, by contact; the delivery that tells most of it."""

    model = CaseNotice
    fields = ("told_on", "stage", "told", "to", "channel", "state", "since")
    readonly_fields = ("told", "to", "channel", "state", "since")
    ordering = ("pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("rule", "message")
        return rows.prefetch_related("message__deliveries")

    @admin.display(description=_("通知"))
    def told(self, row: CaseNotice) -> SafeString:
        page = reverse("admin:notices_message_change", args=[row.message_id])
        return format_html(
            '<a class="backoffice-link" href="{}">{}</a>', page, prospects.title(row.message.code)
        )

    @admin.display(description=_("联系方式"))
    def to(self, row: CaseNotice) -> str:
        found = prospects.best(row)
        return who(row.contact_ref, found.address if found else "")

    @admin.display(description=_("渠道"))
    def channel(self, row: CaseNotice) -> str:
        found = prospects.best(row)
        return str(Channel(found.channel).label) if found else ""

    @admin.display(description=_("送达情况"))
    def state(self, row: CaseNotice) -> str:
        found = prospects.best(row)
        if found is None:
            return ""
        return gettext("空号或无效地址") if prospects.is_dead(found) else found.get_state_display()

    @admin.display(description=_("时间"))
    def since(self, row: CaseNotice) -> str:
        found = prospects.best(row)
        at = _latest(found) if found else None
        return words.day(clock.local_date(at)) if at else ""


def _latest(row: Delivery) -> datetime | None:
    return row.delivered_at or row.sent_at


def _exempt(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    account_id = ArrearsCase.objects.values_list("account_id", flat=True).get(pk=row_id)
    return reliefs.ask(account_id, data | {"reason": reason}, actor=actor, as_of=as_of)


@admin.register(ArrearsCase)
class ArrearsCaseAdmin(WithBoard):
    region_path = "account__region"
    list_display = (
        "number", "account", "shown_stage", "stage_since", "owed", "begun", "ended", "close_reason",
    )  # fmt: skip
    list_select_related = ("account",)
    list_filter = ("stage", "close_reason", CaseRegionFilter)
    search_fields = ("number", "account__number")
    search_help_text = _("欠费编号或户号（完整）")
    ordering = ("-id",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "number", "account", "stage", "stage_since", "highest_stage", "owed", "policy", "begun",
                    "ended", "close_reason",
                )
            },
        ),
        (_("现在"), {"fields": ("owed_now", "holds", "ahead", "waits", "untold", "lines_off", "pack")}),
    )  # fmt: skip
    readonly_fields = ("owed_now", "holds", "ahead", "waits", "untold", "lines_off", "pack")
    shown_stage = badge("stage", _("阶段"), TONES)
    owed = amount("owed_cents", _("进入阶段时欠费"))
    begun = moment("opened_at", _("开始时间"))
    ended = moment("closed_at", _("结束时间"))
    inlines = (StageChangeInline, CaseNoticeInline)
    reasoned = (
        Reasoned(
            name="exempt",
            title=_("申请豁免"),
            explanation=_("豁免期内不停机、不拆机，照常提醒。超过一人可批的天数时须由另一人批准。"),
            permission=exemptions.ASK,
            applies=lambda row: row.closed_at is None,
            carry_out=_exempt,
            icon="shield",
            form_class=reliefs.ExemptForm,
            service_audits=True,
        ),
    )

    @admin.display(description=_("现在欠费"))
    def owed_now(self, row: ArrearsCase) -> SafeString:
        found = self._prospect(row)
        if found is None:
            return SafeString("")
        bills = f"{reverse('admin:billing_bill_changelist')}?q={row.account.number}"
        owed = money.display(max(0, found.subject.facts.owed_cents))
        return format_html('{} <a class="backoffice-link" href="{}">{}</a>', owed, bills, gettext("账单"))

    @admin.display(description=_("暂缓"))
    def holds(self, row: ArrearsCase) -> SafeString:
        found = self._prospect(row)
        told = [(hold.label, words.day(until)) for hold, until in found.holds] if found else []
        return format_html_join(", ", str(_("{}（至 {}）")), told) or SafeString(gettext("没有"))

    @admin.display(description=_("下一步"))
    def ahead(self, row: ArrearsCase) -> str:
        found = self._prospect(row)
        if found is None or found.decision is None or found.decision.next is None:
            return gettext("没有下一步")
        after = found.decision.next
        told = {"stage": after.stage.label, "day": words.day(after.day)}
        return gettext("%(stage)s，最早 %(day)s") % told

    @admin.display(description=_("等待"))
    def waits(self, row: ArrearsCase) -> SafeString:
        found = self._prospect(row)
        after = found.decision.next if found and found.decision else None
        labels = [(Wait(each).label,) for each in after.waits] if after else []
        return _lines(labels)

    @admin.display(description=_("尚无证明的联系方式"))
    def untold(self, row: ArrearsCase) -> SafeString:
        found = self._prospect(row)
        if found is None:
            return SafeString("")
        addresses = {each.ref: each.address for each in found.subject.facts.contacts}
        return _lines([(who(ref, addresses.get(ref, "")),) for ref in prospects.unproven(found)])

    @admin.display(description=_("已停机的服务"))
    def lines_off(self, row: ArrearsCase) -> SafeString:
        if row.closed_at is not None:
            return SafeString("")
        told = [
            (_page(each.subscription), each.subscription.number, str(each.subscription.offer), _since(each))
            for each in prospects.lines_off(row.account_id)
        ]
        return format_html_join(
            SafeString("<br>"), '<a class="backoffice-link" href="{}">{}</a> {} {}', told
        ) or SafeString(gettext("没有"))

    @admin.display(description=_("证据包"))
    def pack(self, row: ArrearsCase) -> SafeString:
        return evidence.links(row.account.number)

    def _prospect(self, row: ArrearsCase) -> Prospect | None:
        """How it stands now, read once for the page; None when the case is over."""
        if row.closed_at is not None:
            return None
        if not hasattr(row, "_prospect"):
            found = prospects.of([row.account_id], as_of=clock.now())
            row._prospect = found[0] if found else None  # type: ignore[attr-defined]  # lives as long as the page
        kept: Prospect | None = row._prospect  # type: ignore[attr-defined]  # set above
        return kept


def _lines(told: list[tuple[Any, ...]]) -> SafeString:
    return format_html_join(SafeString("<br>"), "{}", told)


def _page(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def _since(row: Any) -> str:
    begins: date = row.begins_on
    return gettext("自 %(day)s") % {"day": words.day(begins)}
