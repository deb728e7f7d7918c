"""What the staff pages of this room share: links above a list, and a page that asks for something by a form."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.models import BillingAccount
from core import scopes
from core.backoffice import ReadOnlyAdmin, refuse
from core.errors import Forbidden, HallError


@dataclass(frozen=True)
class Link:
    title: str | Promise
    url: str
    icon: str


class WithLinks(ReadOnlyAdmin):
    """A list with buttons above it: `links` names those that this member of staff may follow."""

    list_before_template = "arrears/admin/links.html"

    def links(self, request: HttpRequest) -> list[Link]:
        return []

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {"page_links": self.links(request)}
        return super().changelist_view(request, more | (extra_context or {}))


def page(
    admin: ReadOnlyAdmin,
    request: HttpRequest,
    form: forms.Form,
    ask: Callable[[dict[str, Any]], str | Promise],
    *,
    title: str | Promise,
    explanation: str | Promise,
    template: str = "backoffice/reason.html",
    is_ready: bool = True,
    **more: Any,
) -> HttpResponse:
    """Shows the form; a valid one is asked once. Its answer is told above the list, a refusal above the form.

    `is_ready`: whether what stands beside the form is valid, too.
    """
    back = reverse(f"admin:{admin.opts.app_label}_{admin.opts.model_name}_changelist")
    if form.is_valid() and is_ready and (told := _asked(request, form, ask, admin.opts.label)) is not None:
        messages.success(request, told)
        return HttpResponseRedirect(back)
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": title,
        "act": {"title": title, "explanation": explanation},
        "form": form,
        "key": secrets.token_hex(16),
        "back": back,
        **more,
    }
    return TemplateResponse(request, template, context)


def _asked(
    request: HttpRequest, form: forms.Form, ask: Callable[[dict[str, Any]], str | Promise], label: str
) -> str | None:
    try:
        return str(ask(dict(form.cleaned_data)))
    except HallError as error:
        form.add_error(None, error.text)
        if isinstance(error, Forbidden):
            refuse(request, subject=(label, ""), why=error.code)
        return None


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


def day(label: str | Promise, **more: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}), **more)
