"""The operator's tree of places."""

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.db import Law, refuse


class IsTree(Law):
    """No region lies under itself: who is posted above would otherwise be posted below, too."""

    operation = pgtrigger.UpdateOf("parent_id")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        above = """(WITH RECURSIVE above(id, parent_id) AS (
            SELECT id, parent_id FROM accounts_region WHERE id = NEW.parent_id
            UNION SELECT r.id, r.parent_id FROM accounts_region r JOIN above ON r.id = above.parent_id)
            SELECT FROM above WHERE id = NEW.id)"""
        func = (
            f"IF NEW.parent_id IS NULL OR NOT EXISTS {above} THEN RETURN NEW; END IF; "
            f"{refuse(name, 'a region does not lie under itself')}"
        )
        super().__init__(name=name, func=func)


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
        constraints = [
            models.CheckConstraint(
                condition=models.Q(parent__isnull=True) | ~models.Q(parent=models.F("id")),
                name="region_not_its_own_parent",
            )
        ]
        triggers = [IsTree(name="region_is_a_tree")]

    def __str__(self) -> str:
        return self.name
