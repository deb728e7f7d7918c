"""The sealed record of what an account was told, decided and paid: digests in a chain that nobody rewrites unseen."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import BillingAccount
from arrears.evidence_laws import NightHasCome
from core.db import AppendOnly, Fixed, NeverDelete


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
    previous = models.CharField(_("前一摘要"), max_length=64, blank=True)  # empty: the first
    digest = models.CharField(_("摘要"), max_length=64)
    sealed_at = models.DateTimeField(_("封存时间"))

    class Meta:
        verbose_name = _("证据封存")
        verbose_name_plural = pgettext_lazy("plural", "证据封存")
        constraints = [models.UniqueConstraint(fields=["account", "sequence"], name="evidence_seal_in_order")]
        indexes = [models.Index(fields=["sealed_on", "account"], name="evidence_seal_of_day")]
        triggers = [
            AppendOnly(name="evidence_seal_append_only"),
            NightHasCome(name="evidence_seal_night_has_come"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.sequence}"


class SealedRow(models.Model):
    """What one seal covers: a part of a row by its own digest, so that the row that was altered can be named."""

    seal = models.ForeignKey(
        EvidenceSeal, verbose_name=_("证据封存"), on_delete=models.PROTECT, related_name="entries"
    )
    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="+", db_index=False
    )  # the seal's own, for the constraint
    table_name = models.CharField(_("数据表"), max_length=40)
    part = models.CharField(
        _("部分"), max_length=10, blank=True, default=""
    )  # empty: what the row was born with; "end": how it ended, …
    row_id = models.BigIntegerField(_("行编号"))
    digest = models.CharField(_("摘要"), max_length=64)
    since = models.DateField(_("保存期起算日"), null=True, blank=True)  # null: its rows never go

    class Meta:
        verbose_name = _("已封存的行")
        verbose_name_plural = pgettext_lazy("plural", "已封存的行")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "table_name", "row_id", "part"], name="sealed_row_once"
            )
        ]
        triggers = [AppendOnly(name="sealed_row_append_only")]

    def __str__(self) -> str:
        return f"{self.table_name} {self.row_id}"


class EvidenceRoot(models.Model):
    """A night's root over all seals since the root before, and over that: kept outside too, it proves all of them."""

    sealed_on = models.DateField(_("封存日"), unique=True)
    seals = models.PositiveIntegerField(_("封存户数"))
    previous = models.CharField(_("前一根摘要"), max_length=64, blank=True)  # empty: the first night
    digest = models.CharField(_("根摘要"), max_length=64)
    sealed_at = models.DateTimeField(_("封存时间"))
    # From which transaction on the next night looks: every earlier one was over, and seen, when this night looked.
    horizon = models.BigIntegerField(
        _("事务起点"), null=True, blank=True
    )  # null: the next night looks at all
    cluster = models.CharField(
        _("数据库标识"), max_length=60, blank=True, default=""
    )  # whose transactions `horizon` counts: a restored database has others

    class Meta:
        verbose_name = _("每日根摘要")
        verbose_name_plural = pgettext_lazy("plural", "每日根摘要")
        triggers = [
            AppendOnly(name="evidence_root_append_only"),
            NightHasCome(name="evidence_root_night_has_come"),
        ]

    def __str__(self) -> str:
        return self.sealed_on.isoformat()


class SealFailure(models.Model):
    """An account that could not be sealed, and why; the others were, and it is tried again every night."""

    account = models.OneToOneField(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="seal_failure"
    )
    error = models.CharField(_("原因"), max_length=300)
    failed_at = models.DateTimeField(_("最近失败时间"))
    resolved_at = models.DateTimeField(
        _("补封存时间"), null=True, blank=True
    )  # null: what is new of it is not sealed

    class Meta:
        verbose_name = _("封存失败")
        verbose_name_plural = pgettext_lazy("plural", "封存失败")
        indexes = [
            models.Index(
                fields=["account"], name="seal_failure_open", condition=models.Q(resolved_at__isnull=True)
            )
        ]
        triggers = [
            NeverDelete(name="seal_failure_never_deleted"),
            Fixed(name="seal_failure_fixed", columns=("account_id",)),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.error}"
