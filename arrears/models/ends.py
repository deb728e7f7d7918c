"""The end of a line, seen from here: for its law, which looks at rows of this room; and what authorities order."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from arrears.laws import ConfirmedByHolder, NobodyUnheard, NotByItsMaker
from catalog.models import Subscription, Termination
from core.db import AppendOnly
from core.models import Upload
from operations.models import Slip


class LawfulEnd(Termination):
    """A termination that hears the customer first."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [NobodyUnheard(name="termination_hears_first")]


class ConfirmedEnd(Slip):
    """A slip by which lines end."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [ConfirmedByHolder(name="slip_end_confirmed_by_holder")]


class AuthorityOrder(models.Model):
    """主管部门指令: an authority demands in writing that a line ends. Carried out when two people have approved it."""

    subscription = models.ForeignKey(
        Subscription, verbose_name=_("订购关系"), on_delete=models.PROTECT, related_name="authority_orders"
    )
    authority = models.CharField(_("主管部门"), max_length=100)
    reference = models.CharField(_("文号"), max_length=60)
    document = models.OneToOneField(
        Upload, verbose_name=_("文件"), on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(_("说明"), max_length=300)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("录入人"), on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(_("写入时间"))

    class Meta:
        verbose_name = _("主管部门指令")
        verbose_name_plural = pgettext_lazy("plural", "主管部门指令")
        permissions = [("approve_authorityorder", _("批准主管部门指令"))]
        triggers = [AppendOnly(name="authority_order_append_only")]

    def __str__(self) -> str:
        return self.reference


class AuthorityApproval(models.Model):
    """One person's yes to an order of an authority. It needs two of different people, neither of whom wrote it down."""

    order = models.ForeignKey(
        AuthorityOrder, verbose_name=_("主管部门指令"), on_delete=models.PROTECT, related_name="approvals"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("批准人"), on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(_("意见"), max_length=200)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("指令审批")
        verbose_name_plural = pgettext_lazy("plural", "指令审批")
        constraints = [models.UniqueConstraint(fields=["order", "user"], name="authority_approval_once")]
        triggers = [
            AppendOnly(name="authority_approval_append_only"),
            NotByItsMaker(
                name="authority_approval_not_by_maker", table="arrears_authorityorder", column="order_id"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.user_id}"
