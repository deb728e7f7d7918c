"""After the line was cut: bringing it back, debts given up, and the customer who says that it was wrong."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import BillingAccount, Region
from arrears.escalation_laws import AnsweredInTime, ClosedByAnother, SaidStays, StepsAreTold
from arrears.models.plans import Warrant
from arrears.reinstall_laws import DecidedByAnother
from billing.models import Bill
from catalog.models import Subscription
from core import periods
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.models import Approval, Upload
from core.statemachine import Machine
from operations.models import Slip

MOST_MONTHS = 120
ESCALATION_DAYS = 15  # within which whoever disputes is answered
# What of an approval stands in the row that it is for.
_RULE = """(NEW.region_id IS NOT DISTINCT FROM (p.data ->> 'region_id')::bigint
    AND NEW.months = (p.data ->> 'months')::int AND NEW.text = p.data ->> 'text'
    AND NEW.active_from = (p.data ->> 'active_from')::date
    AND NEW.active_to IS NOT DISTINCT FROM nullif(p.data ->> 'active_to', '')::date)"""
_OVERRIDE = """(p.object_type = 'accounts.BillingAccount' AND p.object_id = NEW.account_id::text
    AND NEW.rule_id = (p.data ->> 'rule_id')::bigint AND NEW.authority = p.data ->> 'authority'
    AND NEW.document_id = (p.data ->> 'document_id')::bigint
    AND NEW.actor = p.requested_by AND NEW.at = p.decided_at)"""


class ReinstallRule(models.Model):
    """不允许复装: who was disconnected for arrears gets no new line for some months. Dated, per region."""

    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: everywhere
    months = models.PositiveSmallIntegerField(_("月数"))  # calendar months after the disconnection
    text = models.CharField(_("规则说明"), max_length=300)  # what the customer is told
    active_from = models.DateField(_("生效日"))
    active_to = models.DateField(_("失效日"), null=True, blank=True)  # first day without it; null: open end
    approval = models.ForeignKey(
        Approval, verbose_name=_("审批"), on_delete=models.PROTECT, related_name="+"
    )  # one asked, another decided

    class Meta:
        verbose_name = _("复装限制")
        verbose_name_plural = pgettext_lazy("plural", "复装限制")
        permissions = [("approve_reinstallrule", _("批准复装限制"))]
        constraints = [
            periods.in_order(name="reinstall_rule_period"),
            models.CheckConstraint(
                condition=Q(months__gte=1, months__lte=MOST_MONTHS), name="reinstall_rule_months"
            ),
        ]
        triggers = [
            NeverDelete(name="reinstall_rule_never_deleted"),
            Fixed(
                name="reinstall_rule_fixed",
                columns=("region_id", "months", "text", "active_from", "approval_id"),
            ),
            periods.EndsInFuture(name="reinstall_rule_ends_in_future"),
            DecidedByAnother(name="reinstall_rule_by_two", kind="arrears.reinstall_rule", says=_RULE),
        ]

    def __str__(self) -> str:
        return self.text


class ReinstallOverride(models.Model):
    """A named authority lets one account have its line again in spite of the rule; a second person has agreed.

    It counts for what had been cut by then. Who is cut again asks again.
    """

    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="reinstall_overrides"
    )
    rule = models.ForeignKey(
        ReinstallRule, verbose_name=_("复装限制"), on_delete=models.PROTECT, related_name="overrides"
    )
    authority = models.CharField(_("决定人及职务"), max_length=100)
    document = models.OneToOneField(
        Upload, verbose_name=_("批准文件"), on_delete=models.PROTECT, related_name="+"
    )  # his decision in writing
    reason = models.CharField(_("原因"), max_length=300)
    approval = models.ForeignKey(Approval, verbose_name=_("审批"), on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(_("操作人"), max_length=80)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("复装限制豁免")
        verbose_name_plural = pgettext_lazy("plural", "复装限制豁免")
        permissions = [("approve_reinstalloverride", _("批准复装限制豁免"))]
        constraints = [models.UniqueConstraint(fields=["approval"], name="reinstall_override_once")]
        triggers = [
            AppendOnly(name="reinstall_override_append_only"),
            DecidedByAnother(
                name="reinstall_override_by_two", kind="arrears.reinstall_override", says=_OVERRIDE
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.rule_id}"


class WriteOff(models.Model):
    """坏账核销: what is owed on a bill is given up, approved by a second person. The bill's adjustment is billing's."""

    bill = models.OneToOneField(Bill, verbose_name=_("账单"), on_delete=models.PROTECT, related_name="+")
    amount_cents = models.BigIntegerField(_("核销金额"))
    approval = models.ForeignKey(Approval, verbose_name=_("审批"), on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(_("原因"), max_length=300)
    actor = models.CharField(_("操作人"), max_length=80)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("坏账核销")
        verbose_name_plural = pgettext_lazy("plural", "坏账核销")
        permissions = [("approve_writeoff", _("批准坏账核销"))]
        constraints = [models.CheckConstraint(condition=Q(amount_cents__gt=0), name="write_off_positive")]
        triggers = [AppendOnly(name="write_off_append_only")]

    def __str__(self) -> str:
        return f"{self.bill_id} {self.amount_cents}"


class EscalationState(models.TextChoices):
    OPEN = "OPEN", _("待受理")
    WORKING = "WORKING", _("调查中")
    ANSWERED = "ANSWERED", _("已答复")
    CLOSED = "CLOSED", _("已结案")


_E = EscalationState
ESCALATION_MACHINE = Machine(
    name="escalation",
    initial=_E.OPEN,
    transitions={
        _E.OPEN: frozenset({_E.WORKING}),
        _E.WORKING: frozenset({_E.ANSWERED}),
        _E.ANSWERED: frozenset({_E.WORKING, _E.CLOSED}),
        _E.CLOSED: frozenset({_E.WORKING}),
    },
)


class EscalationSource(models.TextChoices):
    CUSTOMER = "CUSTOMER", _("客户申诉")
    SUPERIOR = "SUPERIOR", _("上级转办")
    REGULATOR = "REGULATOR", _("监管机构")
    MEDIA = "MEDIA", _("媒体")


class EscalationCause(models.TextChoices):
    NOT_TOLD = "NOT_TOLD", _("未告知或通知未到")
    PAID_BEFORE = "PAID_BEFORE", _("停机或拆机前已缴费")
    WRONG_BILL = "WRONG_BILL", _("账单有误")
    WRONG_LINE = "WRONG_LINE", _("拆错号码")
    LAWFUL = "LAWFUL", _("处理合规")
    OTHER = "OTHER", _("其他")


class Escalation(models.Model):
    """A disputed disconnection or suspension, with its evidence and a clock of 15 days. One owner at a time."""

    number = models.CharField(_("申诉编号"), max_length=32, unique=True)
    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="escalations"
    )
    subscription = models.ForeignKey(
        Subscription,
        verbose_name=_("订购关系"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # null: it is about the account
    warrant = models.ForeignKey(
        Warrant, verbose_name=_("拆机依据"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: nothing was disconnected
    slip = models.ForeignKey(
        Slip, verbose_name=_("受理单"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: recorded by staff
    source = models.CharField(_("来源"), max_length=10, choices=EscalationSource.choices)
    state = models.CharField(_("状态"), max_length=10, choices=_E.choices, default=_E.OPEN)
    text = models.CharField(_("诉求"), max_length=1000)
    opened_at = models.DateTimeField(_("受理时间"))
    due_on = models.DateField(_("最晚答复日"))  # 15 days by default
    first_handler = models.CharField(
        _("原经办人"), max_length=80, blank=True, default=""
    )  # must not close it
    owner = models.CharField(_("处理人"), max_length=80, blank=True, default="")  # empty: nobody has taken it
    offered_to = models.CharField(
        _("待接手人"), max_length=80, blank=True, default=""
    )  # to whom the owner hands it over; he stays owner until that one accepts. Empty: to nobody
    answer = models.CharField(_("答复"), max_length=1000, blank=True, default="")  # what the customer reads
    cause = models.CharField(
        _("原因分类"), max_length=12, choices=EscalationCause.choices, blank=True, default=""
    )  # empty: not found yet; no end without it
    closed_at = models.DateTimeField(_("结案时间"), null=True, blank=True)  # null: not closed

    class Meta:
        verbose_name = _("申诉")
        verbose_name_plural = pgettext_lazy("plural", "申诉")
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="CLOSED") | (~Q(cause="") & ~Q(answer="") & ~Q(owner=F("first_handler"))),
                name="escalation_closed_with_cause",
            ),
        ]
        indexes = [models.Index(fields=["due_on"], name="escalation_due", condition=~Q(state="CLOSED"))]
        triggers = [
            NeverDelete(name="escalation_never_deleted"),
            StartsAt(name="escalation_starts_open", machine=ESCALATION_MACHINE),
            Transitions(name="escalation_transitions", machine=ESCALATION_MACHINE),
            ClosedByAnother(name="escalation_closed_by_another"),
            StepsAreTold(name="escalation_with_history"),
            SaidStays(name="escalation_said_stays"),
            AnsweredInTime(name="escalation_answered_in_time", days=ESCALATION_DAYS),
            Fixed(
                name="escalation_fixed",
                columns=(
                    "number",
                    "account_id",
                    "subscription_id",
                    "warrant_id",
                    "slip_id",
                    "source",
                    "text",
                    "opened_at",
                    "due_on",
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class EscalationHistory(models.Model):
    """One step of an escalation: state, owner, words."""

    escalation = models.ForeignKey(
        Escalation, verbose_name=_("申诉"), on_delete=models.PROTECT, related_name="history"
    )
    from_state = models.CharField(_("原状态"), max_length=10, blank=True)
    to_state = models.CharField(_("新状态"), max_length=10)
    owner = models.CharField(_("处理人"), max_length=80, blank=True, default="")
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("说明"), max_length=1000, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("申诉处理记录")
        verbose_name_plural = pgettext_lazy("plural", "申诉处理记录")
        triggers = [AppendOnly(name="escalation_history_append_only")]

    def __str__(self) -> str:
        return f"{self.escalation_id} {self.to_state}"


class EscalationPack(models.Model):
    """The evidence as it was when the escalation was opened: what came later cannot have been written for it."""

    escalation = models.OneToOneField(
        Escalation, verbose_name=_("申诉"), on_delete=models.PROTECT, related_name="pack"
    )
    digest = models.CharField(_("摘要"), max_length=64)  # the pack's own
    content = models.BinaryField(_("证据包"))  # canonical JSON, as `manage.py evidence` writes it
    made_at = models.DateTimeField(_("生成时间"))

    class Meta:
        verbose_name = _("申诉证据包")
        verbose_name_plural = pgettext_lazy("plural", "申诉证据包")
        triggers = [AppendOnly(name="escalation_pack_append_only")]

    def __str__(self) -> str:
        return f"{self.escalation_id} {self.digest[:12]}"
