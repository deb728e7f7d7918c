"""Prices in versions, discounts by published rule, and exceptions for one account.

No price has a channel: the same customer pays the same everywhere.
"""

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import BillingAccount, Customer, Region, Segment
from catalog.choices import AfterLast, Charge
from catalog.offers.laws import FixedOncePublished, SetOncePublished, TakenBackBeforeItBegins
from catalog.offers.models import Named, Offer, ProductType
from core import periods
from core.db import Fixed, NeverDelete
from core.models import Approval


class Price(models.Model):
    """What an offer costs in a place, for a kind of customer, from day to day. Never changed: the next is a new row."""

    offer = models.ForeignKey(Offer, verbose_name=_("产品"), on_delete=models.PROTECT, related_name="prices")
    charge = models.CharField(_("费用"), max_length=8, choices=Charge.choices, default=Charge.PERIOD)
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: wherever no nearer region has a price of its own
    customer_kind = models.CharField(
        _("客户类型"), max_length=12, choices=Customer.Kind.choices, blank=True, default=""
    )  # empty: whoever has no price of his own kind
    amounts_cents = ArrayField(
        models.BigIntegerField(), verbose_name=_("金额（分）")
    )  # for the 1st, 2nd, 3rd … terminal; one amount where there is none to count
    after_last = models.CharField(
        _("其后的终端"), max_length=5, choices=AfterLast.choices, default=AfterLast.LAST
    )
    active_from = models.DateField(_("生效日"))
    active_to = models.DateField(_("失效日"), null=True, blank=True)  # first day without it; null: open end
    source = models.CharField(_("依据"), max_length=120, blank=True, default="")  # the decision that set it
    withdrawn_at = models.DateTimeField(
        _("撤回时间"), null=True, blank=True
    )  # null: it counts; else it was taken back before it began
    created_at = models.DateTimeField(_("写入时间"))

    class Meta:
        verbose_name = _("价格")
        verbose_name_plural = pgettext_lazy("plural", "价格")
        constraints = [
            periods.in_order(name="price_period"),
            models.CheckConstraint(
                condition=Q(amounts_cents__len__gte=1) & Q(amounts_cents__0__gte=0), name="price_has_amounts"
            ),
            ExclusionConstraint(
                name="price_one_at_a_time",
                expressions=[
                    ("offer", RangeOperators.EQUAL),
                    ("charge", RangeOperators.EQUAL),
                    (Coalesce("region_id", Value(0)), RangeOperators.EQUAL),
                    ("customer_kind", RangeOperators.EQUAL),
                    periods.OVERLAP,
                ],
                condition=Q(withdrawn_at__isnull=True),
            ),
        ]
        triggers = [
            NeverDelete(name="price_never_deleted"),
            TakenBackBeforeItBegins(name="price_taken_back_in_time"),
            Fixed(
                name="price_fixed",
                columns=(
                    "offer_id",
                    "charge",
                    "region_id",
                    "customer_kind",
                    "amounts_cents",
                    "after_last",
                    "active_from",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.offer_id} {self.charge} {self.active_from}"


# What a discount is worth, and to whom: it stands as it was published.
RULE_TERMS = (
    "conditions",
    "charge",
    "effect",
    "value",
    "floor_cents",
    "type_id",
    "terminals",
    "customer_kinds",
    "tiers",
    "region_id",
    "is_for_new",
    "months",
    "priority",
    "is_exclusive",
    "active_from",
)


class PriceRule(Named):
    """A published discount: for whom, on what, how much, from when to when. The same on every channel."""

    class Effect(models.TextChoices):
        PERCENT = "PERCENT", _("按百分比收取")  # 80: four fifths of the price
        MINUS = "MINUS", _("减免金额")
        FIXED = "FIXED", _("按固定金额收取")

    code = models.CharField(_("代码"), max_length=40, unique=True)
    conditions = models.TextField(_("适用条件说明"), blank=True, default="")  # part of the disclosure
    conditions_en = models.TextField(_("英文适用条件"), blank=True, default="")
    charge = models.CharField(_("费用"), max_length=8, choices=Charge.choices, default=Charge.PERIOD)
    effect = models.CharField(_("优惠方式"), max_length=8, choices=Effect.choices)
    value = models.PositiveIntegerField(_("数值"))  # percent to pay, or fen
    floor_cents = models.PositiveIntegerField(_("最低收取"), default=0)  # per month; raises no cheaper price
    offers = models.ManyToManyField(Offer, verbose_name=_("适用产品"), blank=True, related_name="rules")
    type = models.ForeignKey(
        ProductType,
        verbose_name=_("适用产品类型"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # null: the offers named
    with_offers = models.ManyToManyField(
        Offer, verbose_name=_("须同时持有"), blank=True, related_name="+"
    )  # all of them, on the same account, that day
    terminals = ArrayField(
        models.PositiveSmallIntegerField(), verbose_name=_("第几台终端"), default=list, blank=True
    )  # empty: each
    customer_kinds = ArrayField(
        models.CharField(max_length=12, choices=Customer.Kind.choices),
        verbose_name=_("客户类型"),
        default=list,
        blank=True,
    )
    tiers = ArrayField(models.CharField(max_length=20), verbose_name=_("等级"), default=list, blank=True)
    segments = models.ManyToManyField(Segment, verbose_name=_("客户群"), blank=True, related_name="+")
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: everywhere
    is_for_new = models.BooleanField(
        _("仅限活动期内新订"), default=False
    )  # the holding must have begun inside the dates; it then keeps the discount for `months`
    months = models.PositiveSmallIntegerField(
        _("优惠月数"), default=0
    )  # from the holding's first day; 0: no end
    priority = models.SmallIntegerField(_("优先级"), default=0)  # higher is taken off first
    is_exclusive = models.BooleanField(_("不与其他优惠同享"), default=False)
    active_from = models.DateField(_("生效日"))
    active_to = models.DateField(_("失效日"), null=True, blank=True)  # first day without it; null: open end
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("责任人"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # null: only while a draft
    published_at = models.DateTimeField(
        _("发布时间"), null=True, blank=True
    )  # null: draft, counts for nobody

    class Meta:
        verbose_name = _("优惠规则")
        verbose_name_plural = pgettext_lazy("plural", "优惠规则")
        permissions = [("publish_pricerule", _("发布优惠规则"))]
        constraints = [
            periods.in_order(name="price_rule_period"),
            models.CheckConstraint(
                condition=~Q(effect="PERCENT") | Q(value__lte=100), name="price_rule_percent_takes_off"
            ),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | (Q(owner__isnull=False) & ~Q(conditions="")),
                name="price_rule_published_with_owner_and_conditions",
            ),
        ]
        triggers = [
            NeverDelete(name="price_rule_never_deleted"),
            Fixed(name="price_rule_fixed", columns=("code",)),
            FixedOncePublished(name="price_rule_terms_fixed", columns=RULE_TERMS),
        ]


class RuleOffer(PriceRule.offers.through):  # type: ignore[name-defined,misc]  # Django makes the class
    """On which offers a rule works: for its law."""

    class Meta:
        proxy = True
        triggers = [SetOncePublished(name="price_rule_offers_fixed")]


class RuleWithOffer(PriceRule.with_offers.through):  # type: ignore[name-defined,misc]  # Django makes the class
    """What must be held beside: for its law."""

    class Meta:
        proxy = True
        triggers = [SetOncePublished(name="price_rule_with_offers_fixed")]


class RuleSegment(PriceRule.segments.through):  # type: ignore[name-defined,misc]  # Django makes the class
    """For whom a rule is: for its law."""

    class Meta:
        proxy = True
        triggers = [SetOncePublished(name="price_rule_segments_fixed")]


class PriceException(models.Model):
    """One account pays another price for an offer: with a reason, a second person's consent, and an end."""

    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="price_exceptions"
    )
    offer = models.ForeignKey(
        Offer, verbose_name=_("产品"), on_delete=models.PROTECT, related_name="exceptions"
    )
    charge = models.CharField(_("费用"), max_length=8, choices=Charge.choices, default=Charge.PERIOD)
    amount_cents = models.BigIntegerField(
        _("金额")
    )  # instead of the price, before rules; no rule applies to it
    reason = models.CharField(_("原因"), max_length=300)
    approval = models.OneToOneField(
        Approval, verbose_name=_("审批"), on_delete=models.PROTECT, related_name="+"
    )
    active_from = models.DateField(_("生效日"))
    active_to = models.DateField(_("失效日"))  # first day without it
    created_at = models.DateTimeField(_("写入时间"))

    class Meta:
        verbose_name = _("价格例外")
        verbose_name_plural = pgettext_lazy("plural", "价格例外")
        permissions = [("approve_priceexception", _("审批价格例外"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(active_to__gt=F("active_from")), name="price_exception_period"
            ),
            models.CheckConstraint(condition=Q(amount_cents__gte=0), name="price_exception_not_negative"),
            ExclusionConstraint(
                name="price_exception_one_at_a_time",
                expressions=[
                    ("account", RangeOperators.EQUAL),
                    ("offer", RangeOperators.EQUAL),
                    ("charge", RangeOperators.EQUAL),
                    periods.OVERLAP,
                ],
            ),
        ]
        triggers = [
            NeverDelete(name="price_exception_never_deleted"),
            Fixed(
                name="price_exception_fixed",
                columns=("account_id", "offer_id", "charge", "amount_cents", "active_from", "approval_id"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.offer_id}"
