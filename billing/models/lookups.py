from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class AccountLookup(models.Model):
    """Somebody asked whose account a number is, to pay into it. What the limit on such questions counts."""

    number = models.CharField(_("户号"), max_length=32)  # as asked, whether it exists or not
    who = models.CharField(_("查询人"), max_length=80)  # "user:17"
    client_address = models.GenericIPAddressField(
        _("来源地址"), null=True, blank=True
    )  # null: not from the network
    is_known = models.BooleanField(_("户号存在"))
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("户号查询记录")
        verbose_name_plural = pgettext_lazy("plural", "户号查询记录")
        indexes = [
            models.Index(fields=["who", "-at"], name="lookup_who"),
            models.Index(fields=["client_address", "-at"], name="lookup_client"),
        ]

    def __str__(self) -> str:
        return f"{self.who} {self.pk}"
