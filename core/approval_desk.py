"""The work page 「待审批」: what waits for a second person, oldest first, each with what is needed to decide it."""

import logging
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from core import approvals, clock, people, scopes
from core.actor import Actor
from core.errors import Forbidden, HallError
from core.models import Approval, ApprovalState
from core.reasoned import ReasonOnlyForm, address
from core.staff_pages import refuse

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

PER_PAGE = 20
MISSING = "—"
URL = "admin:core_approval_desk"


class DecisionForm(ReasonOnlyForm):
    """What the second person says to it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = _("审批意见")
        self.fields["reason"].widget.attrs["rows"] = 2


def may_open(user: Any) -> bool:
    """Whoever may decide something or ask for something that can need a decision."""
    return any(
        user.has_perm(kind.permission) or user.has_perm(kind.approve_permission) for kind in approvals.kinds()
    )


def page(admin: "ModelAdmin[Approval]", request: HttpRequest) -> HttpResponse:
    """What this member of staff may decide, and what he asked for himself; a decision comes back as POST."""
    user = request.user
    rows = approvals.waiting_for(user)
    bound: dict[int, ReasonOnlyForm] = {}
    if request.method == "POST":
        chosen = _number(request.POST.get("approval", ""))
        if not rows.filter(pk=chosen).exists() and not _is_over(chosen, user):
            raise Http404
        form = DecisionForm(request.POST, auto_id=f"approval_{chosen}_%s")
        if form.is_valid():
            _act(request, chosen, form.cleaned_data["reason"])
            return HttpResponseRedirect(reverse(URL))
        bound[chosen] = form
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("p"))
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": _("待审批"),
        "page": shown,
        "entries": _entries(shown, user, bound),
        "history": reverse("admin:core_approval_changelist"),
    }
    return TemplateResponse(request, "backoffice/approvals.html", context)


def _is_over(approval_id: int, user: Any) -> bool:
    """Decided by somebody else a moment ago, within sight: that is told, not denied."""
    over = Approval.objects.exclude(state=ApprovalState.REQUESTED).filter(pk=approval_id)
    return scopes.seen(user, over).exists()


def _act(request: HttpRequest, approval_id: int, reason: str) -> None:
    how: dict[str, Any] = {
        "approval_id": approval_id,
        "actor": Actor.user(request.user),
        "reason": reason,
        "as_of": clock.now(),
        "address": address(request),
    }
    verb = request.POST.get("decision", "")
    try:
        if verb == "withdraw":
            approvals.withdraw(**how)
            messages.success(request, _("申请已撤回"))
        elif verb in ("approve", "reject"):
            messages.success(request, approvals.decide(approve=verb == "approve", **how).text)
        else:
            raise Http404
    except HallError as error:
        messages.error(request, error.text)
        if isinstance(error, Forbidden):
            refuse(request, subject=(Approval._meta.label, str(approval_id)), why=error.code)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Http404
    return int(text)


def _entries(shown: Page[Approval], user: Any, bound: dict[int, ReasonOnlyForm]) -> list[dict[str, Any]]:
    rows = list(shown)
    subjects, names = _subjects(rows), people.names(row.requested_by for row in rows)
    mine = Actor.user(user).ref
    return [
        {
            "approval": row,
            "title": _title(row),
            "detail": _detail(row),
            "subject": subjects.get((row.object_type, row.object_id), row.object_id),
            "subject_url": _url(row) if (row.object_type, row.object_id) in subjects else "",
            "requested_by": names.get(row.requested_by, row.requested_by),
            "is_own": row.requested_by == mine,
            "form": bound.get(row.pk) or DecisionForm(auto_id=f"approval_{row.pk}_%s"),
        }
        for row in rows
    ]


def _title(row: Approval) -> Any:
    kind = approvals.find(row.kind)
    return kind.title if kind else row.kind


def _detail(row: Approval) -> Any:
    """What is asked for, in words; a dash for data of a release that said it otherwise: the desk opens all the same."""
    kind = approvals.find(row.kind)
    try:
        return kind.describe(row.data) if kind else ""
    except (KeyError, TypeError, ValueError):
        logger.warning("approval %s: its data cannot be read", row.pk)
        return MISSING


def _subjects(rows: list[Approval]) -> dict[tuple[str, str], str]:
    """The objects as people call them: one query per type."""
    found: dict[tuple[str, str], str] = {}
    for label in {row.object_type for row in rows}:
        try:
            model = apps.get_model(label)
        except (LookupError, ValueError):
            continue
        keys = [row.object_id for row in rows if row.object_type == label and _is_key(model, row.object_id)]
        objects = model._default_manager.in_bulk(keys)
        found |= {(label, str(key)): f"{model._meta.verbose_name} {each}" for key, each in objects.items()}
    return found


def _is_key(model: type[Model], text: str) -> bool:
    try:
        model._meta.pk.to_python(text)
    except ValidationError:
        return False
    return True


def _url(row: Approval) -> str:
    try:
        return reverse(f"admin:{row.object_type.lower().replace('.', '_')}_change", args=[row.object_id])
    except NoReverseMatch:
        return ""
