"""The audit trail as auditors read it: in words, by region, and as a file to take along."""

import csv
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from accounts.admin.region_filter import RegionFilter
from accounts.models import Region
from billing.services.exports import harmless
from core import approvals, audit, clock, people
from core.actor import Actor
from core.admin import AuditRowAdmin
from core.backoffice import EditableAdmin
from core.columns import when
from core.models import ApprovalState, AuditRow
from core.reasoned import address
from operations.serving.models import ServingState

MOST_TAKEN = 10_000  # rows of one file
EXPORTED = "core.auditrow.exported"
Title = str | Promise
# What is done elsewhere than on a staff page that names it itself.
_NAMED: dict[str, Title] = {
    "staff.logged_in": _("登录"),
    "staff.logged_out": _("退出登录"),
    "staff.login_failed": _("登录失败"),
    "staff.second_factor_added": _("设置第二验证"),
    "staff.second_factor_failed": _("第二验证失败"),
    "staff.second_factor_removed": _("停用第二验证"),
    "staff.recovery_codes_renewed": _("重新生成备用码"),
    "staff.recovery_code_used": _("使用备用码"),
    "staff.refused": _("越权被拒绝"),
    "operations.serving.search": _("代客办理：查找客户"),
    "operations.serving.page": _("代客办理：查看页面"),
    "operations.serving.refused": _("代客办理：页面被拒绝"),
    "billing.counter.lookup": _("柜台：查询户号"),
    "billing.counter.deposit": _("柜台：解款"),
    "billing.callback_retry": _("重新处理支付回调"),
    "billing.pay_link.send": _("发送缴费链接"),
    "billing.statement_imported": _("导入对账单"),
    "large_bill.checked": _("核实巨额账单"),
    "arrears.evidence.pack": _("取出证据包"),
    "letters.print": _("打印信函清单"),
    "letters.download": _("下载信函"),
    "notices.send_again": _("重发通知"),
    "arrears.escalation.recorded": _("登记申诉"),
    "accounts.customer.opened": _("开户"),
    "content.article.owner_changed": _("更换文章负责人"),
    "content.section.owner_changed": _("更换栏目负责人"),
    "content.hall.owner_changed": _("更换营业厅负责人"),
    "import_accounts": _("导入户号"),
    "import_bills": _("导入账单"),
    "import_receipts": _("导入收款"),
    "hall.purged": _("清理到期数据"),
    "hall.restored": _("从备份恢复"),
    EXPORTED: _("导出审计记录"),
}


@cache
def titles() -> dict[str, Title]:
    """What each action is called: by who declares it, kinds of approval and staff pages, else by `_NAMED`."""
    found = dict(_NAMED)
    for serving in ServingState:
        found[f"operations.serving.{serving.lower()}"] = _two(_("代客办理"), serving.label)
    for kind in approvals.kinds():
        found[kind.name] = kind.title
        for state in ApprovalState:
            found[f"{kind.name}.{state.lower()}"] = _two(kind.title, state.label)
    for model, page in admin.site._registry.items():
        label, name = model._meta.label_lower, model._meta.verbose_name or ""
        for act in getattr(page, "reasoned", ()):
            found[f"{label}.{act.name}"] = _two(name, act.title)
        if isinstance(page, EditableAdmin):
            found[f"{label}.added"], found[f"{label}.changed"] = _two(name, _("新增")), _two(name, _("修改"))
    return found


def _two(what: Title, how: Title) -> Promise:
    return format_lazy(_("{what}：{how}"), what=what, how=how)


def title(action: str) -> Title:
    """What the action is called; its code for what nobody names any more."""
    return titles().get(action, action)


class ActionFilter(DropdownFilter):  # type: ignore[misc]  # the theme has no types
    title = _("操作")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return sorted(((code, str(name)) for code, name in titles().items()), key=lambda each: each[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action=self.value()) if self.value() else queryset


class PlaceFilter(RegionFilter):
    path = "region_id"


class AuditTrail(AuditRowAdmin):
    """The page of core, with what only the whole hall knows: what actions are called, and where regions lie."""

    region_path = "region_id"
    list_display = ("shown_at", "person", "deed", "touched", "reason", "address")
    list_filter = (
        AuditRowAdmin.list_filter[0],
        ActionFilter,
        *AuditRowAdmin.list_filter[1:4],
        PlaceFilter,
        *AuditRowAdmin.list_filter[4:],
    )
    list_before_template = "backoffice/audit_export.html"
    fields = (
        "shown_at",
        "person",
        "address",
        "deed",
        "touched",
        "place",
        "reason",
        "changes",
        "detail",
        "codes",
    )

    @admin.display(description=_("操作"), ordering="action")
    def deed(self, row: AuditRow) -> str:
        return str(title(row.action))

    @admin.display(description=_("代码"))
    def codes(self, row: AuditRow) -> str:
        """As the database has it, for searches."""
        return f"{row.action} · {row.actor}"

    @admin.display(description=_("对象"))
    def touched(self, row: AuditRow) -> str:
        """What it was done to, with the way there."""
        name, model = _object(row), row.object_type.lower().replace(".", "_")
        try:
            page = reverse(f"admin:{model}_change", args=[row.object_id])
        except NoReverseMatch:
            return name
        return format_html('<a class="backoffice-link" href="{}">{}</a>', page, name)

    @admin.display(description=_("区域"))
    def place(self, row: AuditRow) -> str | None:
        return Region.objects.filter(pk=row.region_id or 0).values_list("name", flat=True).first()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name="core_auditrow_export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        export = f"{reverse('admin:core_auditrow_export')}?{request.GET.urlencode()}"
        more = {"export": export, "most": MOST_TAKEN}
        return super().changelist_view(request, more | (extra_context or {}))

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The rows of the list with its filters, newest first, as CSV. That they were taken is kept, too."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = list(self.get_changelist_instance(request).queryset[:MOST_TAKEN])
        audit.record(
            actor=Actor.user(request.user),
            action=EXPORTED,
            subject=(AuditRow._meta.label, ""),
            detail={"rows": len(rows), "filters": request.GET.urlencode()[:500]},
            address=address(request),
            as_of=clock.now(),
        )
        answer = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="audit.csv"'
        return answer


class _Echo:
    """What csv writes to: gives each line back."""

    def write(self, line: str) -> str:
        return line


def _lines(rows: list[AuditRow]) -> Iterator[str]:
    names = people.names(row.actor for row in rows)
    places = dict(
        Region.objects.filter(pk__in={row.region_id for row in rows if row.region_id}).values_list(
            "pk", "name"
        )
    )
    columns: tuple[tuple[Title, Callable[[AuditRow], Any]], ...] = (
        (_("时间"), lambda row: when(row.at)),
        (_("操作人"), lambda row: names.get(row.actor, row.actor)),
        (_("操作"), lambda row: title(row.action)),
        (_("操作代码"), lambda row: row.action),
        (_("对象"), _object),
        (_("区域"), lambda row: places.get(row.region_id or 0, "")),
        (_("原因"), lambda row: row.reason),
        (_("来源地址"), lambda row: row.address or ""),
        (_("详情"), lambda row: json.dumps(row.detail, ensure_ascii=False)),
    )
    write = csv.writer(_Echo()).writerow
    yield "\ufeff"  # without it Excel takes UTF-8 for the machine's own encoding
    yield str(write([str(name) for name, _read in columns]))
    for row in rows:
        yield str(write([harmless(str(read(row))) for _name, read in columns]))


def _object(row: AuditRow) -> str:
    """The object as people call it: 账单 17."""
    try:
        name = str(apps.get_model(row.object_type)._meta.verbose_name)
    except (LookupError, ValueError):
        name = row.object_type
    return f"{name} {row.object_id}".strip()
