"""The standard that each business hall is held against (营业厅规范), and how halls scored."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models.regions import Region
from accounts.models.users import User
from core.db import AppendOnly, Fixed, NeverDelete


class StandardItem(models.Model):
    """One line of the checklist, and what it is worth. Its words stay; another wording is another item."""

    code = models.CharField(_("编号"), max_length=20, unique=True)
    text = models.CharField(_("检查内容"), max_length=200)
    most_points = models.PositiveSmallIntegerField(_("满分"))
    active_from = models.DateField(_("启用日"))
    active_to = models.DateField(_("停用日"), null=True, blank=True)  # first day without it; null: open end

    class Meta:
        verbose_name = _("规范检查项")
        verbose_name_plural = pgettext_lazy("plural", "规范检查项")
        constraints = [
            models.CheckConstraint(condition=Q(most_points__gt=0), name="standard_item_has_points"),
            models.CheckConstraint(
                condition=Q(active_to__isnull=True) | Q(active_to__gte=F("active_from")),
                name="standard_item_period",
            ),
        ]
        triggers = [
            NeverDelete(name="standard_item_never_deleted"),
            Fixed(name="standard_item_fixed", columns=("code", "text", "most_points")),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class Inspection(models.Model):
    """One look at one hall: the points of each item of that day's checklist are its marks."""

    region = models.ForeignKey(
        Region, verbose_name=_("营业厅"), on_delete=models.PROTECT, related_name="inspections"
    )
    inspected_on = models.DateField(_("检查日"))
    points = models.PositiveIntegerField(_("得分"))  # the sum of the marks
    most_points = models.PositiveIntegerField(_("满分"))
    remark = models.CharField(_("说明"), max_length=300, blank=True, default="")
    inspected_by = models.ForeignKey(
        User, verbose_name=_("检查人"), on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(_("登记时间"))

    class Meta:
        verbose_name = _("营业厅检查")
        verbose_name_plural = pgettext_lazy("plural", "营业厅检查")
        constraints = [
            models.UniqueConstraint(fields=["region", "inspected_on"], name="inspection_once_a_day"),
            models.CheckConstraint(condition=Q(points__lte=F("most_points")), name="inspection_points"),
        ]
        triggers = [AppendOnly(name="inspection_append_only")]

    def __str__(self) -> str:
        return f"{self.region} {self.inspected_on}"

    @property
    def percent(self) -> int:
        """The score out of a hundred, rounded down."""
        return 100 * self.points // self.most_points if self.most_points else 0


class InspectionMark(models.Model):
    """What one item of the checklist got."""

    inspection = models.ForeignKey(
        Inspection, verbose_name=_("营业厅检查"), on_delete=models.PROTECT, related_name="marks"
    )
    item = models.ForeignKey(
        StandardItem, verbose_name=_("检查内容"), on_delete=models.PROTECT, related_name="+"
    )
    points = models.PositiveSmallIntegerField(_("得分"))

    class Meta:
        verbose_name = _("检查得分")
        verbose_name_plural = pgettext_lazy("plural", "检查得分")
        constraints = [
            models.UniqueConstraint(fields=["inspection", "item"], name="inspection_mark_once"),
        ]
        triggers = [AppendOnly(name="inspection_mark_append_only")]

    def __str__(self) -> str:
        return f"{self.item_id}: {self.points}"
