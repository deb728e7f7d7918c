from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.db import NeverDelete


class BalancePreference(models.Model):
    """Whether an account's credit pays new bills by itself. Without a row it does."""

    account = models.OneToOneField(
        "accounts.BillingAccount",
        verbose_name=_("户号"),
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="balance_preference",
    )
    is_automatic = models.BooleanField(_("自动抵扣账单"), default=True)
    changed_at = models.DateTimeField(_("修改时间"))

    class Meta:
        verbose_name = _("余额抵扣设置")
        verbose_name_plural = pgettext_lazy("plural", "余额抵扣设置")
        triggers = [NeverDelete(name="balance_preference_never_deleted")]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.is_automatic}"
