"""The staff's page of what each channel brought in a month."""

from datetime import date, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.selectors import channel_months as reads
from billing.selectors.channel_months import Month, Payer
from billing.texts import channel_name
from core import clock, scopes
from core.backoffice import ReadOnlyAdmin

URL = "admin:billing_receipt_channels"
FIRST_YEAR = 2000  # older months have no pages: nobody pages back to the beginning of time
_IMPORTED = "import:"
PAYERS: dict[Payer, str | Promise] = {
    Payer.SELF: _("客户自助缴费"),
    Payer.STAFF: _("人员代收"),
    Payer.OTHER: _("导入的历史款项"),
}


class WithChannelMonths(ReadOnlyAdmin):
    """The list of receipts, with the page beside it."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.channels_view)
        return [path("channels/", view, name="billing_receipt_channels"), *super().get_urls()]

    def channels_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        today = clock.local_date(clock.now())
        scope = scopes.of(request.user, *self.viewing())
        found = reads.months(_month(request.GET.get("month", ""), today), scope=scope)
        shown = found[0]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("渠道收款月报"),
            "month": shown,
            "rows": _rows(shown),
            "months": [{"month": month, "url": _url(month.first), "share": _share(month)} for month in found],
            "payers": [(name, shown.net_of(payer)) for payer, name in PAYERS.items()],
            "share": _share(shown),
            "earlier": _url(found[1].first),
            "later": _url(_next(shown.first)) if _next(shown.first) <= today else "",
        }
        return TemplateResponse(request, "backoffice/channel_months.html", context)


def _rows(month: Month) -> list[dict[str, Any]]:
    """A line a channel, an import under its own name."""
    return [
        {
            "name": gateway if gateway.startswith(_IMPORTED) else channel_name(gateway),
            "payer": PAYERS[reads.payer_of(gateway)],
            "sums": sums,
        }
        for gateway, sums in sorted(month.channels.items())
    ]


def _share(month: Month) -> str:
    share = month.self_paid_permille
    return "—" if share is None else f"{share // 10}.{share % 10}%"


def _month(text: str, today: date) -> date:
    if not text:
        return today.replace(day=1)
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise Http404 from error
    if month.year < FIRST_YEAR or month > today:
        raise Http404
    return month


def _url(month: date) -> str:
    return f"{reverse(URL)}?month={month:%Y-%m}" if month.year >= FIRST_YEAR else ""


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)
