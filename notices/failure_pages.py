"""The staff's page of notices that did not arrive: which kinds, why, and where; and one button to try them again."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock, scopes
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin
from core.reasoned import ReasonOnlyForm
from notices import kinds
from notices.models import Channel, Delivery, DeliveryState, Failure
from notices.services import retries

URL = "admin:notices_delivery_failures"
CHANGE = "notices.change_delivery"
DAYS, MOST_GROUPS, MOST_PLACED = 30, 100, 2_000


class AgainForm(ReasonOnlyForm):
    """Which group is tried again, and why."""

    code = forms.CharField(max_length=60, widget=forms.HiddenInput)
    channel = forms.ChoiceField(choices=Channel.choices, widget=forms.HiddenInput)
    failure = forms.ChoiceField(
        choices=[("", ""), *Failure.choices], required=False, widget=forms.HiddenInput
    )
    error = forms.CharField(max_length=200, required=False, strip=False, widget=forms.HiddenInput)


class WithFailures(ReadOnlyAdmin):
    """The list of deliveries, with the page beside it."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.failures_view)
        return [path("failures/", view, name="notices_delivery_failures"), *super().get_urls()]

    def failures_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = AgainForm(request.POST or None, auto_id=False)
        if request.method == "POST" and form.is_valid():
            return self._again(request, dict(form.cleaned_data))
        as_of = clock.now()
        rows = self.within(request, failed(as_of), *self.viewing())
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("未送达的通知"),
            "groups": _groups(rows),
            "places": _places(rows),
            "days": DAYS,
            "form": form,
            "may_retry": request.user.has_perm(CHANGE),
            "most": retries.MOST,
            "changelist": reverse("admin:notices_delivery_changelist"),
        }
        return TemplateResponse(request, "backoffice/notice_failures.html", context)

    def _again(self, request: HttpRequest, data: dict[str, Any]) -> HttpResponse:
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        as_of, reason = clock.now(), data.pop("reason")
        rows = self.within(request, failed(as_of), CHANGE).filter(message__code=data.pop("code"), **data)
        count = retries.send_again(rows=rows, actor=Actor.user(request.user), reason=reason, as_of=as_of)
        messages.success(request, gettext("已重新排队 %(count)s 条") % {"count": count})
        return HttpResponseRedirect(reverse(URL))


def failed(as_of: datetime) -> "QuerySet[Delivery]":
    """What did not arrive in the last days, without secrets: those are never sent late."""
    since = as_of - timedelta(days=DAYS)
    return Delivery.objects.filter(state=DeliveryState.FAILED, created_at__gte=since, expires_at=None)


def _groups(rows: "QuerySet[Delivery]") -> list[dict[str, Any]]:
    grouped = (
        rows.values("message__code", "channel", "failure", "error")
        .annotate(count=Count("pk"), latest=Max("created_at"))
        .order_by("-count", "message__code")[:MOST_GROUPS]
    )
    return [
        {
            **row,
            "code": row["message__code"],
            "title": _title(row["message__code"]),
            "channel_title": Channel(row["channel"]).label,
            "failure_title": Failure(row["failure"]).label if row["failure"] else _("发送进程中断"),
        }
        for row in grouped
    ]


def _title(code: str) -> Any:
    kind = kinds.find(code)
    return kind.title if kind else code


def _places(rows: "QuerySet[Delivery]") -> list[tuple[Any, int]]:
    """How many there are in each region, of the newest."""
    refs = list(rows.order_by("-pk").values_list("message__recipient_ref", flat=True)[:MOST_PLACED])
    known = scopes.places(set(refs))
    return Counter(known.get(ref) or _("不属于任何区域") for ref in refs).most_common()
