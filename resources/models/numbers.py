"""Numbers that customers choose, and who has each when: periods that never overlap."""

from datetime import datetime
from typing import Self

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q
from django.db.models.functions import Reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Region
from core.db import AppendOnly, Fixed, Law, NeverDelete, refuse
from resources.rules import MOST_MONTHS


class NumberClass(models.Model):
    """A kind of number with one price: plain, nice, very nice."""

    code = models.CharField(_("等级代码"), max_length=20, unique=True)
    name = models.CharField(_("名称"), max_length=60)
    price_cents = models.PositiveBigIntegerField(
        _("选号费（分）"), default=0
    )  # once, when it is taken; 0: free
    order = models.PositiveSmallIntegerField(_("顺序"), default=0)

    class Meta:
        verbose_name = _("号码等级")
        verbose_name_plural = pgettext_lazy("plural", "号码等级")

    def __str__(self) -> str:
        return self.name


class NumberLockRule(models.Model):
    """For how many calendar months a number that was taken back stays locked: the youngest rule of the day counts.

    A class's own rule outranks the one for all.
    """

    number_class = models.ForeignKey(
        NumberClass,
        verbose_name=_("号码等级"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="lock_rules",
    )  # null: for classes that have none of their own
    months = models.PositiveSmallIntegerField(_("锁定月数"))  # 0: free the day after
    active_from = models.DateField(_("生效日期"))  # local date on which the number is taken back

    class Meta:
        verbose_name = _("号码锁定规则")
        verbose_name_plural = pgettext_lazy("plural", "号码锁定规则")
        constraints = [
            models.UniqueConstraint(
                fields=["number_class", "active_from"], name="lock_rule_once_a_day", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(months__lte=MOST_MONTHS), name="lock_rule_not_for_ever"),
        ]
        triggers = [AppendOnly(name="lock_rule_append_only")]

    def __str__(self) -> str:
        return f"{self.months} @ {self.active_from}"


class NumberQuerySet(models.QuerySet["Number"]):
    def free(self, *, as_of: datetime) -> Self:
        """Those that are offered and that nobody holds, owns or is kept from at this instant."""
        taken = NumberPeriod.objects.filter(number=OuterRef("pk"), during__contains=as_of)
        return self.filter(~Exists(taken), is_offered=True)


class Number(models.Model):
    """One number. Its row is the root lock of its periods."""

    digits = models.CharField(_("号码"), max_length=15, unique=True)
    number_class = models.ForeignKey(
        NumberClass, verbose_name=_("等级"), on_delete=models.PROTECT, related_name="numbers"
    )
    region = models.ForeignKey(Region, verbose_name=_("区域"), on_delete=models.PROTECT, related_name="+")
    is_offered = models.BooleanField(_("可选"), default=True)  # False: the operator keeps it for himself
    # What the search asks for: patterns by name, and each part of two to four digits. See resources.rules.marks.
    marks = ArrayField(models.CharField(max_length=10), verbose_name=_("检索标记"), editable=False)
    backwards = models.GeneratedField(
        expression=Reverse("digits"), output_field=models.CharField(max_length=15), db_persist=True
    )  # "ends with" is a beginning here, which an index answers

    objects = NumberQuerySet.as_manager()

    class Meta:
        verbose_name = _("号码")
        verbose_name_plural = pgettext_lazy("plural", "号码")
        permissions = [("approve_number_unlock", _("批准提前解除号码锁定"))]
        constraints = [
            models.CheckConstraint(condition=Q(digits__regex=r"^[0-9]{3,15}$"), name="number_is_digits")
        ]
        indexes = [
            GinIndex(fields=["marks"], name="number_marks"),
            models.Index(fields=["backwards"], name="number_ends", opclasses=["text_pattern_ops"]),
            models.Index(fields=["region", "number_class", "digits"], name="number_place"),
        ]
        triggers = [
            NeverDelete(name="number_never_deleted"),
            Fixed(name="number_fixed", columns=("digits",)),
        ]

    def __str__(self) -> str:
        return self.digits


class PeriodKind(models.TextChoices):
    HOLD = "HOLD", _("预占")  # a customer makes up his mind
    OWNER = "OWNER", _("使用")
    LOCK = "LOCK", _("锁定")  # taken back: nobody gets it but who had it


class KeepsItsBegin(Law):
    """A period keeps the instant at which it began: only its end moves."""

    operation = pgtrigger.UpdateOf("during")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        sentence = "a period of a number keeps its begin"
        same = "lower(NEW.during) = lower(OLD.during)"
        func = f"IF {same} THEN RETURN NEW; END IF; {refuse(name, sentence)}"
        super().__init__(name=name, func=func)


class OnlyPastHoldsGo(Law):
    """Who owned a number when stays for ever; holds that ended may be forgotten."""

    operation = pgtrigger.Delete

    def __init__(self, *, name: str) -> None:
        func = (
            "IF OLD.kind = 'HOLD' AND upper(OLD.during) < now() THEN RETURN OLD; END IF; "
            f"{refuse(name, 'only a hold that is over may be deleted')}"
        )
        super().__init__(name=name, func=func)


class LockHolds(Law):
    """Until the day that was said when a number was taken back, nobody has it but who had it, or by an early unlock."""

    operation = pgtrigger.Insert

    def __init__(self, *, name: str) -> None:
        func = (
            "IF NOT EXISTS (SELECT FROM resources_numberchange c WHERE c.number_id = NEW.number_id "
            "AND c.verb = 'TAKEN_BACK' AND c.until > lower(NEW.during) AND c.at <= lower(NEW.during) "
            "AND NOT EXISTS (SELECT FROM resources_numberchange d WHERE d.number_id = c.number_id AND d.id > c.id "
            "AND d.verb IN ('UNLOCKED', 'RESTORED', 'TAKEN_BACK'))) THEN RETURN NEW; END IF; "
            + refuse(name, "a number that was taken back is locked until the day that was said")
        )
        super().__init__(name=name, func=func)


class NumberPeriod(models.Model):
    """Who has a number from when to when. Two periods of one number never share an instant: the database sees to it."""

    number = models.ForeignKey(
        Number, verbose_name=_("号码"), on_delete=models.PROTECT, related_name="periods"
    )
    kind = models.CharField(_("性质"), max_length=6, choices=PeriodKind.choices)
    during = DateTimeRangeField(
        _("期间"), default_bounds="[)"
    )  # without an end: an owner's, until he gives it back
    # Opaque, e.g. "user:17" for a hold, "subscription:4" for an owner; of a lock: who had it before.
    holder = models.CharField(_("持有方"), max_length=80)
    cause = models.CharField(_("缘由"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("号码占用")
        verbose_name_plural = pgettext_lazy("plural", "号码占用")
        constraints = [
            ExclusionConstraint(
                name="number_had_by_one",
                expressions=[("number", RangeOperators.EQUAL), ("during", RangeOperators.OVERLAPS)],
            ),
            models.CheckConstraint(
                condition=Q(during__isempty=False, during__lower_inf=False), name="period_has_a_begin"
            ),
            models.CheckConstraint(
                condition=Q(kind="OWNER") | Q(during__upper_inf=False), name="period_only_owners_stay"
            ),
            models.CheckConstraint(condition=~Q(holder=""), name="period_has_a_holder"),
        ]
        indexes = [
            models.Index(fields=["holder", "kind"], name="period_holder"),
            models.Index(
                Func(F("during"), function="upper", output_field=models.DateTimeField()),
                name="period_past_holds",
                condition=Q(kind="HOLD"),
            ),
        ]
        triggers = [
            LockHolds(name="period_lock_holds"),
            OnlyPastHoldsGo(name="period_only_past_holds_go"),
            KeepsItsBegin(name="period_keeps_its_begin"),
            Fixed(name="period_fixed", columns=("number_id", "kind", "holder", "cause")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.holder}"

    @property
    def begins_at(self) -> datetime:
        begin = self.during.lower
        assert begin is not None  # period_has_a_begin
        return begin

    @property
    def ends_at(self) -> datetime | None:
        """None: no end is known."""
        end: datetime | None = self.during.upper
        return end


class Verb(models.TextChoices):
    HELD = "HELD", _("预占")
    EXTENDED = "EXTENDED", _("延长预占")
    RELEASED = "RELEASED", _("放弃预占")
    REAL_NAMED = "REAL_NAMED", _("实名核验")  # while it is held: who holds it has shown who he is
    PAID = "PAID", _("费用付清")  # while it is held
    ASSIGNED = "ASSIGNED", _("启用")
    MOVED = "MOVED", _("随业务变更")  # from one holding of the owner to what takes its place
    TAKEN_BACK = "TAKEN_BACK", _("收回并锁定")
    RESTORED = "RESTORED", _("恢复给原用户")
    UNLOCKED = "UNLOCKED", _("提前解锁")


class NumberChange(models.Model):
    """What was done with a number: written with it, never changed. Names no person but by reference."""

    number = models.ForeignKey(
        Number, verbose_name=_("号码"), on_delete=models.PROTECT, related_name="changes"
    )
    verb = models.CharField(_("操作"), max_length=12, choices=Verb.choices)
    until = models.DateTimeField(_("到"), null=True, blank=True)  # the end of what began; null: none is known
    channel = models.CharField(_("渠道"), max_length=20, blank=True, default="")  # empty: not by a customer
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=300, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("号码记录")
        verbose_name_plural = pgettext_lazy("plural", "号码记录")
        indexes = [models.Index(fields=["verb", "at"], name="number_change_verb")]
        triggers = [AppendOnly(name="number_change_append_only")]

    def __str__(self) -> str:
        return f"{self.number_id} {self.verb}"


class NumberSearch(models.Model):
    """That somebody looked for a number: what for and with what success, never who. The first step of the funnel."""

    at = models.DateTimeField(_("时间"))
    channel = models.CharField(_("渠道"), max_length=20)
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: anywhere
    wanted = models.CharField(
        _("条件"), max_length=60, blank=True, default=""
    )  # names of patterns; no digits
    is_found = models.BooleanField(_("有结果"))

    class Meta:
        verbose_name = _("选号查询")
        verbose_name_plural = pgettext_lazy("plural", "选号查询")
        indexes = [models.Index(fields=["at"], name="number_search_at")]

    def __str__(self) -> str:
        return f"{self.at} {self.wanted}"
