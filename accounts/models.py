"""Who: users, customers, billing accounts (户号), their members and contacts."""

from typing import Any, ClassVar, Self

import pgtrigger
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.db import AppendOnly, Fixed, Law, NeverDelete, refuse


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


class HallUserManager(UserManager["User"]):
    """Users by phone as well as by user name (the admin's createsuperuser)."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username=username)


class User(AbstractUser):
    """Somebody who logs in: a customer by phone, staff by user name or phone. `username` is made up for customers."""

    # E.164 (+86138…); null: none yet. Until it is proven it is a mere claim, which several may make.
    phone = models.CharField(_("手机号"), max_length=20, null=True, blank=True, db_index=True)  # noqa: DJ001
    phone_verified_at = models.DateTimeField(_("手机验证时间"), null=True, blank=True)  # null: not proven yet
    name = models.CharField(_("姓名"), max_length=60, blank=True, default="")
    language = models.CharField(_("语言"), max_length=10, default="zh-hans")

    objects: ClassVar[HallUserManager] = HallUserManager()

    class Meta:
        verbose_name = _("用户")
        verbose_name_plural = pgettext_lazy("plural", "用户")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(phone__isnull=True) | models.Q(phone__regex=r"^\+[1-9][0-9]{6,17}$"),
                name="user_phone_e164",
            ),
            models.UniqueConstraint(
                fields=["phone"],
                condition=models.Q(phone_verified_at__isnull=False),
                name="user_proven_phone_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def proven_phone(self) -> str | None:
        """The phone whose messages this user has shown to read; None for a mere claim."""
        return self.phone if self.phone_verified_at else None


class Customer(models.Model):
    """A person, family or enterprise that the operator serves."""

    class Kind(models.TextChoices):
        PERSONAL = "PERSONAL", _("个人")
        FAMILY = "FAMILY", _("家庭")
        ENTERPRISE = "ENTERPRISE", _("政企")

    number = models.CharField(_("客户编号"), max_length=32, unique=True)
    kind = models.CharField(_("客户类型"), max_length=12, choices=Kind.choices, default=Kind.PERSONAL)
    name = models.CharField(_("姓名"), max_length=120)
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True
    )  # null: not assigned yet
    created_at = models.DateTimeField(_("建档时间"))

    class Meta:
        verbose_name = _("客户")
        verbose_name_plural = pgettext_lazy("plural", "客户")

    def __str__(self) -> str:
        return self.number


class BillingAccountQuerySet(models.QuerySet["BillingAccount"]):
    def for_user(self, user: Any) -> Self:
        """The accounts that this user is a member of; nobody's for anybody else."""
        if not getattr(user, "is_authenticated", False):
            return self.none()
        return self.filter(memberships__user_id=user.pk)


class CustomerAccounts(models.Manager["BillingAccount"]):
    """Without the accounts that only hold money in suspense: what people may search, bind, pay and be reminded of."""

    def get_queryset(self) -> BillingAccountQuerySet:
        found = BillingAccountQuerySet(self.model, using=self._db)
        return found.filter(purpose=BillingAccount.Purpose.CUSTOMER)

    def for_user(self, user: Any) -> BillingAccountQuerySet:
        return self.get_queryset().for_user(user)


class BillingAccount(models.Model):
    """户号: what bills are written to. Its row is the root lock of everything that touches its money.

    `objects` are the customers' accounts; `every` has those in which money waits whose owner nobody knows yet, too.
    """

    class Purpose(models.TextChoices):
        CUSTOMER = "CUSTOMER", _("客户")
        SUSPENSE = "SUSPENSE", _("过渡（待查款项）")  # one per gateway, see billing.services.money.suspense

    SUSPENSE_PREFIX = "SUSPENSE:"  # no typed or imported number can hold a colon

    number = models.CharField(_("户号"), max_length=32, unique=True)
    customer = models.ForeignKey(
        Customer, verbose_name=_("客户"), on_delete=models.PROTECT, related_name="accounts"
    )
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True
    )  # null: not assigned yet
    address = models.CharField(_("装机地址"), max_length=300, blank=True, default="")
    opened_on = models.DateField(_("开户日期"), null=True, blank=True)  # null: the export did not say
    purpose = models.CharField(
        _("用途"),
        max_length=10,
        choices=Purpose.choices,
        default=Purpose.CUSTOMER,
        db_default=Purpose.CUSTOMER,
    )
    created_at = models.DateTimeField(_("建档时间"))

    every = BillingAccountQuerySet.as_manager()  # the first one is Django's own choice, e.g. in the admin
    objects = CustomerAccounts()

    class Meta:
        verbose_name = _("户号")
        verbose_name_plural = pgettext_lazy("plural", "户号")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(purpose="SUSPENSE", number__startswith="SUSPENSE:")
                | (models.Q(purpose="CUSTOMER") & ~models.Q(number__startswith="SUSPENSE:")),
                name="billing_account_suspense_by_number",
            )
        ]
        triggers = [
            NeverDelete(name="billing_account_never_deleted"),
            Fixed(name="billing_account_purpose_fixed", columns=("purpose",)),
        ]

    def __str__(self) -> str:
        return self.number


class NotOfSuspense(Law):
    """Nobody is a member of an account in which money waits whose owner is not known."""

    operation = pgtrigger.Insert | pgtrigger.UpdateOf("account_id")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        func = (
            "IF NOT EXISTS (SELECT FROM accounts_billingaccount WHERE id = NEW.account_id AND purpose = 'SUSPENSE')"
            " THEN RETURN NEW; END IF; " + refuse(name, "an account in suspense belongs to nobody")
        )
        super().__init__(name=name, func=func)


class Membership(models.Model):
    """What a user may do on a billing account."""

    class Role(models.TextChoices):
        OWNER = "OWNER", _("户主")
        PAYER = "PAYER", _("代缴人")
        VIEWER = "VIEWER", _("查看")
        HANDLER = "HANDLER", _("经办人")

    user = models.ForeignKey(
        User, verbose_name=_("用户"), on_delete=models.CASCADE, related_name="memberships"
    )
    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(_("身份"), max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(_("绑定时间"))

    class Meta:
        verbose_name = _("成员")
        verbose_name_plural = pgettext_lazy("plural", "成员")
        constraints = [models.UniqueConstraint(fields=["user", "account"], name="membership_once")]
        triggers = [NotOfSuspense(name="membership_of_a_customer")]

    def __str__(self) -> str:
        return f"{self.account_id}:{self.user_id} {self.role}"


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

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class VerificationCode(models.Model):
    """A six-digit code sent to an address for one purpose. Only its hash is kept; a wrong guess is counted."""

    purpose = models.CharField(max_length=60)  # e.g. "operation:account.bind"
    subject = models.CharField(max_length=120)  # what it confirms, e.g. "user:17|account:8100000001"
    address = models.CharField(max_length=254)
    code_hash = models.CharField(max_length=128)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)  # null: still good

    class Meta:
        verbose_name = _("验证码")
        verbose_name_plural = pgettext_lazy("plural", "验证码")
        indexes = [models.Index(fields=["purpose", "subject", "-created_at"], name="code_lookup")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"


class CodeRequest(models.Model):
    """Somebody asked for a code by SMS. What the limits against guessing and against SMS pumping count."""

    purpose = models.CharField(max_length=60)  # "login", "signup", "operation:account.bind" …
    target = models.CharField(max_length=120)  # what the asker named: a phone, or "account:8100000001"
    phone = models.CharField(
        max_length=20, blank=True, default=""
    )  # E.164; empty: nobody is behind the target
    who = models.CharField(max_length=80, blank=True, default="")  # "user:17"; empty: not logged in
    client_address = models.GenericIPAddressField(null=True, blank=True)  # null: not from the network
    is_sent = models.BooleanField()  # a message went out; otherwise it was only said so
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("验证码申请")
        verbose_name_plural = pgettext_lazy("plural", "验证码申请")
        indexes = [
            models.Index(fields=["target", "-at"], name="code_request_target"),
            models.Index(fields=["phone", "-at"], name="code_request_phone"),
            models.Index(fields=["client_address", "-at"], name="code_request_client"),
            models.Index(fields=["who", "-at"], name="code_request_who"),
            models.Index(fields=["-at"], name="code_request_sent", condition=models.Q(is_sent=True)),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"


class MembershipHistory(models.Model):
    """Who joined or left which account, when and by which slip."""

    account = models.ForeignKey(
        BillingAccount, verbose_name=_("户号"), on_delete=models.PROTECT, related_name="+"
    )
    user_ref = models.CharField(_("用户"), max_length=80)
    role = models.CharField(_("身份"), max_length=10)
    change = models.CharField(_("变动"), max_length=10)  # ADDED | REMOVED
    actor = models.CharField(_("操作人"), max_length=80)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("成员变动记录")
        verbose_name_plural = _("成员变动记录")
        triggers = [AppendOnly(name="membership_history_append_only")]

    def __str__(self) -> str:
        return f"{self.change} {self.user_ref}"
