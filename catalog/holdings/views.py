"""What a customer holds, and whom he pays for."""

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from billing.services.exports import harmless
from catalog.choices import SuspensionReason
from catalog.holdings.selectors import families, services
from core import clock
from core.errors import NotFound
from operations import registry
from operations.templatetags.slips import operation_url

# What the rooms above offer to do about a holding, where they are there: operation → the words of its button.
_ORDERS = {"package.change": gettext_lazy("变更"), "package.cancel": gettext_lazy("退订")}
_ONLY_WHILE_ON = {"service.pause": gettext_lazy("停机保号")}


@login_required
@require_safe
def service_list(request: HttpRequest) -> HttpResponse:
    """All accounts, or the one that was named."""
    found = services.of_user(request.user, today=clock.local_date(clock.now()))
    number = request.GET.get("account", "")
    shown = [each for each in found if number in ("", each.account.number)]
    if number and not shown:
        raise Http404
    return render(request, "catalog/services/services.html", {"accounts": shown, "is_all": not number})


@login_required
@require_safe
def service(request: HttpRequest, number: str) -> HttpResponse:
    """One holding: how it stands and why, what it costs, what has become of it; 404 for a stranger's."""
    try:
        found, may_order = services.one(request.user, number, today=clock.local_date(clock.now()))
    except NotFound as error:
        raise Http404 from error
    context = {
        "service": found,
        "orders": _orders(found, may_order),
        "stops": [(stop, SuspensionReason(stop.reason)) for stop in found.stops],
        "history": found.row.history.order_by("-pk"),
        "over": found.row.suspensions.model.objects.filter(subscription=found.row, ends_on__isnull=False),
    }
    return render(request, "catalog/services/service.html", context)


@login_required
@require_safe
def family(request: HttpRequest) -> HttpResponse:
    """Whom the user's accounts pay for, who pays for them, and who asks."""
    now = clock.now()
    today = clock.local_date(now)
    context = {
        "headed": families.headed_by(request.user, as_of=now, today=today),
        "memberships": families.memberships_of(request.user, today=today),
        "invitations": families.invitations_to(request.user, as_of=now),
        "today": today,
    }
    return render(request, "catalog/services/family.html", context)


class _Echo:
    """A file that gives back what is written."""

    def write(self, text: str) -> str:
        return text


@login_required
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Everything held and once held, as CSV that spreadsheets open safely."""
    answer = StreamingHttpResponse(
        _lines(request.user, translation.get_language()), content_type="text/csv; charset=utf-8"
    )
    answer.headers["Content-Disposition"] = 'attachment; filename="services.csv"'
    return answer


def _lines(user: Any, language: str) -> Iterator[str]:
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    with translation.override(language):
        head = writer.writerow(
            [
                _("户号"),
                _("订购编号"),
                _("产品"),
                _("状态"),
                _("开通日"),
                _("终止日"),
                _("合约到期日"),
                _("预付至"),
                _("号码"),
                _("设备"),
                _("装机地址"),
            ]
        )
        rows = [writer.writerow([harmless(cell) for cell in row]) for row in services.export(user)]
    yield f"\ufeff{head}"
    yield from rows


def _orders(found: services.Service, may_order: bool) -> list[tuple[Any, str]]:
    """Words and address of what may be ordered about it."""
    if not (may_order and found.may_change):
        return []
    query = f"?subscription={found.row.number}&account={found.row.account.number}"
    words = _ORDERS if found.stops or found.row.ends_on else _ORDERS | _ONLY_WHILE_ON
    known = [(registry.find(code), text) for code, text in words.items()]
    return [(text, operation_url(each) + query) for each, text in known if each is not None]
