"""Who logs in."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


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
    # What was shown as second factor before this does not count any more; null: never reset.
    second_factor_reset_at = models.DateTimeField(_("第二验证重置时间"), null=True, blank=True)

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
