"""Staff actions with a reason: choose rows, read what will happen, say why, and each row gets one service call and
one audit row.

An action is declared on a room's admin class (`reasoned = (Reasoned(…),)`). It appears as a button on the detail page
and in the list's action menu for those who hold its permission; both lead to one page that asks for the reason.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from core import audit, clock
from core.actor import Actor
from core.errors import HallError

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Admin = ModelAdmin[Any]

MOST_ROWS = 100  # one reason covers at most so many rows


class CarryOut(Protocol):
    """One service call for one row; returns the sentence that tells the outcome, raises HallError when refused."""

    def __call__(self, row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise: ...


@dataclass(frozen=True)
class Reasoned:
    """`applies` decides whether the button is offered; the service decides again under its lock.

    `asks_outside`: the service talks to a gateway, so that no transaction may be open around it; the audit row is
    then written before, because asking is what the member of staff did. `service_audits`: the service writes the
    audit row itself, in its own transaction.
    """

    name: str
    title: Promise
    explanation: Promise
    permission: str  # "billing.change_payment"
    applies: Callable[[Any], bool]
    carry_out: CarryOut
    icon: str = "replay"
    asks_outside: bool = False
    service_audits: bool = False


class ReasonOnlyForm(forms.Form):
    reason = forms.CharField(
        label=_("原因"),
        min_length=2,
        max_length=300,
        strip=True,
        help_text=_("写明原因，将记入审计记录"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
    )


def url_name(model: type[models.Model]) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}_act"


def address(request: HttpRequest) -> str | None:
    """Where the request came from, behind as many proxies as the settings trust; None when it cannot be known."""
    try:
        return get_adapter(request).get_client_ip(request) or None
    except PermissionDenied:
        return None


def allowed(admin: Any, request: HttpRequest) -> list[Reasoned]:
    return [act for act in admin.reasoned if request.user.has_perm(act.permission)]


def buttons(admin: Any, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
    """What may be done to this row now, for the detail page."""
    if row is None:
        return []
    return [
        {"title": act.title, "icon": act.icon, "url": page_url(admin, act, [row.pk])}
        for act in allowed(admin, request)
        if act.applies(row)
    ]


def page_url(admin: "Admin", act: Reasoned, keys: Sequence[Any]) -> str:
    base = reverse(f"admin:{url_name(admin.model)}", args=[act.name])
    return f"{base}?{urlencode({'ids': ','.join(str(key) for key in keys)})}"


def choose(act: Reasoned) -> Callable[[Any, HttpRequest, models.QuerySet[Any]], HttpResponse | None]:
    """The entry of the list's action menu: sends the chosen rows to the page that asks for the reason."""

    def chosen(admin: Any, request: HttpRequest, rows: models.QuerySet[Any]) -> HttpResponse | None:
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[: MOST_ROWS + 1])
        if len(keys) > MOST_ROWS:
            messages.error(request, gettext("一次最多处理 %(most)s 条") % {"most": MOST_ROWS})
            return None
        return HttpResponseRedirect(page_url(admin, act, keys))

    return chosen


def page(admin: "Admin", request: HttpRequest, name: str) -> HttpResponse:
    """Asks for the reason (GET), acts on each row (POST); 403 without the permission, 404 for unknown rows."""
    act = next((act for act in getattr(admin, "reasoned", ()) if act.name == name), None)
    if act is None:
        raise Http404
    if act not in allowed(admin, request):
        raise PermissionDenied
    rows = _rows(admin, request)
    form = ReasonOnlyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        for row in rows:
            _act(admin, request, act, row, form.cleaned_data["reason"])
        return HttpResponseRedirect(_back(admin, rows))
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": act.title,
        "act": act,
        "rows": [{"row": row, "applies": act.applies(row)} for row in rows],
        "form": form,
        "back": _back(admin, rows),
    }
    return TemplateResponse(request, "backoffice/reason.html", context)


def _rows(admin: "Admin", request: HttpRequest) -> list[Any]:
    keys = request.GET.get("ids", "").split(",")[: MOST_ROWS + 1]
    try:
        wanted = [admin.opts.pk.to_python(key) for key in keys]
        rows = list(admin.get_queryset(request).filter(pk__in=wanted).order_by("pk"))
    except (ValueError, forms.ValidationError) as error:
        raise Http404 from error
    if not rows or len(rows) > MOST_ROWS:
        raise Http404
    return rows


def _back(admin: "Admin", rows: Sequence[Any]) -> str:
    label = f"admin:{admin.opts.app_label}_{admin.opts.model_name}"
    if len(rows) == 1:
        return reverse(f"{label}_change", args=[rows[0].pk])
    return reverse(f"{label}_changelist")


def _act(admin: "Admin", request: HttpRequest, act: Reasoned, row: Any, reason: str) -> None:
    try:
        outcome = _carry_out(admin, request, act, row, reason)
    except HallError as error:
        messages.error(request, gettext("%(row)s：%(text)s") % {"row": row, "text": error.text})
    else:
        messages.success(request, gettext("%(row)s：%(text)s") % {"row": row, "text": outcome})


def _carry_out(admin: "Admin", request: HttpRequest, act: Reasoned, row: Any, reason: str) -> str | Promise:
    actor, as_of = Actor.user(request.user), clock.now()

    def record(detail: dict[str, str]) -> None:
        audit.record(
            actor=actor,
            action=f"{admin.opts.label_lower}.{act.name}",
            subject=row,
            reason=reason,
            detail=detail,
            address=address(request),
            as_of=as_of,
        )

    if act.asks_outside:
        record({})
    if act.asks_outside or act.service_audits:
        return act.carry_out(row.pk, actor=actor, reason=reason, as_of=as_of)
    with transaction.atomic():
        outcome = act.carry_out(row.pk, actor=actor, reason=reason, as_of=as_of)
        record({"outcome": str(outcome)})
    return outcome
