"""The staff side of the front door: its menu, its first page, and the content policy that its theme needs."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts import posts
from arrears.admin import board
from billing.admin import channel_months
from billing.views import counter
from catalog.orders import admin as orders
from core import approval_desk, clock, scopes
from core.errors import HallError
from hall.selectors import dashboard as figures
from notices import failure_pages, letter_admin
from operations import channel_page
from operations.serving import rights
from operations.serving import views as serving
from resources.admin import funnel

Item = tuple[str, str, str | Promise]  # model label, icon, title

MENU: tuple[tuple[str | Promise, tuple[Item, ...]], ...] = (
    (
        _("业务受理"),
        (
            ("operations.slip", "assignment", pgettext_lazy("plural", "受理单")),
            ("operations.servingsession", "support_agent", pgettext_lazy("plural", "代客办理")),
        ),
    ),
    (
        _("产品与资费"),
        (
            ("catalog.offer", "sell", pgettext_lazy("plural", "资费产品")),
            ("catalog.price", "price_change", pgettext_lazy("plural", "价格")),
            ("catalog.pricerule", "loyalty", pgettext_lazy("plural", "优惠规则")),
            ("catalog.priceexception", "request_quote", pgettext_lazy("plural", "价格例外")),
            ("catalog.producttype", "category", pgettext_lazy("plural", "产品类型")),
            ("catalog.offerseries", "view_agenda", pgettext_lazy("plural", "产品系列")),
            ("catalog.productspecification", "inventory_2", pgettext_lazy("plural", "产品规格")),
            ("catalog.tier", "military_tech", pgettext_lazy("plural", "等级名称")),
        ),
    ),
    (
        _("客户与户号"),
        (
            ("accounts.customer", "groups", pgettext_lazy("plural", "客户")),
            ("accounts.billingaccount", "home_work", pgettext_lazy("plural", "户号")),
            ("accounts.contact", "contact_phone", pgettext_lazy("plural", "联系方式")),
            ("accounts.standing", "military_tech", pgettext_lazy("plural", "客户等级")),
            ("accounts.segment", "category", pgettext_lazy("plural", "客户群")),
            ("accounts.segmentmembership", "group_work", pgettext_lazy("plural", "客户群成员")),
            ("accounts.region", "map", pgettext_lazy("plural", "区域")),
        ),
    ),
    (
        _("在用业务"),
        (
            ("catalog.order", "shopping_cart", pgettext_lazy("plural", "订单")),
            ("catalog.subscription", "live_tv", pgettext_lazy("plural", "订购关系")),
            ("catalog.suspension", "pause_circle", pgettext_lazy("plural", "停机")),
            ("catalog.pause", "motion_photos_paused", pgettext_lazy("plural", "停机保号")),
            ("catalog.pausepolicy", "rule", pgettext_lazy("plural", "停机保号规则")),
            ("catalog.termination", "cancel", pgettext_lazy("plural", "终止")),
            ("catalog.family", "family_restroom", pgettext_lazy("plural", "家庭或集团")),
            ("catalog.familymember", "group", pgettext_lazy("plural", "家庭成员")),
            ("catalog.familyinvitation", "person_add", pgettext_lazy("plural", "家庭邀请")),
        ),
    ),
    (
        _("欠费"),
        (
            ("arrears.arrearscase", "warning", pgettext_lazy("plural", "欠费案")),
            ("arrears.promise", "schedule", pgettext_lazy("plural", "延期缴费")),
            ("arrears.exemption", "shield", pgettext_lazy("plural", "欠费豁免")),
            ("arrears.writeoff", "money_off", pgettext_lazy("plural", "坏账核销")),
            ("arrears.policy", "rule", pgettext_lazy("plural", "欠费策略")),
            ("arrears.disconnectplan", "playlist_remove", pgettext_lazy("plural", "拆机计划")),
            ("arrears.planline", "list", pgettext_lazy("plural", "拆机计划明细")),
            ("arrears.warrant", "gavel", pgettext_lazy("plural", "拆机依据")),
            ("arrears.authorityorder", "account_balance", pgettext_lazy("plural", "主管部门指令")),
            ("arrears.reinstallrule", "block", pgettext_lazy("plural", "复装限制")),
            ("arrears.reinstalloverride", "lock_open", pgettext_lazy("plural", "复装限制豁免")),
            ("arrears.escalation", "campaign", pgettext_lazy("plural", "申诉")),
            ("arrears.evidenceseal", "verified", pgettext_lazy("plural", "证据封存")),
            ("arrears.evidenceroot", "account_tree", pgettext_lazy("plural", "每日根摘要")),
            ("arrears.sealfailure", "gpp_maybe", pgettext_lazy("plural", "封存失败")),
        ),
    ),
    (
        _("账单与收款"),
        (
            ("billing.bill", "receipt_long", pgettext_lazy("plural", "账单")),
            ("catalog.billrun", "event_repeat", pgettext_lazy("plural", "出账批次")),
            ("catalog.billrunfailure", "error", pgettext_lazy("plural", "出账失败")),
            ("catalog.chargedmonth", "calculate", pgettext_lazy("plural", "月度计费")),
            ("catalog.recharge", "restart_alt", pgettext_lazy("plural", "待重算账期")),
            ("catalog.carriedforward", "forward", pgettext_lazy("plural", "结转")),
            ("billing.dispute", "contact_support", pgettext_lazy("plural", "账单异议")),
            ("billing.largebill", "trending_up", pgettext_lazy("plural", "巨额账单")),
            ("billing.debitagreement", "autopay", pgettext_lazy("plural", "代扣协议")),
            ("billing.emailsubscription", "forward_to_inbox", pgettext_lazy("plural", "电子账单订阅")),
            ("billing.payment", "payments", pgettext_lazy("plural", "支付")),
            ("billing.gatewaycallback", "webhook", pgettext_lazy("plural", "支付回调")),
            ("billing.receipt", "receipt", pgettext_lazy("plural", "收款")),
            ("billing.allocation", "task_alt", pgettext_lazy("plural", "销账")),
            ("billing.refundrequest", "currency_exchange", pgettext_lazy("plural", "退款申请")),
            ("billing.refund", "undo", pgettext_lazy("plural", "退款")),
            ("billing.receipttransfer", "move_up", pgettext_lazy("plural", "收款转户")),
            ("billing.adjustment", "money_off", pgettext_lazy("plural", "调账")),
            ("billing.penaltypolicy", "percent", pgettext_lazy("plural", "违约金规则")),
            ("billing.statement", "fact_check", pgettext_lazy("plural", "对账单")),
            ("billing.statementdifference", "difference", pgettext_lazy("plural", "对账差异")),
            ("billing.countermoney", "point_of_sale", pgettext_lazy("plural", "柜台收款")),
            ("billing.counterreversal", "undo", pgettext_lazy("plural", "柜台冲正")),
            ("billing.cashdeposit", "account_balance", pgettext_lazy("plural", "现金解款")),
            ("billing.paylink", "add_link", pgettext_lazy("plural", "缴费链接")),
            ("billing.ledgerentry", "menu_book", _("账务流水")),
            ("billing.accountbalance", "account_balance_wallet", pgettext_lazy("plural", "账户余额")),
        ),
    ),
    (
        _("号码、库存与开通"),
        (
            ("resources.number", "dialpad", pgettext_lazy("plural", "号码")),
            ("resources.numberperiod", "event_busy", pgettext_lazy("plural", "号码占用")),
            ("resources.numberchange", "history", pgettext_lazy("plural", "号码记录")),
            ("resources.numberclass", "grade", pgettext_lazy("plural", "号码等级")),
            ("resources.numberlockrule", "lock_clock", pgettext_lazy("plural", "号码锁定规则")),
            ("resources.numbersearch", "search", pgettext_lazy("plural", "选号查询")),
            ("resources.stockitem", "inventory_2", pgettext_lazy("plural", "库存")),
            ("resources.reservation", "bookmark", pgettext_lazy("plural", "库存预留")),
            ("resources.transfer", "local_shipping", pgettext_lazy("plural", "调拨")),
            ("resources.stockmove", "swap_vert", pgettext_lazy("plural", "库存流水")),
            ("resources.lowstock", "notification_important", pgettext_lazy("plural", "低库存告警")),
            ("resources.device", "router", pgettext_lazy("plural", "设备")),
            ("resources.command", "power", pgettext_lazy("plural", "开通指令")),
        ),
    ),
    (
        _("内容与营业厅"),
        (
            ("content.article", "article", pgettext_lazy("plural", "文章")),
            ("content.section", "view_quilt", pgettext_lazy("plural", "栏目")),
            ("content.contenttask", "task", pgettext_lazy("plural", "内容任务")),
            ("content.hall", "storefront", pgettext_lazy("plural", "营业厅")),
            ("content.hallcheck", "checklist", pgettext_lazy("plural", "营业厅检查")),
            ("content.picture", "image", pgettext_lazy("plural", "图片")),
            ("content.searchmiss", "search_off", pgettext_lazy("plural", "无结果搜索")),
            ("content.searchitem", "search", pgettext_lazy("plural", "搜索条目")),
        ),
    ),
    (
        pgettext_lazy("plural", "通知"),
        (
            ("notices.delivery", "send", pgettext_lazy("plural", "发送")),
            ("notices.message", "mail", pgettext_lazy("plural", "通知")),
            ("notices.deliveryreceipt", "mark_email_read", pgettext_lazy("plural", "送达回执")),
            ("notices.letterlist", "local_post_office", pgettext_lazy("plural", "寄信清单")),
            ("notices.template", "edit_note", pgettext_lazy("plural", "通知模板")),
            ("notices.trigger", "campaign", pgettext_lazy("plural", "主动提醒")),
            ("notices.inboxmark", "mark_chat_read", pgettext_lazy("plural", "已读标记")),
        ),
    ),
    (
        _("系统"),
        (
            ("core.outboxrow", "outbox", _("消息出站")),
            ("core.heartbeat", "monitor_heart", pgettext_lazy("plural", "任务心跳")),
            ("core.calendarday", "calendar_month", pgettext_lazy("plural", "工作日例外")),
            ("core.approval", "how_to_reg", pgettext_lazy("plural", "审批")),
            ("core.auditrow", "policy", _("审计记录")),
            ("accounts.user", "person", pgettext_lazy("plural", "用户")),
            ("accounts.post", "work_history", pgettext_lazy("plural", "任职")),
            ("accounts.certificate", "badge", pgettext_lazy("plural", "岗位合格证")),
            ("auth.group", "shield_person", pgettext_lazy("plural", "角色")),
        ),
    ),
)


def may_see(request: HttpRequest, label: str) -> bool:
    """Whether this member of staff may look at rows of that model."""
    app, model = label.split(".")
    user = request.user
    return user.has_perm(f"{app}.view_{model}") or user.has_perm(f"{app}.change_{model}")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar: the rooms in which there is something to see for this member of staff."""
    first = {"title": _("工作台"), "icon": "space_dashboard", "link": reverse("admin:index")}
    items = [first]
    if approval_desk.may_open(request.user):
        items.append({"title": _("待审批"), "icon": "how_to_reg", "link": reverse(approval_desk.URL)})
    if serving.may_open(request):
        items.append({"title": _("代客办理"), "icon": "support_agent", "link": reverse(serving.DESK)})
    if orders.may_open(request.user):
        items.append({"title": _("订单流转"), "icon": "conveyor_belt", "link": reverse(orders.URL)})
    if counter.may_open(request):
        items.append({"title": _("柜台收款"), "icon": "point_of_sale", "link": reverse(counter.DESK)})
        items.append({"title": _("现金与解款"), "icon": "account_balance", "link": reverse(counter.TILL)})
    if may_see(request, "billing.receipt"):
        items.append({"title": _("渠道收款月报"), "icon": "monitoring", "link": reverse(channel_months.URL)})
    if may_see(request, "notices.letterlist"):
        items.append({"title": _("信函"), "icon": "local_post_office", "link": reverse(letter_admin.URL)})
    if may_see(request, "notices.delivery"):
        items.append({"title": _("未送达的通知"), "icon": "sms_failed", "link": reverse(failure_pages.URL)})
    if board.may_open(request.user):
        items.append({"title": _("催缴看板"), "icon": "dashboard", "link": reverse(board.URL)})
    if may_see(request, "arrears.escalation"):
        items.append(
            {"title": _("申诉工作台"), "icon": "campaign", "link": reverse("admin:arrears_escalation_desk")}
        )
    if channel_page.may_open(request.user):
        items.append({"title": _("渠道规范"), "icon": "rule", "link": reverse(channel_page.URL)})
    if funnel.may_open(request.user):
        items.append({"title": _("选号开户漏斗"), "icon": "filter_alt", "link": reverse(funnel.URL)})
    if may_see(request, "core.heartbeat"):
        items.append(
            {"title": _("运行状态"), "icon": "vital_signs", "link": reverse("admin:core_heartbeat_status")}
        )
    groups: list[dict[str, Any]] = [{"title": "", "items": items}]
    for title, entries in MENU:
        shown = [
            {"title": text, "icon": icon, "link": changelist(label)}
            for label, icon, text in entries
            if may_see(request, label)
        ]
        if shown:
            groups.append({"title": title, "items": shown, "separator": True})
    return groups


def changelist(label: str, query: str = "") -> str:
    """The address of a model's list, with a query string."""
    try:
        address = reverse(f"admin:{label.replace('.', '_')}_changelist")
    except NoReverseMatch:
        return ""
    return f"{address}?{query}" if query else address


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows: only the figures whose rows this member of staff may see."""
    as_of, sight = clock.now(), scopes.sight(request.user)
    return context | {
        "as_of": as_of,
        "cards": [
            card | {"url": changelist(label, card["query"])}
            for label, read in figures.CARDS
            if may_see(request, label)
            for card in read(as_of, sight)
        ],
        "collected": figures.collected(as_of, sight) if may_see(request, "billing.receipt") else None,
        "jobs": figures.jobs(as_of) if _sees_jobs(request) else None,
        "certificate": _certificate(request.user, as_of),
    }


def _sees_jobs(request: HttpRequest) -> bool:
    return scopes.of(request.user, "core.view_heartbeat", "core.change_heartbeat").is_everything


def _certificate(user: Any, as_of: datetime) -> str:
    """What the clerk should know of his certificate; "" when there is nothing, or when he needs none."""
    if user.is_superuser or not user.has_perm(rights.PERMISSION):
        return ""
    try:
        posts.check_clerk(user, as_of)
    except HallError as error:
        return error.text
    ends_on = posts.certificate_ends_on(user, as_of)
    told = gettext("您的岗位合格证有效期至 %(day)s，到期后不能受理业务，请及时换证。")
    return told % {"day": ends_on.isoformat()} if ends_on else ""


class ContentPolicyMiddleware:
    """Lets the pages of the staff theme, and no others, evaluate its expressions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        if match is not None and "admin" in match.app_names:
            response._csp_replace = settings.CSP_ADMIN_DIRECTIVES  # type: ignore[attr-defined]  # django-csp's hook
        return response
