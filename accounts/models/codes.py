"""Codes that prove who reads an address, and the requests for them."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


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
        max_length=254, blank=True, default=""
    )  # E.164, or an e-mail address; empty: nobody is behind the target
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
