from datetime import date, datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from billing.admin.columns import gateway_name
from billing.gateways import registry
from billing.models import DifferenceHistory, DifferenceState, Statement, StatementDifference, Verdict
from billing.selectors import statements as reads
from billing.services.statements import statements
from billing.statements import reader
from core import reasoned, scopes
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, WhenFilter, amount, badge, known_values, moment
from core.reasoned import Reasoned

PER_PAGE = 50
STATE_TONES = {
    str(DifferenceState.HELD): "wait",
    str(DifferenceState.OPEN): "bad",
    str(DifferenceState.CLEARED): "ok",
    str(DifferenceState.CLOSED): "ok",
}
VERDICT_TONES = {str(verdict): "bad" for verdict in Verdict} | {
    str(Verdict.MATCHED): "ok",
    str(Verdict.LATE): "ok",
    str(Verdict.DUPLICATE): "warn",
}


def day_url(gateway: str, day: date) -> str:
    return reverse("admin:billing_statement_day", args=[gateway, day.isoformat()])


def _ask(difference_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    state = statements.ask_about(difference_id=difference_id, actor=actor, as_of=as_of)
    return DifferenceState(state).label


def _close(difference_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    statements.close(difference_id=difference_id, reason=reason, actor=actor, as_of=as_of)
    return DifferenceState.CLOSED.label


@admin.register(Statement)
class StatementAdmin(ReadOnlyAdmin):
    region_path = None  # a file holds the whole operator's money
    list_display = (
        "shown_day",
        "channel",
        "merchant",
        "coverage",
        "version",
        "payments",
        "sum_paid",
        "refunds",
        "imported",
    )
    list_filter = (known_values("gateway", _("渠道"), lambda: _channels().items()), ("day", WhenFilter))
    list_display_links = ("version",)  # the day leads to its own page
    ordering = ("-day", "-id")
    fields = (
        "page_of_day",
        "channel",
        "merchant",
        "day",
        "coverage",
        "version",
        "payments",
        "sum_paid",
        "refunds",
        "sum_refunded",
        "fees",
        "file_name",
        "sha256",
        "imported_by",
        "imported",
    )
    channel = gateway_name
    sum_paid = amount("payment_cents", _("支付金额"))
    sum_refunded = amount("refund_cents", _("退款金额"))
    fees = amount("fee_cents", _("手续费"))
    imported = moment("imported_at", _("导入时间"))

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        return [
            path("day/", site.admin_view(self.latest_view), name="billing_statement_latest"),
            path(
                "day/<slug:gateway>/<str:day>/", site.admin_view(self.day_view), name="billing_statement_day"
            ),
            *super().get_urls(),
        ]

    @admin.display(description=_("账单日"), ordering="day")
    def shown_day(self, statement: Statement) -> SafeString:
        address = day_url(statement.gateway, statement.day)
        return format_html('<a class="backoffice-link" href="{}">{}</a>', address, statement.day.isoformat())

    @admin.display(description=_("当日对账"))
    def page_of_day(self, statement: Statement) -> SafeString:
        address = day_url(statement.gateway, statement.day)
        return format_html(
            '<a class="backoffice-link" href="{}">{}</a>', address, gettext("查看当日对账结果")
        )

    def _sees_all(self, request: HttpRequest) -> bool:
        """A statement's sums are the whole operator's."""
        return scopes.of(request.user, *self.viewing()).is_everything

    def latest_view(self, request: HttpRequest) -> HttpResponse:
        """Leads to the newest day there is."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = reads.newest() if self._sees_all(request) else None
        if found is None:
            return HttpResponseRedirect(reverse("admin:billing_statement_changelist"))
        return HttpResponseRedirect(day_url(found.gateway, found.day))

    def day_view(self, request: HttpRequest, gateway: str, day: str) -> HttpResponse:
        """One channel's day: what it said, how that agreed with the books, and each difference."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if not self._sees_all(request):
            raise Http404
        found = reads.of_day(_known(gateway), _day(day))
        shown = Paginator(found.differences, PER_PAGE).get_page(request.GET.get("p"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": pgettext("page", "渠道对账"),
            "found": found,
            "channels": [
                {"code": code, "name": name, "url": day_url(code, found.day)}
                for code, name in _channels().items()
            ],
            "name": _channels()[gateway],
            "earlier": found.earlier and day_url(gateway, found.earlier),
            "later": found.later and day_url(gateway, found.later),
            "page": shown,
            "entries": [_entry(request, row) for row in shown],
        }
        return TemplateResponse(request, "backoffice/statement_day.html", context)


class DifferenceHistoryInline(ReadOnlyInline):
    model = DifferenceHistory
    verbose_name_plural = _("状态记录")
    fields = ("shown_at", "from_state", "to_state", "actor", "reason")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


@admin.register(StatementDifference)
class StatementDifferenceAdmin(ReadOnlyAdmin):
    region_path = ("receipt__account__region", "payment__account__region", "refund__receipt__account__region")
    list_display = (
        "trade_no",
        "channel",
        "kind",
        "shown_verdict",
        "in_file",
        "in_books",
        "shown_at",
        "shown_state",
    )
    list_filter = (
        "state",
        "verdict",
        "kind",
        known_values("gateway", _("渠道"), lambda: _channels().items()),
    )
    search_fields = ("trade_no", "payment__reference")
    search_help_text = _("渠道交易号或支付单号（完整）")
    ordering = ("-id",)
    fields = (
        "page_of_day",
        "channel",
        "kind",
        "verdict",
        "state",
        "trade_no",
        "reference",
        "request_no",
        "in_file",
        "in_books",
        "both_states",
        "product",
        "shown_at",
        "payment",
        "receipt",
        "refund",
        "found",
        "ended",
    )
    inlines = (DifferenceHistoryInline,)
    channel = gateway_name
    in_file = amount("channel_cents", _("渠道金额"))
    in_books = amount("hall_cents", _("我方金额"))
    shown_at = moment("at", _("发生时间"))
    found = moment("found_at", _("发现时间"))
    ended = moment("ended_at", _("了结时间"))
    shown_state = badge("state", _("状态"), STATE_TONES)
    shown_verdict = badge("verdict", _("差异"), VERDICT_TONES)
    reasoned = (
        Reasoned(
            name="ask",
            title=_("向渠道查询"),
            explanation=_("对账单没有签名，不能据以入账：向渠道查询这笔订单，按渠道的答复入账。"),
            permission="billing.change_statementdifference",
            applies=statements.can_ask,
            carry_out=_ask,
            icon="sync",
            asks_outside=True,
        ),
        Reasoned(
            name="close",
            title=_("标记为已处理"),
            explanation=_("只在差异已在别处处理完时使用（例如已退款、已与渠道核实）。不会动账。"),
            permission="billing.change_statementdifference",
            applies=lambda row: row.state == DifferenceState.OPEN,
            carry_out=_close,
            icon="task_alt",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        details = request.resolver_match and str(request.resolver_match.url_name).endswith("_change")
        return rows.select_related("statement", "line", "payment", "receipt", "refund") if details else rows

    @admin.display(description=_("当日对账"))
    def page_of_day(self, row: StatementDifference) -> SafeString:
        address = day_url(row.gateway, row.statement.day)
        return format_html(
            '<a class="backoffice-link" href="{}">{}</a>', address, row.statement.day.isoformat()
        )

    @admin.display(description=_("状态（渠道 / 我方）"))
    def both_states(self, row: StatementDifference) -> str:
        return row.detail

    @admin.display(description=_("商品"))
    def product(self, row: StatementDifference) -> str:
        return row.line.product if row.line else ""


def _entry(request: HttpRequest, row: StatementDifference) -> dict[str, Any]:
    """A line of the page, with links to what this member of staff may see and do."""
    page: Any = admin.site._registry[StatementDifference]
    links = [
        (label, url)
        for label, permission, url in (
            (_("支付"), "billing.view_payment", row.payment_id and _change_url("payment", row.payment_id)),
            (_("收款"), "billing.view_receipt", row.receipt_id and _change_url("receipt", row.receipt_id)),
        )
        if url and request.user.has_perm(permission)
    ]
    may_open = page.has_view_permission(request)
    return {
        "row": row,
        "tone": VERDICT_TONES[row.verdict] if row.state == DifferenceState.OPEN else STATE_TONES[row.state],
        "url": _change_url("statementdifference", row.pk) if may_open else "",
        "links": links,
        "acts": reasoned.buttons(page, request, row),
    }


def _change_url(model: str, pk: int) -> str:
    return reverse(f"admin:billing_{model}_change", args=[pk])


def _channels() -> dict[str, str | Promise]:
    """The channels that write statements, with their names for people."""
    return {code: name for code, name in registry.codes() if code in reader.CHANNELS}


def _known(gateway: str) -> str:
    if gateway not in _channels():
        raise Http404
    return gateway


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Http404 from error
