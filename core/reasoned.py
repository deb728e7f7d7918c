"""Staff actions with a reason: choose rows, read what will happen, say why, and each row gets one service call and
one audit row.

An action is declared on a room's admin class (`reasoned = (Reasoned(…),)`). It appears as a button on the detail page
and in the list's action menu for those who hold its permission; both lead to one page that asks for the reason. An
action that asks for more (`form_class`) is for one row at a time and appears on the detail page only.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

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

from core import approvals, audit, clock, scopes
from core.actor import Actor
from core.caller import address as address
from core.errors import Forbidden, HallError

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Admin = ModelAdmin[Any]

MOST_ROWS = 100  # one reason covers at most so many rows
_KEY = re.compile(r"[0-9a-f]{32}")


class CarryOut(Protocol):
    """One service call for one row; returns the sentence that tells the outcome, raises HallError when refused."""

    def __call__(self, row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise: ...


class CarryOutWith(Protocol):
    """The same for an action with a form: `data` holds its cleaned values without the reason."""

    def __call__(
        self, row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
    ) -> str | Promise: ...


@dataclass(frozen=True)
class Submit:
    """The action goes through `approvals.submit`, which writes the audit row: above the limit two people are needed.

    `amount` gives the fen from the row as shown and the form's values; what carries the kind out checks them again
    under its lock. `data` turns the form's values into the JSON that is kept.
    """

    kind: str
    amount: Callable[[Any, dict[str, Any]], int]
    data: Callable[[Any, dict[str, Any]], Mapping[str, Any]] = field(default=lambda row, data: data)


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
    carry_out: CarryOut | CarryOutWith | Submit
    icon: str = "replay"
    asks_outside: bool = False
    service_audits: bool = False
    form_class: "type[ReasonOnlyForm] | None" = None
    initial: Callable[[Any], dict[str, Any]] = field(default=lambda row: {})


class ReasonOnlyForm(forms.Form):
    """The reason, after whatever fields a subclass adds."""

    reason = forms.CharField(
        label=_("原因"),
        min_length=2,
        max_length=300,
        strip=True,
        help_text=_("写明原因，将记入审计记录"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])


def url_name(model: type[models.Model]) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}_act"


def allowed(admin: Any, request: HttpRequest) -> list[Reasoned]:
    return [act for act in admin.reasoned if request.user.has_perm(act.permission)]


def buttons(admin: Any, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
    """What may be done to this row now, for the detail page."""
    if row is None:
        return []
    return [
        {"title": act.title, "icon": act.icon, "url": page_url(admin, act, [row.pk])}
        for act in allowed(admin, request)
        if act.applies(row) and _reaches(admin, request, act, row)
    ]


def _reaches(admin: Any, request: HttpRequest, act: Reasoned, row: Any) -> bool:
    """Whether the row lies where this member of staff holds the action's permission."""
    if scopes.of(request.user, act.permission).is_everything:
        return True
    rows: models.QuerySet[Any] = admin.model._base_manager.filter(pk=row.pk)
    return bool(admin.within(request, rows, act.permission).exists())


def page_url(admin: "Admin", act: Reasoned, keys: Sequence[Any]) -> str:
    base = reverse(f"admin:{url_name(admin.model)}", args=[act.name])
    return f"{base}?{urlencode({'ids': ','.join(str(key) for key in keys)})}"


def for_many(admin: Any, request: HttpRequest) -> list[Reasoned]:
    """What may be done to several rows at once: the actions that ask for the reason and nothing else."""
    return [act for act in allowed(admin, request) if act.form_class is None]


def choose(act: Reasoned) -> Callable[[Any, HttpRequest, models.QuerySet[Any]], HttpResponse | None]:
    """The entry of the list's action menu: sends the chosen rows to the page that asks for the reason."""

    def chosen(admin: Any, request: HttpRequest, rows: models.QuerySet[Any]) -> HttpResponse | None:
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[: MOST_ROWS + 1])
        if len(keys) > MOST_ROWS:
            messages.error(request, gettext("一次最多处理 %(most)s 条") % {"most": MOST_ROWS})
            return None
        return HttpResponseRedirect(page_url(admin, act, keys))

    return chosen


def page(admin: Any, request: HttpRequest, name: str) -> HttpResponse:
    """Asks for the reason (GET), acts on each row (POST); 403 without the permission, 404 for unknown rows."""
    act = next((act for act in getattr(admin, "reasoned", ()) if act.name == name), None)
    if act is None:
        raise Http404
    if act not in allowed(admin, request):
        raise PermissionDenied
    rows = _rows(admin, request)
    if act.form_class is not None and len(rows) > 1:
        raise Http404
    form = _form(request, act, rows)
    if form.is_valid():
        for row in rows:
            _act(admin, request, act, row, dict(form.cleaned_data))
        return HttpResponseRedirect(_back(admin, rows))
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": act.title,
        "act": act,
        "rows": [{"row": row, "applies": act.applies(row)} for row in rows],
        "form": form,
        "key": _key(request) or secrets.token_hex(16),
        "back": _back(admin, rows),
    }
    return TemplateResponse(request, "backoffice/reason.html", context)


def _key(request: HttpRequest) -> str:
    """What the page was given so that a second click on its button is known; "" when it brings none."""
    given = request.POST.get("key", "")
    return given if _KEY.fullmatch(given) else ""


def _form(request: HttpRequest, act: Reasoned, rows: Sequence[Any]) -> ReasonOnlyForm:
    posted = request.POST if request.method == "POST" else None
    if act.form_class is None:
        form = ReasonOnlyForm(posted)
    else:
        form = act.form_class(posted, request.FILES or None, initial=act.initial(rows[0]))
    next(iter(form.fields.values())).widget.attrs["autofocus"] = True
    return form


def _rows(admin: Any, request: HttpRequest) -> list[Any]:
    keys = request.GET.get("ids", "").split(",")[: MOST_ROWS + 1]
    try:
        wanted = [admin.opts.pk.to_python(key) for key in keys]
        rows = admin.get_queryset(request).filter(pk__in=wanted).order_by("pk")
        found = list(rows)
    except (ValueError, forms.ValidationError) as error:
        raise Http404 from error
    if not found or len(found) > MOST_ROWS:
        raise Http404
    return found


def _back(admin: "Admin", rows: Sequence[Any]) -> str:
    label = f"admin:{admin.opts.app_label}_{admin.opts.model_name}"
    if len(rows) == 1:
        return reverse(f"{label}_change", args=[rows[0].pk])
    return reverse(f"{label}_changelist")


def _act(admin: "Admin", request: HttpRequest, act: Reasoned, row: Any, data: dict[str, Any]) -> None:
    try:
        outcome = _carry_out(admin, request, act, row, data)
    except HallError as error:
        messages.error(request, gettext("%(row)s：%(text)s") % {"row": row, "text": error.text})
        if isinstance(error, Forbidden):
            _note_refusal(admin, request, act, row, error)
    else:
        messages.success(request, gettext("%(row)s：%(text)s") % {"row": row, "text": outcome})


def _note_refusal(admin: "Admin", request: HttpRequest, act: Reasoned, row: Any, error: HallError) -> None:
    audit.record(
        actor=Actor.user(request.user),
        action="staff.refused",
        subject=row,
        detail={"why": error.code, "action": f"{admin.opts.label_lower}.{act.name}"},
        address=address(request),
        as_of=clock.now(),
    )


def _carry_out(
    admin: "Admin", request: HttpRequest, act: Reasoned, row: Any, data: dict[str, Any]
) -> str | Promise:
    actor, as_of, reason = Actor.user(request.user), clock.now(), data.pop("reason")

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

    def call() -> str | Promise:
        more: dict[str, Any] = {} if act.form_class is None else {"data": data}
        carry_out: Any = act.carry_out  # takes `data` exactly when the action has a form
        done: str | Promise = carry_out(row.pk, actor=actor, reason=reason, as_of=as_of, **more)
        return done

    if isinstance(act.carry_out, Submit):
        return _submit(request, act.carry_out, row, data, reason, as_of)
    if act.asks_outside:
        record({})
    if act.asks_outside or act.service_audits:
        return call()
    with transaction.atomic():
        outcome = call()
        record({"outcome": str(outcome)})
    return outcome


def _submit(
    request: HttpRequest, how: Submit, row: Any, data: dict[str, Any], reason: str, as_of: datetime
) -> str:
    outcome = approvals.submit(
        kind=how.kind,
        subject=(row._meta.label, row.pk),
        amount_cents=how.amount(row, data),
        data=how.data(row, data),
        reason=reason,
        actor=Actor.user(request.user),
        as_of=as_of,
        address=address(request),
        key=_key(request),
    )
    return outcome.text
