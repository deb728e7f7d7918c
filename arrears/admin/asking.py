"""How staff ask for something here: `core.asking`, and a form that names an account."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.models import BillingAccount
from core import scopes
from core.asking import Link, WithLinks, day, page

__all__ = ["AccountForm", "Link", "WithLinks", "day", "page"]


class AccountForm(forms.Form):
    """Names an account by its number, of those where the permission is held."""

    account = forms.CharField(label=_("户号"), max_length=32, widget=UnfoldAdminTextInputWidget())

    def __init__(self, *args: Any, user: Any, permission: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rows = scopes.narrow(BillingAccount.objects.all(), "region", scopes.of(user, permission))

    def clean_account(self) -> BillingAccount:
        found: BillingAccount | None = self._rows.filter(number=self.cleaned_data["account"]).first()
        if found is None:
            raise forms.ValidationError(_("没有这个户号"), code="NOT_FOUND")
        return found
