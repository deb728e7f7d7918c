"""The sealed record of what an account was told, decided and paid: digests in a chain that nobody rewrites unseen."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import BillingAccount
from core.db import AppendOnly


class EvidenceSeal(models.Model):
    """One account's rows of one night, hashed together with the seal before: `digest = SHA-256(previous ‖ content)`."""

    account = models.ForeignKey(
        BillingAccount,
        verbose_name=_("户号"),
        on_delete=models.PROTECT,
        related_name="evidence_seals",
        db_index=False,
    )  # evidence_seal_in_order begins with it
    sequence = models.PositiveIntegerField(_("序号"))  # 1, 2, 3 … without a gap
    sealed_on = models.DateField(_("封存日"))
    rows = models.PositiveIntegerField(_("行数"))  # sealed by it
    upto = models.JSONField(_("已封存至"))  # table → highest id that is sealed
    previous = models.CharField(_("前一摘要"), max_length=64, blank=True)  # empty: the first
    digest = models.CharField(_("摘要"), max_length=64)
    sealed_at = models.DateTimeField(_("封存时间"))

    class Meta:
        verbose_name = _("证据封存")
        verbose_name_plural = pgettext_lazy("plural", "证据封存")
        constraints = [models.UniqueConstraint(fields=["account", "sequence"], name="evidence_seal_in_order")]
        indexes = [models.Index(fields=["sealed_on", "account"], name="evidence_seal_of_day")]
        triggers = [AppendOnly(name="evidence_seal_append_only")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.sequence}"


class EvidenceRoot(models.Model):
    """One night's root over all its seals and the root before: kept outside too, it proves the whole night."""

    sealed_on = models.DateField(_("封存日"), unique=True)
    seals = models.PositiveIntegerField(_("封存户数"))
    previous = models.CharField(_("前一根摘要"), max_length=64, blank=True)  # empty: the first night
    digest = models.CharField(_("根摘要"), max_length=64)
    sealed_at = models.DateTimeField(_("封存时间"))

    class Meta:
        verbose_name = _("每日根摘要")
        verbose_name_plural = pgettext_lazy("plural", "每日根摘要")
        triggers = [AppendOnly(name="evidence_root_append_only")]

    def __str__(self) -> str:
        return self.sealed_on.isoformat()
