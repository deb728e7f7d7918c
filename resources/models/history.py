"""What every record of a change of state holds."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class StateHistory(models.Model):
    """One change of a state: written with it, never changed. Each table of it carries the law `AppendOnly`."""

    from_state = models.CharField(_("原状态"), max_length=12, blank=True)  # empty: it began
    to_state = models.CharField(_("新状态"), max_length=12)
    actor = models.CharField(_("操作人"), max_length=80)  # Actor.ref
    reason = models.CharField(_("原因"), max_length=300, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.from_state} → {self.to_state}"
