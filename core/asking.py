"""Staff pages that ask for something by a form: a link above the list leads to it, a service is asked once."""

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
from unfold.widgets import UnfoldAdminTextInputWidget

from core.errors import Forbidden, HallError
from core.staff_pages import ReadOnlyAdmin, refuse


@dataclass(frozen=True)
class Link:
    title: str | Promise
    url: str
    icon: str


class WithLinks(ReadOnlyAdmin):
    """A list with buttons above it: `links` names those that this member of staff may follow."""

    list_before_template = "backoffice/links.html"

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


def day(label: Any, **more: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}), **more)
