"""The roles that come with the hall. They are data: an operator changes them, and adds his own, on the staff pages.

`ensure` makes those that are missing, and gives each permission of a release once; what an operator changed stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.db.models import Model, Q
from django.utils.translation import gettext_noop as _

from accounts.models import RoleRule

CLERK, CASHIER, FINANCE, CHIEF = _("柜员"), _("收银"), _("财务"), _("客服主管")
AUDITOR, OPERATIONS, EDITOR, ADMINISTRATOR = _("审计"), _("运营"), _("内容编辑"), _("系统管理员")
PRODUCT = _("产品经理")


@dataclass(frozen=True)
class Role:
    name: str
    purpose: str
    permissions: tuple[str, ...]  # "app.verb_model"; "app.view_*" is all that can be looked at in the room
    granted_by: tuple[str, ...] = (ADMINISTRATOR,)
    needs_second_person: bool = False


_CUSTOMERS = (
    "accounts.view_customer",
    "accounts.view_billingaccount",
    "accounts.view_contact",
    "accounts.view_region",
)
_SERVING = (
    *_CUSTOMERS,
    "operations.add_slip",
    "operations.view_slip",
    "operations.view_servingsession",
    "billing.view_bill",
    "billing.view_accountbalance",
    "billing.view_payment",
    "billing.view_receipt",
    "billing.view_dispute",
    "billing.view_refundrequest",
    "billing.view_emailsubscription",
    "billing.view_debitagreement",
    "notices.view_message",
    "notices.view_delivery",
    "content.view_article",
    "content.view_hall",
    "resources.view_number",
    "resources.view_stockitem",
    "resources.view_device",
    "resources.view_command",
    "catalog.view_offer",
    "catalog.view_price",
    "catalog.view_pricerule",
    "catalog.view_priceexception",
    "catalog.view_order",
    "catalog.view_subscription",
    "catalog.view_suspension",
    "catalog.view_pause",
    "catalog.view_pausepolicy",
    "catalog.view_termination",
    "arrears.view_arrearscase",
    "arrears.view_promise",
    "arrears.view_exemption",
    "catalog.view_family",
    "catalog.view_familymember",
    "catalog.view_familyinvitation",
    "accounts.view_standing",
    "accounts.view_segment",
    "accounts.view_segmentmembership",
)
# Who heads a place decides about its accounts; finance writes the rules and asks to give debts up. Two do either.
_ARREARS_OF_CHIEF = (
    "arrears.view_disconnectplan", "arrears.add_disconnectplan", "arrears.approve_disconnectplan",
    "arrears.view_planapproval", "arrears.view_planline", "arrears.view_warrant", "arrears.view_warrantproof",
    "arrears.add_exemption",
    "arrears.approve_exemption", "arrears.view_writeoff", "arrears.approve_writeoff", "arrears.view_policy",
    "arrears.view_escalation", "arrears.add_escalation", "arrears.change_escalation",
    "arrears.view_evidenceseal", "arrears.view_authorityorder", "arrears.add_authorityorder",
    "arrears.approve_authorityorder", "arrears.view_reinstallrule", "arrears.view_reinstalloverride",
    "arrears.add_reinstalloverride", "arrears.approve_reinstalloverride",
)  # fmt: skip
_ARREARS_OF_FINANCE = (
    "arrears.view_arrearscase", "arrears.view_promise", "arrears.view_exemption", "arrears.view_writeoff",
    "arrears.add_writeoff", "arrears.approve_writeoff", "arrears.view_policy", "arrears.add_policy",
    "arrears.approve_policy", "arrears.view_reinstallrule", "arrears.add_reinstallrule",
    "arrears.approve_reinstallrule",
)  # fmt: skip
_COUNTER = (
    "billing.take_counter_money",
    "billing.view_countermoney",
    "billing.view_cashdeposit",
    "billing.view_paylink",
    "billing.change_paylink",
)
_PEOPLE = (
    "accounts.view_user",
    "accounts.view_post",
    "accounts.appoint_post",
    "accounts.view_certificate",
    "accounts.change_certificate",
    "accounts.reset_second_factor",
)
ROLES = (
    Role(
        CLERK,
        _("在营业厅为客户受理业务"),
        (*_SERVING, "accounts.add_customer"),
        (CHIEF, ADMINISTRATOR),
    ),
    Role(CASHIER, _("在营业厅收款和解款"), (*_SERVING, *_COUNTER), (CHIEF, ADMINISTRATOR)),
    Role(
        CHIEF,
        _("管理本区域的营业厅和客服，审批冲正和减免"),
        (
            *_SERVING,
            *_COUNTER,
            *_PEOPLE,
            *_ARREARS_OF_CHIEF,
            "accounts.add_customer",
            "accounts.change_billingaccount",
            "core.view_approval",
            "billing.view_counterreversal",
            "billing.approve_counter_reversal",
            "billing.change_bill",
            "billing.approve_bill",
            "billing.view_adjustment",
            "billing.change_dispute",
            "billing.view_largebill",
            "billing.change_largebill",
            "notices.change_delivery",
            "notices.view_letterlist",
            "notices.add_letterlist",
            "notices.change_letterlist",
            "content.add_hallcheck",
            "content.view_hallcheck",
            "resources.view_*",
            "resources.approve_number_unlock",
            "resources.change_numberperiod",
            "resources.add_device",
            "resources.change_device",
            "resources.change_stockitem",
            "resources.change_reservation",
            "resources.change_transfer",
            "catalog.add_priceexception",
            "catalog.approve_priceexception",
            "catalog.retry_order",
            "catalog.cancel_order",
            "catalog.change_subscription",
            "catalog.change_suspension",
            "catalog.add_termination",
            "catalog.change_familymember",
            "accounts.change_standing",
            "accounts.change_segmentmembership",
        ),
    ),
    Role(
        FINANCE,
        _("核对款项、退款和对账"),
        (
            *_CUSTOMERS,
            "billing.view_*",
            "catalog.view_billrun",
            "catalog.view_billrunfailure",
            "catalog.view_chargedmonth",
            "catalog.view_recharge",
            "catalog.view_carriedforward",
            "core.view_approval",
            "operations.view_slip",
            "billing.change_receipt",
            "billing.approve_receipt",
            "billing.change_refundrequest",
            "billing.approve_refund",
            "billing.change_payment",
            "billing.change_gatewaycallback",
            "billing.change_statementdifference",
            "billing.add_penaltypolicy",
            "billing.change_penaltypolicy",
            *_ARREARS_OF_FINANCE,
        ),
    ),
    Role(
        AUDITOR,
        _("查看一切，包括审计记录；不能改动任何内容"),
        (
            "accounts.view_*",
            "arrears.view_*",
            "auth.view_*",
            "billing.view_*",
            "catalog.view_*",
            "content.view_*",
            "core.view_*",
            "notices.view_*",
            "operations.view_*",
            "resources.view_*",
        ),
    ),
    Role(
        OPERATIONS,
        _("看护系统运行、通知和工作日历"),
        (
            "core.view_heartbeat",
            "core.view_outboxrow",
            "core.change_outboxrow",
            "core.view_calendarday",
            "core.add_calendarday",
            "core.change_calendarday",
            "arrears.view_arrearscase",
            "notices.view_*",
            "notices.add_template",
            "notices.add_trigger",
            "notices.change_trigger",
            "notices.change_delivery",
            "notices.add_letterlist",
            "notices.change_letterlist",
            "billing.view_gatewaycallback",
            "billing.change_gatewaycallback",
            "billing.view_payment",
            "billing.change_payment",
            "operations.view_slip",
            "catalog.view_*",
            "accounts.view_segment",
            "accounts.add_segment",
            "accounts.change_segment",
            "resources.view_*",
            "resources.change_command",
            "resources.add_number",
            "resources.change_number",
            "resources.add_numberclass",
            "resources.change_numberclass",
            "resources.add_numberlockrule",
            "resources.add_stockitem",
            "resources.change_stockitem",
        ),
    ),
    Role(
        EDITOR,
        _("撰写和发布公告、帮助和营业厅信息"),
        (
            "content.view_*",
            "content.add_article",
            "content.change_article",
            "content.publish_article",
            "content.add_section",
            "content.change_section",
            "content.add_hall",
            "content.change_hall",
            "accounts.view_region",
        ),
    ),
    Role(
        PRODUCT,
        _("编写、定价和发布产品与优惠"),
        (
            "accounts.view_region",
            "accounts.view_segment",
            "content.view_article",
            "core.view_approval",
            "catalog.view_producttype",
            "catalog.add_producttype",
            "catalog.change_producttype",
            "catalog.view_offerseries",
            "catalog.add_offerseries",
            "catalog.change_offerseries",
            "catalog.view_tier",
            "catalog.add_tier",
            "catalog.change_tier",
            "catalog.view_productspecification",
            "catalog.add_productspecification",
            "catalog.change_productspecification",
            "catalog.add_specificationfeature",
            "catalog.change_specificationfeature",
            "catalog.view_offer",
            "catalog.add_offer",
            "catalog.change_offer",
            "catalog.publish_offer",
            "catalog.add_offerrelation",
            "catalog.change_offerrelation",
            "catalog.view_price",
            "catalog.add_price",
            "catalog.view_pricerule",
            "catalog.add_pricerule",
            "catalog.change_pricerule",
            "catalog.publish_pricerule",
            "catalog.view_priceexception",
            "catalog.add_priceexception",
            "catalog.view_pause",
            "catalog.view_pausepolicy",
            "catalog.add_pausepolicy",
            "catalog.change_pausepolicy",
        ),
    ),
    Role(
        ADMINISTRATOR,
        _("任免员工、管理区域和证书，不办理业务"),
        (
            *_PEOPLE,
            "accounts.approve_post",
            "accounts.view_region",
            "accounts.add_region",
            "accounts.change_region",
            "auth.view_group",
            "core.view_approval",
            "core.view_auditrow",
            "core.view_heartbeat",
        ),
        needs_second_person=True,
    ),
)


def ensure(sender: AppConfig | None = None, **more: Any) -> None:
    """The roles of ROLES exist with all that this release gives. Called after each migrate, nothing half-way there.

    A permission is given to a role once: what an operator took out of it since is not put back.
    """
    if RoleRule._meta.db_table not in connection.introspection.table_names():
        return
    with transaction.atomic():
        known = {rule.role.name: rule for rule in RoleRule.objects.select_related("role")}
        taken = (
            set(Group.objects.values_list("name", flat=True)) - known.keys()
        )  # an operator's own, of that name
        new = [role for role in ROLES if role.name not in known and role.name not in taken]
        known |= {role.name: _created(role) for role in new}
        groups = {group.name: group for group in Group.objects.all()}
        for role in new:
            known[role.name].granted_by.set(groups[name] for name in role.granted_by)
        for role in ROLES:
            if role.name in known:
                _give(known[role.name], role)


def _created(role: Role) -> RoleRule:
    group = Group.objects.create(name=role.name)
    return RoleRule.objects.create(
        role=group, needs_second_person=role.needs_second_person, purpose=role.purpose
    )


def _give(rule: RoleRule, role: Role) -> None:
    """What the role has in this release and was never offered."""
    offered = set(rule.offered)
    found = {_name(each): each for each in _permissions(role.permissions)}
    if fresh := found.keys() - offered:
        rule.role.permissions.add(*(found[name] for name in fresh))
        rule.offered = sorted(offered | fresh)
        rule.save(update_fields=["offered"])


def _name(permission: Permission) -> str:
    return f"{permission.content_type.app_label}.{permission.codename}"


def _permissions(names: Iterable[str]) -> list[Permission]:
    wanted = Q(pk__in=[])
    for name in names:
        app, _dot, code = name.partition(".")
        for page in _pages(app, code):
            for model in (page.model, *_inside(page)):
                wanted |= _to(model._meta.app_label, f"view_{model._meta.model_name}")
        if code != "view_*":
            wanted |= _to(app, code)
    return list(Permission.objects.filter(wanted).select_related("content_type"))


def _to(app: str, code: str) -> Q:
    return Q(content_type__app_label=app, codename=code)


def _pages(app: str, code: str) -> list[Any]:
    """The staff pages that this permission lets somebody look at."""
    pages = [page for model, page in admin.site._registry.items() if model._meta.app_label == app]
    return [page for page in pages if code in ("view_*", f"view_{page.opts.model_name}")]


def _inside(page: Any) -> list[type[Model]]:
    """The rows that the page shows within its object and that have no page of their own."""
    return [inline.model for inline in page.inlines if not admin.site.is_registered(inline.model)]
