"""The operator's tree of places."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Region(models.Model):
    """A place in the operator's tree: group → province → city → district → hall."""

    class Level(models.TextChoices):
        GROUP = "GROUP", _("集团")
        PROVINCE = "PROVINCE", _("省")
        CITY = "CITY", _("市")
        DISTRICT = "DISTRICT", _("区县")
        HALL = "HALL", _("营业厅")

    code = models.CharField(_("区域代码"), max_length=20, unique=True)
    name = models.CharField(_("名称"), max_length=60)
    level = models.CharField(_("级别"), max_length=10, choices=Level.choices)
    parent = models.ForeignKey(
        "self",
        verbose_name=_("上级区域"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
    )

    class Meta:
        verbose_name = _("区域")
        verbose_name_plural = pgettext_lazy("plural", "区域")

    def __str__(self) -> str:
        return self.name
