"""What a user's token for the open interface may do, and what he called it. The token itself is knox's, as a hash."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class ApiToken(models.Model):
    """Beside knox's row: name, scopes and the last day of use. It goes when that one goes."""

    token = models.OneToOneField(
        "knox.AuthToken",
        verbose_name=_("令牌"),
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="details",
    )
    name = models.CharField(_("名称"), max_length=40)
    scopes = models.JSONField(_("权限"), default=list)  # e.g. ["read", "pay", "operate:bill.dispute"]
    last_used_on = models.DateField(_("最近使用"), null=True, blank=True)  # null: never used yet

    class Meta:
        verbose_name = _("接口令牌")
        verbose_name_plural = pgettext_lazy("plural", "接口令牌")

    def __str__(self) -> str:
        return self.name
