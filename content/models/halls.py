"""Halls (营业厅): where they are, when they are open, what they do, and how well they keep the standard."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Region
from content.models.translated import pick
from core.db import AppendOnly, Fixed, NeverDelete


class HallService(models.TextChoices):
    """What one can have done in a hall."""

    PAY = "PAY", _("缴费")
    OPEN = "OPEN", _("新装与变更")
    BROADBAND = "BROADBAND", _("宽带业务")
    DEVICE = "DEVICE", _("机顶盒领取与更换")
    INVOICE = "INVOICE", _("发票打印")
    ENTERPRISE = "ENTERPRISE", _("政企业务")
    COMPLAINT = "COMPLAINT", _("投诉与咨询")
    BARRIER_FREE = "BARRIER_FREE", _("无障碍设施")


class HallQuerySet(models.QuerySet["Hall"]):
    def shown(self, as_of: datetime) -> Self:
        """The halls that receive people at that time; a closed hall is gone that instant."""
        return self.filter(active_from__lte=as_of).filter(
            Q(active_until__isnull=True) | Q(active_until__gt=as_of)
        )


class Hall(models.Model):
    """A place where people are served in person."""

    code = models.SlugField(_("营业厅代码"), max_length=40, unique=True)  # in its address: never changes
    name_zh = models.CharField(_("名称（中文）"), max_length=60)
    name_en = models.CharField(_("名称（英文）"), max_length=80, blank=True, default="")
    address_zh = models.CharField(_("地址（中文）"), max_length=200)
    address_en = models.CharField(_("地址（英文）"), max_length=250, blank=True, default="")
    way_zh = models.CharField(
        _("交通（中文）"), max_length=200, blank=True, default=""
    )  # how to get there; empty: not told
    way_en = models.CharField(_("交通（英文）"), max_length=250, blank=True, default="")
    phone = models.CharField(_("电话"), max_length=30, blank=True, default="")  # empty: the hotline alone
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, related_name="service_halls"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("负责人"), on_delete=models.PROTECT, related_name="+"
    )
    latitude_e6 = models.IntegerField(
        _("纬度（百万分之一度）"), null=True, blank=True
    )  # WGS 84; null: not surveyed, no map link
    longitude_e6 = models.IntegerField(
        _("经度（百万分之一度）"), null=True, blank=True
    )  # WGS 84; null as above
    services = ArrayField(
        models.CharField(max_length=20, choices=HallService.choices),
        verbose_name=_("服务项目"),
        default=list,
        blank=True,
    )
    waiting_people = models.PositiveSmallIntegerField(
        _("排队人数"), null=True, blank=True
    )  # null: not counted here
    waiting_at = models.DateTimeField(
        _("排队人数的时间"), null=True, blank=True
    )  # when they were counted; an old count is not shown
    active_from = models.DateTimeField(_("启用时间"))
    active_until = models.DateTimeField(
        _("停用时间"), null=True, blank=True
    )  # the first instant without it; null: no end is planned
    changed_at = models.DateTimeField(_("修改时间"))

    objects = HallQuerySet.as_manager()

    class Meta:
        verbose_name = _("营业厅")
        verbose_name_plural = pgettext_lazy("plural", "营业厅")
        constraints = [
            models.CheckConstraint(
                condition=Q(active_until__isnull=True) | Q(active_until__gt=F("active_from")),
                name="hall_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(latitude_e6__isnull=True, longitude_e6__isnull=True)
                | Q(
                    latitude_e6__range=(-90_000_000, 90_000_000),
                    longitude_e6__range=(-180_000_000, 180_000_000),
                ),
                name="hall_stands_on_earth",
            ),
            models.CheckConstraint(
                condition=Q(waiting_people__isnull=True, waiting_at__isnull=True)
                | Q(waiting_people__isnull=False, waiting_at__isnull=False),
                name="hall_queue_has_its_time",
            ),
        ]
        triggers = [
            NeverDelete(name="hall_never_deleted"),
            Fixed(name="hall_fixed", columns=("code",)),
        ]

    def __str__(self) -> str:
        return self.name_zh

    @property
    def name(self) -> str:
        return pick(self, "name")

    @property
    def address(self) -> str:
        return pick(self, "address")

    @property
    def way(self) -> str:
        return pick(self, "way")


class HallHours(models.Model):
    """One span of one day of the week. Several make a day with a pause; none: closed."""

    class Day(models.IntegerChoices):
        MONDAY = 0, _("星期一")
        TUESDAY = 1, _("星期二")
        WEDNESDAY = 2, _("星期三")
        THURSDAY = 3, _("星期四")
        FRIDAY = 4, _("星期五")
        SATURDAY = 5, _("星期六")
        SUNDAY = 6, _("星期日")
        HOLIDAY = 7, _("法定节假日")  # a Monday to Friday on which nobody works

    hall = models.ForeignKey(Hall, verbose_name=_("营业厅"), on_delete=models.CASCADE, related_name="hours")
    day = models.PositiveSmallIntegerField(_("星期"), choices=Day.choices)
    opens = models.TimeField(_("开门"))
    closes = models.TimeField(_("关门"))

    class Meta:
        verbose_name = _("营业时间")
        verbose_name_plural = pgettext_lazy("plural", "营业时间")
        constraints = [
            models.UniqueConstraint(fields=["hall", "day", "opens"], name="hall_hours_once"),
            models.CheckConstraint(condition=Q(closes__gt=F("opens")), name="hall_hours_in_one_day"),
            models.CheckConstraint(condition=Q(day__lte=7), name="hall_hours_day"),
        ]

    def __str__(self) -> str:
        return f"{self.get_day_display()} {self.opens:%H:%M}–{self.closes:%H:%M}"


class HallException(models.Model):
    """A day on which a hall keeps other hours than its week says, or none."""

    hall = models.ForeignKey(
        Hall, verbose_name=_("营业厅"), on_delete=models.CASCADE, related_name="exceptions"
    )
    on = models.DateField(_("日期"))
    opens = models.TimeField(_("开门"), null=True, blank=True)  # null: closed all day
    closes = models.TimeField(_("关门"), null=True, blank=True)  # null: closed all day
    note_zh = models.CharField(_("说明（中文）"), max_length=80, blank=True, default="")
    note_en = models.CharField(_("说明（英文）"), max_length=100, blank=True, default="")

    class Meta:
        verbose_name = _("营业时间例外")
        verbose_name_plural = pgettext_lazy("plural", "营业时间例外")
        constraints = [
            models.UniqueConstraint(fields=["hall", "on"], name="hall_exception_once"),
            models.CheckConstraint(
                condition=Q(opens__isnull=True, closes__isnull=True)
                | Q(opens__isnull=False, closes__isnull=False, closes__gt=F("opens")),
                name="hall_exception_in_one_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.on:%Y-%m-%d}"

    @property
    def note(self) -> str:
        return pick(self, "note")


class HallCheck(models.Model):
    """A walk through a hall's standard checklist (规范化检查). Never changed: the next is a new one."""

    hall = models.ForeignKey(Hall, verbose_name=_("营业厅"), on_delete=models.PROTECT, related_name="checks")
    checked_on = models.DateField(_("检查日期"))
    results = models.JSONField(_("逐项结果"))  # {code of the item: true (kept) | false}, see content.standard
    score = models.PositiveSmallIntegerField(_("得分"))  # of 100
    note = models.CharField(_("备注"), max_length=300, blank=True, default="")
    actor = models.CharField(_("检查人"), max_length=80)
    at = models.DateTimeField(_("登记时间"))

    class Meta:
        verbose_name = _("营业厅检查")
        verbose_name_plural = pgettext_lazy("plural", "营业厅检查")
        constraints = [
            models.CheckConstraint(condition=Q(score__lte=100), name="hall_check_score"),
            models.UniqueConstraint(fields=["hall", "checked_on", "actor"], name="hall_check_once_a_day"),
        ]
        triggers = [AppendOnly(name="hall_check_append_only")]

    def __str__(self) -> str:
        return f"{self.hall_id} {self.checked_on:%Y-%m-%d} {self.score}"
