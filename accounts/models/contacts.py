"""Where a billing account's people can be reached."""

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models.customers import BillingAccount
from core.db import Law, refuse


class KeptContact(Law):
    """留存联系方式: an open account that has a verified contact keeps one, whoever removes it and however."""

    operation = pgtrigger.Update | pgtrigger.Delete

    def __init__(self, *, name: str) -> None:
        func = (
            "IF OLD.verified_at IS NULL OR (TG_OP = 'UPDATE' AND NEW.verified_at IS NOT NULL"
            " AND NEW.account_id = OLD.account_id) THEN RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END IF;"
            # The lock that the services take, too: two removals at one moment would each see the other's contact.
            " PERFORM FROM accounts_billingaccount WHERE id = OLD.account_id FOR UPDATE;"
            " IF EXISTS (SELECT FROM accounts_billingaccount WHERE id = OLD.account_id AND closed_at IS NOT NULL)"
            " OR EXISTS (SELECT FROM accounts_contact WHERE account_id = OLD.account_id AND id <> OLD.id"
            " AND verified_at IS NOT NULL) THEN RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END IF; "
            + refuse(name, "the last verified contact of an open account stays")
        )
        super().__init__(name=name, func=func)


class Contact(models.Model):
    """Where a billing account's people can be reached."""

    class Kind(models.TextChoices):
        PHONE = "PHONE", _("手机")
        EMAIL = "EMAIL", _("电子邮件")

    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.CASCADE, related_name="contacts"
    )
    kind = models.CharField(_("类型"), max_length=8, choices=Kind.choices)
    value = models.CharField(_("号码或邮箱"), max_length=254)  # phone in E.164, e-mail in lower case
    name = models.CharField(_("联系人"), max_length=60, blank=True, default="")
    is_primary = models.BooleanField(_("主要联系方式"), default=False)
    verified_at = models.DateTimeField(
        _("验证时间"), null=True, blank=True
    )  # null: taken from an import, not proven by a code
    created_at = models.DateTimeField(_("登记时间"))

    class Meta:
        verbose_name = _("联系方式")
        verbose_name_plural = pgettext_lazy("plural", "联系方式")
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "value"], name="contact_once"),
            models.UniqueConstraint(
                fields=["account", "kind"], condition=models.Q(is_primary=True), name="contact_one_primary"
            ),
        ]
        indexes = [models.Index(fields=["kind", "value"])]
        triggers = [KeptContact(name="contact_one_is_kept")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
