"""What is sold: product types with their flow, specifications, offers, and how offers stand to each other."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Customer, Region, Segment
from catalog.choices import Cycle, Effect, Flow, PenaltyKind, WhileOff
from catalog.offers.laws import FixedOncePublished, KeepsFlow, NeedsFlow
from core import clock
from core.db import Fixed, NeverDelete


class Named(models.Model):
    """A name in both languages; English may be missing, then the Chinese one stands for it."""

    name = models.CharField(_("名称"), max_length=80)
    name_en = models.CharField(_("英文名称"), max_length=120, blank=True, default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        if self.name_en and not (translation.get_language() or "").startswith("zh"):
            return self.name_en
        return self.name


class ProductType(Named):
    """A kind of product, and the flow in which orders for it are carried out. New ones are data."""

    code = models.CharField(_("代码"), max_length=30, unique=True)  # e.g. "basic"; never changes once used
    flow = models.CharField(
        _("受理流程"), max_length=12, choices=Flow.choices, blank=True, default=""
    )  # empty: not decided yet; nothing of this type can be published
    is_per_terminal = models.BooleanField(
        _("按终端计费"), default=False
    )  # the n-th of them has a price of its own
    position = models.PositiveSmallIntegerField(_("顺序"), default=100)

    class Meta:
        verbose_name = _("产品类型")
        verbose_name_plural = pgettext_lazy("plural", "产品类型")
        triggers = [
            NeverDelete(name="product_type_never_deleted"),
            Fixed(name="product_type_fixed", columns=("code",)),
            KeepsFlow(name="product_type_keeps_flow"),
        ]


class ProductSpecification(Named):
    """A product as engineers know it: what has to be switched on for whoever holds it."""

    code = models.CharField(_("代码"), max_length=40, unique=True)
    type = models.ForeignKey(
        ProductType, verbose_name=_("产品类型"), on_delete=models.PROTECT, related_name="+"
    )
    entitlements = ArrayField(
        models.CharField(max_length=40), verbose_name=_("授权代码"), default=list, blank=True
    )  # products of the conditional access system
    line_profile = models.CharField(
        _("线路配置"), max_length=40, blank=True, default=""
    )  # e.g. "200M"; empty: no line
    stock_item = models.CharField(
        _("物料代码"), max_length=40, blank=True, default=""
    )  # empty: nothing is handed over

    class Meta:
        verbose_name = _("产品规格")
        verbose_name_plural = pgettext_lazy("plural", "产品规格")
        triggers = [NeverDelete(name="product_specification_never_deleted")]


class SpecificationFeature(models.Model):
    """One line of a comparison: what of it the customer gets ("高清频道", "60 套")."""

    specification = models.ForeignKey(
        ProductSpecification, verbose_name=_("产品规格"), on_delete=models.CASCADE, related_name="features"
    )
    name = models.CharField(_("项目"), max_length=40)
    name_en = models.CharField(_("英文项目"), max_length=60, blank=True, default="")
    value = models.CharField(_("内容"), max_length=80)
    value_en = models.CharField(_("英文内容"), max_length=120, blank=True, default="")
    position = models.PositiveSmallIntegerField(_("顺序"), default=100)

    class Meta:
        verbose_name = _("规格项目")
        verbose_name_plural = pgettext_lazy("plural", "规格项目")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["specification", "name"], name="specification_feature_once")
        ]

    def __str__(self) -> str:
        return self.name


class Tier(Named):
    """How a tier of customers (`accounts.Standing.tier`) is called where customers read of it."""

    code = models.CharField(_("等级代码"), max_length=20, unique=True)  # e.g. "GOLD"

    class Meta:
        verbose_name = _("等级名称")
        verbose_name_plural = pgettext_lazy("plural", "等级名称")
        triggers = [
            NeverDelete(name="tier_never_deleted"),
            Fixed(name="tier_fixed", columns=("code",)),
        ]


class OfferSeries(Named):
    """Offers that belong together on the shelf (产品系列): one name, one below the other, from small to large."""

    code = models.CharField(_("代码"), max_length=30, unique=True)
    position = models.PositiveSmallIntegerField(_("顺序"), default=100)

    class Meta:
        verbose_name = _("产品系列")
        verbose_name_plural = pgettext_lazy("plural", "产品系列")
        triggers = [
            NeverDelete(name="offer_series_never_deleted"),
            Fixed(name="offer_series_fixed", columns=("code",)),
        ]


# What an offer costs and binds to depends on these: they stand as they were published.
TERMS = (
    "conditions",
    "group",
    "term_months",
    "is_renewed",
    "penalty_kind",
    "penalty_percent",
    "penalty_cents",
    "change_effect",
    "cancel_effect",
    "return_days",
    "gives_back_rest",
    "while_paused",
    "while_in_arrears",
    "while_checked",
    "is_paid_first",
    "most_per_account",
    "family_limit",
    "active_from",
)


class OfferQuerySet(models.QuerySet["Offer"]):
    def on_sale(self, as_of: datetime) -> Self:
        """Published by that instant, and inside their dates."""
        on = clock.local_date(as_of)
        return self.filter(published_at__lte=as_of, active_from__lte=on).exclude(active_to__lte=on)

    def disclosed(self, as_of: datetime) -> Self:
        """Published by that instant, whether they are sold yet, now or no longer."""
        return self.filter(published_at__lte=as_of)


class Offer(Named):
    """Something that can be ordered at a price, under conditions that stand in the tariff disclosure (资费公示)."""

    code = models.CharField(_("代码"), max_length=40, unique=True)
    type = models.ForeignKey(
        ProductType, verbose_name=_("产品类型"), on_delete=models.PROTECT, related_name="offers"
    )
    series = models.ForeignKey(
        OfferSeries,
        verbose_name=_("产品系列"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="offers",
    )  # null: stands on the shelf by itself; may change while published, no price depends on it
    specifications = models.ManyToManyField(
        ProductSpecification, verbose_name=_("包含产品"), related_name="offers", blank=True
    )
    summary = models.CharField(_("一句话介绍"), max_length=120, blank=True, default="")
    summary_en = models.CharField(_("英文介绍"), max_length=200, blank=True, default="")
    conditions = models.TextField(
        _("资费说明与限制条件"), blank=True, default=""
    )  # what the disclosure must say
    conditions_en = models.TextField(_("英文资费说明"), blank=True, default="")
    group = models.CharField(
        _("互斥组"), max_length=30, blank=True, default=""
    )  # at most one of a group per account; empty: none
    cycle = models.CharField(_("计费周期"), max_length=8, choices=Cycle.choices, default=Cycle.MONTHLY)
    term_months = models.PositiveSmallIntegerField(_("合约月数"), default=0)  # 0: may be ended at any time
    is_renewed = models.BooleanField(_("到期自动续订"), default=False)
    penalty_kind = models.CharField(
        _("提前终止违约金"), max_length=10, choices=PenaltyKind.choices, default=PenaltyKind.NONE
    )
    penalty_percent = models.PositiveSmallIntegerField(_("违约金百分比"), default=0)
    penalty_cents = models.BigIntegerField(_("违约金金额"), default=0)
    change_effect = models.CharField(
        _("变更生效"), max_length=10, choices=Effect.choices, default=Effect.MONTH_END
    )
    cancel_effect = models.CharField(
        _("退订生效"), max_length=10, choices=Effect.choices, default=Effect.MONTH_END
    )
    return_days = models.PositiveSmallIntegerField(
        _("犹豫期（天）"), default=0
    )  # from the first day; 0: none
    gives_back_rest = models.BooleanField(
        _("退还未用的预付款"), default=True
    )  # what was paid ahead and is not used when it is ended before its time
    while_paused = models.CharField(
        _("停机保号期间"), max_length=14, choices=WhileOff.choices, default=WhileOff.NONE
    )
    while_in_arrears = models.CharField(
        _("欠费停机期间"), max_length=14, choices=WhileOff.choices, default=WhileOff.NONE
    )
    while_checked = models.CharField(
        _("核验或管理停机期间"), max_length=14, choices=WhileOff.choices, default=WhileOff.NONE
    )
    is_paid_first = models.BooleanField(
        _("先付款后开通"), default=True
    )  # where the order costs something at once
    regions = models.ManyToManyField(
        Region, verbose_name=_("适用区域"), blank=True, related_name="+"
    )  # none: everywhere; with what lies below them
    customer_kinds = ArrayField(
        models.CharField(max_length=12, choices=Customer.Kind.choices),
        verbose_name=_("适用客户类型"),
        default=list,
        blank=True,
    )  # empty: all
    tiers = ArrayField(
        models.CharField(max_length=20), verbose_name=_("适用等级"), default=list, blank=True
    )  # empty: all
    segments = models.ManyToManyField(
        Segment, verbose_name=_("适用客户群"), blank=True, related_name="+"
    )  # none: all; one of them is enough
    most_per_account = models.PositiveSmallIntegerField(_("每户最多"), default=1)
    family_limit = models.PositiveSmallIntegerField(
        _("可共享成员数"), default=0
    )  # members whose holdings the payer's account bears; 0: not for families
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("责任人"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # null: only while a draft
    active_from = models.DateField(_("上架日"))
    active_to = models.DateField(_("下架日"), null=True, blank=True)  # first day not sold; holders keep it
    published_at = models.DateTimeField(
        _("发布时间"), null=True, blank=True
    )  # null: draft; in the future: announced, live from that instant

    objects = OfferQuerySet.as_manager()

    class Meta:
        verbose_name = _("资费产品")
        verbose_name_plural = pgettext_lazy("plural", "资费产品")
        permissions = [("publish_offer", _("发布资费产品"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(active_to__isnull=True) | Q(active_to__gt=F("active_from")), name="offer_period"
            ),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True) | (Q(owner__isnull=False) & ~Q(conditions="")),
                name="offer_published_with_owner_and_conditions",
            ),
            models.CheckConstraint(
                condition=~Q(cycle=Cycle.TERM) | Q(term_months__gt=0), name="offer_term_has_months"
            ),
            models.CheckConstraint(
                condition=Q(penalty_kind="NONE", penalty_percent=0, penalty_cents=0)
                | Q(penalty_kind="PERCENT", penalty_percent__range=(1, 100), penalty_cents=0)
                | Q(penalty_kind__in=["PER_MONTH", "FIXED"], penalty_percent=0, penalty_cents__gt=0),
                name="offer_penalty_as_its_kind",
            ),
        ]
        indexes = [models.Index(fields=["type", "active_from"], name="offer_by_type")]
        triggers = [
            NeverDelete(name="offer_never_deleted"),
            Fixed(name="offer_code_fixed", columns=("code", "type_id", "cycle")),
            NeedsFlow(name="offer_published_with_flow"),
            FixedOncePublished(name="offer_terms_fixed", columns=TERMS),
        ]


class OfferRelation(models.Model):
    """How two offers stand to each other (产品关系)."""

    class Kind(models.TextChoices):
        NEEDS = "NEEDS", _("依赖")  # held already, or ordered together
        MUST_BUY = "MUST_BUY", _("必须同购")  # ordered together with it when not held
        EXCLUDES = "EXCLUDES", _("互斥")  # never both, whichever names the other
        UPGRADES_TO = "UPGRADES_TO", _("可升级为")
        DOWNGRADES_TO = "DOWNGRADES_TO", _("可降级为")

    offer = models.ForeignKey(
        Offer, verbose_name=_("产品"), on_delete=models.PROTECT, related_name="relations"
    )
    kind = models.CharField(_("关系"), max_length=14, choices=Kind.choices)
    other = models.ForeignKey(
        Offer, verbose_name=_("对方产品"), on_delete=models.PROTECT, related_name="named_by"
    )

    class Meta:
        verbose_name = _("产品关系")
        verbose_name_plural = pgettext_lazy("plural", "产品关系")
        constraints = [
            models.UniqueConstraint(fields=["offer", "kind", "other"], name="offer_relation_once"),
            models.CheckConstraint(condition=~Q(offer=F("other")), name="offer_relation_to_another"),
        ]

    def __str__(self) -> str:
        return f"{self.offer} {self.get_kind_display()} {self.other}"
